"""The search asks, the flow answers: leaving, slots, single flight."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.flow import Flow, judge, pipeline
from tests.support.settings import STUDY, request
from workbench.errors import ExecutionFailed
from workbench.nouns import Execution, ExecutionRequest, Judge, ScoreRequest, Verdict
from workbench.providers import Provider
from workbench.search.asks import Asks, Desk, Execute, SearchStopped, slots

SCORING = ScoreRequest(STUDY.goals[0], Judge("judge", Provider("gemini", "http://127.0.0.1:9", "x"), "template"))


def trial(desk: Desk, prompt: str, replicate: int = 0) -> Verdict:
    return desk.verdict(SCORING, desk.plan(request(prompt, replicate)))


def together(calls: int, prompt: str = "rollback") -> object:
    def work(desk: Desk) -> list[Verdict]:
        with ThreadPoolExecutor(calls) as pool:
            return list(pool.map(lambda n: trial(desk, prompt, n), range(calls)))

    return work


def test_an_ask_is_answered_with_what_the_flow_found() -> None:
    """Execution, plan and verdict come back to the thread that asked."""
    verdict = Flow().answer(lambda desk: trial(desk, "rollback and telemetry"))
    assert verdict == judge(SCORING, Flow().answer(lambda desk: desk.plan(request("rollback and telemetry"))))


def test_no_more_executions_run_at_once_than_there_are_slots() -> None:
    """Twenty asks at once are executed three at a time, and all are answered."""
    flow = Flow(concurrency=3, latency=0.02)
    assert len(flow.answer(together(20))) == 20  # type: ignore[arg-type]
    assert flow.calls["execute"] == 20
    assert flow.at_once == 3


def test_two_asks_with_one_key_are_one_execution() -> None:
    """Single flight: those who ask while it runs, and those who ask later, share the answer."""
    flow = Flow(latency=0.05)

    def work(desk: Desk) -> list[Verdict]:
        with ThreadPoolExecutor(8) as pool:
            shared = list(pool.map(lambda _: trial(desk, "rollback"), range(8)))
        return [*shared, trial(desk, "rollback")]

    assert len(set(flow.answer(work))) == 1
    assert flow.calls == {"execute": 1, "retrieve": 1, "score": 1}


def test_a_failure_ends_the_loop_and_is_raised_after_the_work_has_ended() -> None:
    """The cause is what the caller sees; the work sees SearchStopped, and its thread is gone."""
    seen: list[BaseException] = []

    def fails(wanted: ExecutionRequest) -> Execution:
        raise ExecutionFailed("no such server", kind="provider unavailable")

    def work(desk: Desk) -> None:
        for _ in range(50):
            try:
                desk.plan(request("anything"))
            except Exception:  # noqa: S112  # what optimizers do, and what must not keep a search alive
                continue
            except BaseException as stopped:
                seen.append(stopped)
                raise

    with pytest.raises(ExecutionFailed, match="no such server"):
        Flow(execute=fails).answer(work)
    assert [type(stopped) for stopped in seen] == [SearchStopped]
    assert not [thread for thread in threading.enumerate() if thread.name == "workbench-search"]


def test_a_failure_lets_what_is_in_flight_finish() -> None:
    """What runs beside the call that failed is paid for: it ends before the loop does."""
    finished: list[str] = []

    def one_fails(wanted: ExecutionRequest) -> Execution:
        if wanted.replicate == 0:
            time.sleep(0.05)  # the others are under way
            raise ExecutionFailed("dead", kind="provider unavailable")
        time.sleep(0.2)
        finished.append(wanted.key)
        return pipeline(wanted)

    with pytest.raises(ExecutionFailed):
        Flow(execute=one_fails).answer(together(4))  # type: ignore[arg-type]
    assert len(finished) == 3


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_leaves_the_loop_ends_the_work(leaving: type[BaseException]) -> None:
    """An interrupt in the flow's thread answers every ask and joins the thread at once."""
    asked = threading.Event()
    stopped = threading.Event()

    def work(desk: Desk) -> None:
        asked.set()
        try:
            desk.plan(request("never answered"))
        except SearchStopped:
            stopped.set()
            raise

    begun = time.monotonic()
    with pytest.raises(leaving), Asks(work, slots(1)) as asks:
        asked.wait(5)
        raise leaving
    assert stopped.is_set()
    assert not asks._thread.is_alive()
    assert time.monotonic() - begun < 5


def test_after_leaving_every_ask_is_refused() -> None:
    """Nothing that asks later can hang."""
    desks: list[Desk] = []
    with Asks(desks.append, slots(1)) as asks:
        for _ in asks:
            raise AssertionError
    with pytest.raises(SearchStopped):
        desks[0].plan(request("late"))


def test_an_error_of_the_work_itself_is_raised() -> None:
    """An optimizer that breaks does not pass for one that has finished."""

    def work(desk: Desk) -> None:
        raise ZeroDivisionError("optimizer broke")

    with pytest.raises(ZeroDivisionError, match="optimizer broke"):
        Flow().answer(work)


def test_executions_go_before_everything_else() -> None:
    """When an execution and a retrieval are ready, the execution is submitted first."""
    order: list[str] = []

    def work(desk: Desk) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: desk.plan(request("x", n)), range(2)))

    def done(value: object) -> Future[object]:
        future: Future[object] = Future()
        future.set_result(value)
        return future

    with Asks(work, slots(1)) as asks:
        for ask in asks:
            order.append(type(ask).__name__)
            if isinstance(ask, Execute):
                time.sleep(0.05)  # the other execution is asked for meanwhile
                asks.answer(ask, done(Execution(ask.key, "a: 1", Path(), 0.0)))
            else:
                from workbench.nouns import Plan

                asks.answer(ask, done(Plan(f"a: {ask.key}")))
    assert order == ["Execute", "Execute", "Retrieve", "Retrieve"]
