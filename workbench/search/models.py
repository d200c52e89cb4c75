"""Makes the proposer a DSPy language model that asks the flow, and reads DSPy's rollout numbers.

An *engine* is the part of a `dspy.LM` that answers requests. The proposer's engine is in this module. The pipeline's
engine is in `workbench.search.programs`. DSPy's own cache and retries are off for both, because the flow's tasks keep
answers and retry.

DSPy sets a `rollout_id` on a model to get another sample of the same request. This number becomes the execution's
replicate.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import replace
from typing import Any, Protocol

import dspy
from dspy import lm15
from dspy.utils.callback import BaseCallback

from workbench.provider_table import KNOWN
from workbench.run.setting import Setting
from workbench.search.asker import Asker
from workbench.search.proposal import ProposalRequest

#: The longest answer that the proposer may give, in tokens. Thoughts count, too, so the limit leaves room for them.
PROPOSER_TOKENS = 32_000

#: The messages of a request, each as role and text.
Messages = tuple[tuple[str, str], ...]

_rollout: ContextVar[int] = ContextVar("workbench_rollout")


class Rollouts(BaseCallback):  # type: ignore[misc]  # DSPy has no type information
    """Store the rollout number of each model call in a context variable, where the engine can read it.

    DSPy does not pass this number to an engine. The callback and the engine run in the same thread, so both see the
    same context variable.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, Token[int]] = {}

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        arguments = inputs.get("kwargs") or {}
        rollout = arguments.get("rollout_id", instance.kwargs.get("rollout_id"))
        self._tokens[call_id] = _rollout.set(rollout or 0)

    def on_lm_end(self, call_id: str, outputs: Any, exception: Exception | None = None) -> None:
        _rollout.reset(self._tokens.pop(call_id))


def rollout_of(lm: dspy.LM | None) -> int:
    """Return the rollout number that an optimizer set on this model, or 0.

    Optimizers set another number if they want another sample of the same request.
    """
    lm = lm or dspy.settings.lm
    return (lm.kwargs.get("rollout_id") if lm is not None else None) or 0


def current_rollout() -> int:
    """Return the rollout number of the model call that runs in this thread."""
    return _rollout.get()


def reply(model: str, text: str) -> lm15.Response:
    """Return a text as the response of an engine."""
    message = lm15.Message(role="assistant", parts=(lm15.TextPart(text),))
    return lm15.Response(id=None, model=model, message=message, finish_reason="stop", usage=lm15.Usage())


class Refusals(Protocol):
    """The record of the prompts that were refused, because they copy a gold plan."""

    @property
    def warning(self) -> str:
        """Return the warning for the proposer, or an empty text if no gold plan was copied."""
        ...

    def note_proposal(self, text: str) -> None:
        """Note if an answer of the proposer copies a gold plan."""
        ...


class ProposerEngine:
    """Send each request to the flow, and wait for its answer.

    If a prompt was refused because it copies a gold plan, the engine adds a warning to the end of the last message of
    every later request. So an optimizer that writes its own requests need not know of refused prompts.

    Args:
        samples: True for an optimizer, False for a program. If a program repeats a request, it expects the same answer.
            If an optimizer repeats a request, it expects another sample: COPRO repeats one request ten times at once,
            and GEPA repeats a request whenever it returns to a prompt. So equal requests of an optimizer are numbered
            (`draw`). Optimizers send one request after the other, so a replay numbers the requests in the same way.
        refusals: the record of the refused prompts; None for a program.
    """

    def __init__(self, setting: Setting, asker: Asker, *, samples: bool, refusals: Refusals | None = None) -> None:
        self._setting = setting
        self._asker = asker
        self._samples = samples
        self._refusals = refusals
        #: How often an optimizer has sent each request, by the request's key.
        self._draws: Counter[str] = Counter()
        #: The newest answer, for a message.
        self.last_answer = ""
        self._lock = threading.Lock()

    @property
    def samples_requested(self) -> int:
        """Return how many samples the optimizer has asked for."""
        return self._draws.total()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> ProposerEngine:
        return self  # copies of a model share the numbering of its draws

    def complete(self, request: lm15.Request) -> lm15.Response:
        """Return the response to a request of DSPy."""
        study, system, config = self._setting.study, request.system, request.config
        proposal = ProposalRequest(
            model=request.model,
            system=system if system is None or isinstance(system, str) else "\n".join(part.text for part in system),
            messages=self._warned(tuple((message.role, message.text or "") for message in request.messages)),
            # Optimizers have temperatures of their own, which some models refuse. So a temperature is only sent if the
            # study names one.
            temperature=None if study.proposer.temperature is None else config.temperature,
            max_tokens=config.max_tokens,
            response_format=json.dumps(config.response_format, sort_keys=True) if config.response_format else None,
            provider=self._setting.proposer,
            rollout=current_rollout(),
            draw=0,
            run=self._setting.run.path,
            timeout_seconds=study.model_timeout,
        )
        if self._samples:
            with self._lock:
                key = proposal.key
                proposal = replace(proposal, draw=self._draws[key])
                self._draws[key] += 1
        text = self.last_answer = self._asker.propose(proposal).text
        if self._refusals is not None:
            self._refusals.note_proposal(text)
        return reply(request.model, text)

    def _warned(self, messages: Messages) -> Messages:
        """Return the messages. If there is a warning about refused prompts that no message has, add it to the last."""
        warning = self._refusals.warning if self._refusals is not None else ""
        if not warning or not messages or any(warning in text for _, text in messages):
            return messages
        *earlier, (role, text) = messages
        return (*earlier, (role, f"{text}\n\n{warning}"))


def proposer_lm(setting: Setting, asker: Asker, *, samples: bool, refusals: Refusals | None = None) -> dspy.LM:
    """Return the study's proposer as a DSPy model.

    It serves as an optimizer's `prompt_model` or `reflection_lm`, and as the model of the `writer` program.
    `ProposerEngine` explains `samples` and `refusals`.
    """
    model = setting.study.proposer
    return dspy.LM(
        f"{model.provider}/{model.name}",
        engine=ProposerEngine(setting, asker, samples=samples, refusals=refusals),
        temperature=model.temperature,
        # A model of another service or of a local server may allow fewer tokens, so its own limit applies.
        max_tokens=None if KNOWN[model.provider].protocol == "openai" else PROPOSER_TOKENS,
        cache=False,
        num_retries=0,
        callbacks=[Rollouts()],
    )
