"""Answers asks as the flow does, with threads instead of task runs: for tests of the search alone."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from workbench.execution.plan import retrieve
from workbench.nouns import Execution, ExecutionRequest, Plan, ScoreRequest, Verdict
from workbench.providers import digest
from workbench.search.asks import Asks, Desk, Execute, Propose, Retrieve, Score, slots
from workbench.search.proposal import Proposal, ProposalRequest

T = TypeVar("T")

#: What a plan may speak of. A prompt that names one gets it; others come by chance.
TOPICS = ("supervision", "telemetry", "backpressure", "rollback", "idempotence", "property tests")


def pipeline(request: ExecutionRequest) -> Execution:
    """A pipeline whose plan covers what its prompt names, and a little by chance."""
    lucky = {topic for topic in TOPICS if int(digest(request.key, topic)[:2], 16) < 90}
    covered = [topic for topic in TOPICS if topic in request.prompt or topic in lucky]
    return Execution(request.key, "stages:\n" + "".join(f"- {topic}\n" for topic in covered) + "- end\n", Path(), 0.0)


def judge(request: ScoreRequest, plan: Plan) -> Verdict:
    """A judge who counts topics and names a missing one."""
    missing = [topic for topic in TOPICS if topic not in plan.text]
    return Verdict(10 * (1 - len(missing) / len(TOPICS)), f"missing: {', '.join(missing[:2]) or 'nothing'}")


def no_proposer(request: ProposalRequest) -> Proposal:
    raise AssertionError("nothing was to be proposed")


@dataclass
class Flow:
    """Who answers, how many at once, and how much their latencies differ (seconds). `calls` counts what was asked."""

    propose: Callable[[ProposalRequest], Proposal] = no_proposer
    execute: Callable[[ExecutionRequest], Execution] = pipeline
    score: Callable[[ScoreRequest, Plan], Verdict] = judge
    concurrency: int = 4
    latency: float = 0.0
    shuffle: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    at_once: int = 0

    def answer(self, work: Callable[[Desk], T]) -> T:
        """Run a piece of work to its end and return what it found."""
        chance = random.Random(self.shuffle)
        with ThreadPoolExecutor(64) as pool, Asks(work, slots(self.concurrency)) as asks:
            running = 0

            def begin(kind: str, call: Callable[[], Any]) -> Future[Any]:
                nonlocal running
                self.calls[kind] += 1
                pause = chance.random() * self.latency
                if kind == "execute":
                    running += 1
                    self.at_once = max(self.at_once, running)

                def play() -> Any:
                    time.sleep(pause)
                    return call()

                future = pool.submit(play)

                def over(_: Future[Any]) -> None:
                    nonlocal running
                    running -= kind == "execute"

                future.add_done_callback(over)
                return future

            for ask in asks:
                match ask:
                    case Propose():
                        asks.answer(ask, begin("propose", lambda ask=ask: self.propose(ask.request)))
                    case Execute():
                        asks.answer(ask, begin("execute", lambda ask=ask: self.execute(ask.request)))
                    case Retrieve():
                        asks.answer(ask, begin("retrieve", lambda ask=ask: retrieve(ask.execution.result())))
                    case Score():
                        asks.answer(ask, begin("score", lambda ask=ask: self.score(ask.request, ask.plan.result())))
        return asks.found
