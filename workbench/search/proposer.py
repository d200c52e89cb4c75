"""The one call that answers a proposal, through DSPy's own client for the provider."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from workbench.errors import ProposalFailed
from workbench.providers import Provider
from workbench.run import journal
from workbench.search.proposal import Proposal, ProposalRequest

if TYPE_CHECKING:
    import dspy
    from dspy import lm15

ATTEMPT_SECONDS = 300.0

#: Where DSPy's clients expect a provider's address to end.
API_PATH = {"gemini": "/v1beta", "anthropic": "/v1"}


def propose(request: ProposalRequest) -> Proposal:
    """Ask the model once.

    Raises:
        MissingKey: the provider's key is not in the environment.
        ProposalFailed: the model did not answer, or answered nothing.
    """
    key = request.provider.key()
    with journal.attempt(request.run, "propose", request.key):
        response = _call(request, key)
        text = response.message.text or ""
        if not text.strip():
            raise ProposalFailed(
                f"{request.model} answered nothing ({response.finish_reason}); run the same command again to go on",
                kind="empty reply",
            )
        return Proposal(text)


def _call(request: ProposalRequest, key: str) -> lm15.Response:
    import dspy
    from dspy import lm15
    from dspy.utils.exceptions import LMError

    wanted = lm15.Request(
        model=request.model,
        system=request.system,
        messages=tuple(lm15.Message(role=role, parts=(lm15.TextPart(text),)) for role, text in request.messages),
        config=lm15.Config(
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            response_format=None if request.response_format is None else json.loads(request.response_format),
            seed=request.seed if request.provider.name == "gemini" else None,
        ),
    )
    try:
        with dspy.context(disable_history=True):
            response: lm15.Response = _client(request.model, request.provider, key)(request=wanted)
            return response
    except LMError as error:
        raise _translated(error, request, key) from error


@lru_cache(maxsize=8)
def _client(model: str, provider: Provider, key: str) -> dspy.LM:
    import dspy

    # Results are cached by Prefect's tasks, and retried by them: DSPy does neither here.
    return dspy.LM(
        model,
        api_base=provider.base_url + API_PATH[provider.name],
        api_key=key,
        cache=False,
        num_retries=0,
        timeout=ATTEMPT_SECONDS,
    )


def _translated(error: Exception, request: ProposalRequest, key: str) -> ProposalFailed:
    from dspy.utils import exceptions as said

    kinds: tuple[tuple[type[Exception], str, bool], ...] = (
        (said.LMAuthError, "authentication", True),
        (said.LMBillingError, "billing", True),
        (said.LMRateLimitError, "rate limit", False),
        (said.LMTimeoutError, "timeout", False),
        (said.LMInvalidRequestError, "bad request", True),
        (said.LMUnsupportedModelError, "bad request", True),
    )
    kind, lasting = next(
        ((kind, lasting) for cls, kind, lasting in kinds if isinstance(error, cls)), ("provider unavailable", False)
    )
    message = str(error).replace(key, "…")
    return ProposalFailed(
        f"the proposer {request.model} at {request.provider.base_url} failed ({kind}): {message}",
        kind=kind,
        lasting=lasting,
    )
