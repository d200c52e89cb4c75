"""Answer a request for a proposal with one call to the model, through DSPy's own client for the provider."""

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

#: The longest time that one call may take.
ATTEMPT_SECONDS = 300.0

#: The path that DSPy's client expects at the end of a provider's address.
API_PATH = {"gemini": "/v1beta", "anthropic": "/v1"}


def propose(request: ProposalRequest) -> Proposal:
    """Ask the model once, and return its answer.

    Raises:
        MissingKey: the provider's key is not in the environment.
        ProposalFailed: the model did not answer, or its answer is blank.
    """
    key = request.provider.key()
    with journal.attempt(request.run, "propose", request.key):
        response = _call(request, key)
        text = response.message.text or ""
        if not text.strip():
            raise ProposalFailed(
                f"the answer of {request.model} is empty (finish reason: {response.finish_reason}); expected a text; "
                "run the same command again to go on",
                kind="empty reply",
            )
        return Proposal(text)


def _call(request: ProposalRequest, key: str) -> lm15.Response:
    import dspy
    from dspy import lm15
    from dspy.utils.exceptions import LMError

    lm_request = lm15.Request(
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
            response: lm15.Response = _client(request.model, request.provider, key)(request=lm_request)
            return response
    except LMError as error:
        raise _proposal_failed(error, request, key) from error


@lru_cache(maxsize=8)
def _client(model: str, provider: Provider, key: str) -> dspy.LM:
    import dspy

    # Prefect's tasks cache answers and retry calls, so DSPy does neither.
    return dspy.LM(
        model,
        api_base=provider.base_url + API_PATH[provider.name],
        api_key=key,
        cache=False,
        num_retries=0,
        timeout=ATTEMPT_SECONDS,
    )


def _proposal_failed(error: Exception, request: ProposalRequest, key: str) -> ProposalFailed:
    """Return an error of DSPy's client as an error of ours. The provider's key is removed from its text."""
    from dspy.utils import exceptions

    kinds: tuple[tuple[type[Exception], str, bool], ...] = (
        (exceptions.LMAuthError, "authentication", True),
        (exceptions.LMBillingError, "billing", True),
        (exceptions.LMRateLimitError, "rate limit", False),
        (exceptions.LMTimeoutError, "timeout", False),
        (exceptions.LMInvalidRequestError, "bad request", True),
        (exceptions.LMUnsupportedModelError, "bad request", True),
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
