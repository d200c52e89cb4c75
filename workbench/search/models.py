"""DSPy language models that ask: the pipeline and the proposer, as engines of `dspy.LM`.

DSPy's own cache and retries are off for both: answers are kept by the flow's tasks, which retry too.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.callback import BaseCallback

from workbench.nouns import Model
from workbench.providers import Provider
from workbench.search.asks import Asker
from workbench.search.proposal import ProposalRequest

PROPOSER_TOKENS = 16_000


_rollout: ContextVar[int] = ContextVar("workbench_rollout")


class Rollouts(BaseCallback):  # type: ignore[misc]  # DSPy has no type information
    """Notes each call's rollout where its engine can read it: DSPy tells engines nothing, but shares their thread."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token[int]] = {}

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        given = inputs.get("kwargs") or {}
        rollout = given.get("rollout_id", instance.kwargs.get("rollout_id"))
        self._tokens[call_id] = _rollout.set(rollout or 0)

    def on_lm_end(self, call_id: str, outputs: Any, exception: Exception | None = None) -> None:
        _rollout.reset(self._tokens.pop(call_id))


def rollout_of(lm: dspy.LM | None) -> int:
    """The rollout that an optimizer gave this model: 0 unless it wants another sample of the same."""
    lm = lm or dspy.settings.lm
    return (lm.kwargs.get("rollout_id") if lm is not None else None) or 0


def current_rollout() -> int:
    return _rollout.get()


def reply(model: str, text: str) -> lm15.Response:
    message = lm15.Message(role="assistant", parts=(lm15.TextPart(text),))
    return lm15.Response(id=None, model=model, message=message, finish_reason="stop", usage=lm15.Usage())


class ProposerEngine:
    """Hands a request to the flow and waits for its answer.

    Args:
        samples: an optimizer that asks the same again wants another sample: COPRO asks ten times at once, GEPA whenever
            it comes back to a prompt. The n-th equal request is draw n; optimizers ask one after the other, so that a
            replay numbers them alike. A program that asks the same again wants the same.
    """

    def __init__(self, asker: Asker, provider: Provider, run: Path, *, samples: bool) -> None:
        self._asker = asker
        self._provider = provider
        self._run = run
        self._samples = samples
        self._drawn: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def asked(self) -> int:
        """How many samples an optimizer has asked for."""
        return self._drawn.total()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> ProposerEngine:
        return self  # copies of a model share the numbering of its draws

    def complete(self, request: lm15.Request) -> lm15.Response:
        system, config = request.system, request.config
        wanted = ProposalRequest(
            model=request.model,
            system=system if system is None or isinstance(system, str) else "\n".join(part.text for part in system),
            messages=tuple((message.role, message.text or "") for message in request.messages),
            temperature=config.temperature,
            max_tokens=config.max_tokens,
            response_format=json.dumps(config.response_format, sort_keys=True) if config.response_format else None,
            provider=self._provider,
            rollout=current_rollout(),
            draw=0,
            run=self._run,
        )
        if self._samples:
            with self._lock:
                first = wanted.key
                wanted = replace(wanted, draw=self._drawn[first])
                self._drawn[first] += 1
        return reply(request.model, self._asker.propose(wanted).text)


def proposer_lm(model: Model, asker: Asker, provider: Provider, run: Path, *, samples: bool) -> dspy.LM:
    """The proposer as DSPy takes it: an optimizer's prompt_model or reflection_lm, or the model of the `writer`."""
    return dspy.LM(
        f"{model.provider}/{model.name}",
        engine=ProposerEngine(asker, provider, run, samples=samples),
        temperature=model.temperature,
        max_tokens=PROPOSER_TOKENS,
        cache=False,
        num_retries=0,
        callbacks=[Rollouts()],
    )
