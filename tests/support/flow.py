"""A flow for tests of the search alone: it answers asks as the real flow does, in threads instead of task runs."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from workbench.execution.plan import retrieve
from workbench.nouns import DrawnCriteria, DrawRequest, Execution, ExecutionRequest, Plan, ScoreRequest, Verdict
from workbench.providers import digest
from workbench.search.ask_kinds import Draw, Execute, Propose, Retrieve, Score, slots
from workbench.search.asker import Asker
from workbench.search.asks import Asks
from workbench.search.proposal import Proposal, ProposalRequest

T = TypeVar("T")

#: The topics that a plan can cover. A plan covers every topic that its prompt names, and others by chance.
TOPICS = ("supervision", "telemetry", "backpressure", "rollback", "idempotence", "property tests")


def pipeline(request: ExecutionRequest) -> Execution:
    """Return an execution whose plan covers the topics that its prompt names, and a few others by chance."""
    lucky = {topic for topic in TOPICS if int(digest(request.key, topic)[:2], 16) < 90}
    covered = [topic for topic in TOPICS if topic in request.prompt or topic in lucky]
    return Execution(request.key, "stages:\n" + "".join(f"- {topic}\n" for topic in covered) + "- end\n", Path(), 0.0)


def judge(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return a verdict that counts the plan's topics and names up to two missing topics."""
    missing = [topic for topic in TOPICS if topic not in plan.text]
    return Verdict(10 * (1 - len(missing) / len(TOPICS)), f"missing: {', '.join(missing[:2]) or 'nothing'}")


def no_proposer(request: ProposalRequest) -> Proposal:
    raise AssertionError("the search asked for a proposal; this test expects none")


def no_drawing(request: DrawRequest) -> DrawnCriteria:
    raise AssertionError("the work asked for criteria; this test expects none")


def plans(retrieval: Retrieve) -> list[Plan]:
    """Return the plans of finished executions."""
    return [retrieve(execution.result()) for execution in retrieval.executions]


@dataclass
class Flow:
    """How asks are answered.

    Attributes:
        propose, execute, score, draw: the functions that answer.
        concurrency: how many executions run at once.
        latency: the longest pause before an answer, in seconds. Each pause is random.
        shuffle: the seed of the pauses.
        calls: counts the asks of each kind. A retrieval counts as many times as it has executions.
        most_at_once: the highest number of executions that ran at once.
    """

    propose: Callable[[ProposalRequest], Proposal] = no_proposer
    execute: Callable[[ExecutionRequest], Execution] = pipeline
    score: Callable[[ScoreRequest, Plan], Verdict] = judge
    draw: Callable[[DrawRequest], DrawnCriteria] = no_drawing
    concurrency: int = 4
    latency: float = 0.0
    shuffle: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0

    def answer(self, work: Callable[[Asker], T]) -> T:
        """Run the work to its end, and return its result."""
        rng = random.Random(self.shuffle)
        with ThreadPoolExecutor(64) as pool, Asks(work, slots(self.concurrency)) as asks:
            running = 0

            def begin(kind: str, call: Callable[[], Any], count: int = 1) -> Future[Any]:
                nonlocal running
                self.calls[kind] += count
                pause = rng.random() * self.latency
                if kind == "execute":
                    running += 1
                    self.most_at_once = max(self.most_at_once, running)

                def call_after_pause() -> Any:
                    time.sleep(pause)
                    return call()

                future = pool.submit(call_after_pause)

                def count_end(_: Future[Any]) -> None:
                    nonlocal running
                    running -= kind == "execute"

                future.add_done_callback(count_end)
                return future

            for ask in asks:
                match ask:
                    case Propose():
                        asks.answer(ask, begin("propose", partial(self.propose, ask.request)))
                    case Execute():
                        asks.answer(ask, begin("execute", partial(self.execute, ask.request)))
                    case Retrieve():
                        asks.answer(ask, begin("retrieve", partial(plans, ask), len(ask.executes)))
                    case Draw():
                        asks.answer(ask, begin("draw", partial(self.draw, ask.request)))
                    case Score():
                        asks.answer(ask, begin("score", partial(self.score, ask.request, ask.plan)))
        return asks.result
