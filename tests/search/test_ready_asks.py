"""Tests of the rule *judge last* in `workbench/search/asks.py`."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.settings import STUDY, request
from workbench.nouns import Judge, Plan, ScoreRequest
from workbench.providers import Provider
from workbench.search.ask_kinds import Execute, Score, slots
from workbench.search.ready_asks import ReadyAsks

JUDGE = Judge("judge", Provider("gemini", "http://127.0.0.1:9", "x"), "template")
#: More seconds than any test takes.
LONG = 600.0


@dataclass
class Started:
    """An execution that has just been taken, and a score that is ready."""

    ready: ReadyAsks
    execute: Execute
    score: Score


@pytest.fixture
def started(begin_seconds: float, score_seconds: float) -> Started:
    ready = ReadyAsks(slots(4), lambda ask: lambda: None, begin_seconds, score_seconds)
    execute = Execute(request("prompt", 0), key="execute")
    score = Score(ScoreRequest(STUDY.goals[0], JUDGE), Plan("a: 1"), None, key="score")
    ready.add(execute)
    ready.add(score)
    assert ready.take() is execute
    return Started(ready, execute, score)


@pytest.mark.parametrize(("begin_seconds", "score_seconds"), [(LONG, LONG)])
def test_a_score_waits_while_an_execution_begins(started: Started) -> None:
    """Other executions are taken meanwhile. The flow looks again when the executions have begun."""
    assert started.ready.take() is None
    assert started.ready.next_look is not None and 0 < started.ready.next_look <= LONG
    another = Execute(request("prompt", 1), key="another")
    started.ready.add(another)
    assert started.ready.take() is another


@pytest.mark.parametrize(("begin_seconds", "score_seconds"), [(LONG, LONG)])
def test_a_score_does_not_wait_if_no_execution_runs(started: Started) -> None:
    """The answer of the execution was kept, for instance."""
    started.ready.finished(started.execute, bought=False)
    assert started.ready.take() is started.score


@pytest.mark.parametrize(("begin_seconds", "score_seconds"), [(LONG, 0.0), (0.0, LONG)])
def test_a_score_does_not_wait_for_ever(started: Started) -> None:
    """Its own time is over, or the execution has begun."""
    assert started.ready.take() is started.score
    assert started.ready.take() is None
    assert started.ready.next_look is None
