"""Tests of four of the rules in `workbench/search/asks.py`: leaving, stopping, slots and single flight."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.flow import Flow, judge, pipeline, plans
from tests.support.settings import STUDY, request
from workbench.errors import ExecutionFailed, NotJudged
from workbench.nouns import Execution, ExecutionRequest, Judge, Plan, ScoreRequest, Trial, Verdict
from workbench.providers import Provider
from workbench.search.ask_kinds import Ask, Execute, Retrieve, slots
from workbench.search.asker import Asker, SearchStopped
from workbench.search.asks import Asks

SCORING = ScoreRequest(STUDY.goals[0], Judge("judge", Provider("gemini", "http://127.0.0.1:9", "x"), "template"))


def trial(asker: Asker, prompt: str, replicate: int = 0) -> Verdict:
    return asker.verdict(SCORING, asker.plan(request(prompt, replicate)))


def finished(value: object) -> Future[object]:
    """Return a future that has its result already."""
    future: Future[object] = Future()
    future.set_result(value)
    return future


def concurrent_trials(calls: int, prompt: str = "rollback") -> Callable[[Asker], list[Verdict]]:
    """Return work that asks for this many trials at once, each a replicate of its own."""

    def work(asker: Asker) -> list[Verdict]:
        with ThreadPoolExecutor(calls) as pool:
            return list(pool.map(lambda n: trial(asker, prompt, n), range(calls)))

    return work


def test_the_work_gets_the_answers_of_the_flow() -> None:
    """Plan and verdict come back to the thread that asked for them."""
    verdict = Flow().answer(lambda asker: trial(asker, "rollback and telemetry"))
    assert verdict == judge(SCORING, Flow().answer(lambda asker: asker.plan(request("rollback and telemetry"))))


def test_no_more_executions_run_at_once_than_there_are_slots() -> None:
    """Of twenty concurrent asks, three run at a time, and all are answered."""
    flow = Flow(concurrency=3, latency=0.02)
    assert len(flow.answer(concurrent_trials(20))) == 20
    assert flow.calls["execute"] == 20
    assert flow.most_at_once == 3


def test_a_model_is_asked_alone_until_it_has_answered_once() -> None:
    """A failure that lasts is met once. After the first answer, all slots are used."""
    first_call, others = threading.Lock(), threading.Barrier(4)

    def reject(request: ScoreRequest, plan: Plan) -> Verdict:
        raise NotJudged("the provider rejects the key", kind="authentication", lasting=True)

    def score(request: ScoreRequest, plan: Plan) -> Verdict:
        if not first_call.acquire(blocking=False):
            others.wait(60)
        return judge(request, plan)

    def work(asker: Asker) -> list[Verdict]:
        requests = [replace(SCORING, replicate=number) for number in range(5)]
        with ThreadPoolExecutor(5) as pool:
            return list(pool.map(lambda request: asker.verdict(request, Plan("a: 1")), requests))

    rejected = Flow(score=reject)
    with pytest.raises(NotJudged):
        rejected.answer(work)
    assert rejected.calls["score"] == 1
    assert len(Flow(score=score, concurrency=4).answer(work)) == 5


def test_a_kept_answer_does_not_show_that_the_model_answers() -> None:
    """The second ask is still alone. The third and the fourth ask come together, after an answer was bought."""

    def work(asker: Asker) -> None:
        requests = [replace(SCORING, replicate=number) for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda request: asker.verdict(request, Plan("a: 1")), requests))

    futures: list[Future[Verdict]] = []
    with Asks(work, slots(4)) as asks:
        for ask in asks:
            assert all(future.done() for future in futures[:2])
            futures.append(Future())
            asks.answer(ask, futures[-1], bought=lambda task: task is not futures[0])
            if len(futures) != 3:
                for future in futures:
                    if not future.done():
                        future.set_result(Verdict(5.0, "fine"))


def test_asks_with_equal_keys_share_one_execution() -> None:
    """Threads that ask during the execution, and threads that ask later, get the same answer."""
    flow = Flow(latency=0.05)

    def work(asker: Asker) -> list[Verdict]:
        with ThreadPoolExecutor(8) as pool:
            shared = list(pool.map(lambda _: trial(asker, "rollback"), range(8)))
        return [*shared, trial(asker, "rollback")]

    assert len(set(flow.answer(work))) == 1
    assert flow.calls == {"execute": 1, "retrieve": 1, "score": 1}


def test_a_failed_task_ends_the_loop_and_is_raised_after_the_work_has_ended() -> None:
    """The caller gets the task's error. The work gets SearchStopped, and its thread has ended."""
    errors: list[BaseException] = []

    def fail(request: ExecutionRequest) -> Execution:
        raise ExecutionFailed("no such server", kind="provider unavailable")

    def work(asker: Asker) -> None:
        for _ in range(50):
            try:
                asker.plan(request("anything"))
            except Exception:  # noqa: S112  # optimizers do this, and it must not keep a search alive
                continue
            except BaseException as error:
                errors.append(error)
                raise

    with pytest.raises(ExecutionFailed, match="no such server"):
        Flow(execute=fail).answer(work)
    assert [type(error) for error in errors] == [SearchStopped]
    assert not [thread for thread in threading.enumerate() if thread.name == "workbench-search"]


def test_a_failure_lets_the_other_running_tasks_finish() -> None:
    """The tasks that run beside the failed task are paid for, so the loop waits for their ends."""
    finished_keys: list[str] = []
    all_have_begun = threading.Barrier(4)

    def fail_the_first(request: ExecutionRequest) -> Execution:
        all_have_begun.wait(60)
        if request.replicate == 0:
            raise ExecutionFailed("dead", kind="provider unavailable")
        time.sleep(0.2)
        finished_keys.append(request.key)
        return pipeline(request)

    with pytest.raises(ExecutionFailed):
        Flow(execute=fail_the_first).answer(concurrent_trials(4))
    assert len(finished_keys) == 3


@pytest.mark.parametrize("error_type", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_an_error_in_the_flows_thread_ends_the_work(error_type: type[BaseException]) -> None:
    """The waiting ask raises SearchStopped, and the work's thread ends within seconds."""
    work_started = threading.Event()
    stopped = threading.Event()

    def work(asker: Asker) -> None:
        work_started.set()
        try:
            asker.plan(request("never answered"))
        except SearchStopped:
            stopped.set()
            raise

    start = time.monotonic()
    with pytest.raises(error_type), Asks(work, slots(1)) as asks:
        work_started.wait(60)
        raise error_type
    assert stopped.is_set()
    assert not asks._thread.is_alive()
    assert time.monotonic() - start < 60


def test_an_ask_after_the_loop_has_ended_is_refused() -> None:
    """A late ask raises SearchStopped instead of waiting for ever."""
    askers: list[Asker] = []
    with Asks(askers.append, slots(1)) as asks:
        for _ in asks:
            raise AssertionError
    with pytest.raises(SearchStopped):
        askers[0].plan(request("late"))


def test_an_error_of_the_work_itself_is_raised() -> None:
    """A broken optimizer does not look like a finished optimizer."""

    def work(asker: Asker) -> None:
        raise ZeroDivisionError("optimizer broke")

    with pytest.raises(ZeroDivisionError, match="optimizer broke"):
        Flow().answer(work)


def test_executions_are_submitted_before_retrievals() -> None:
    """If an execution and a retrieval are ready, the flow gets the execution first. Both plans share a retrieval."""
    order: list[str] = []

    def work(asker: Asker) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: asker.plan(request("x", n)), range(2)))

    with Asks(work, slots(1)) as asks:
        for ask in asks:
            order.append(type(ask).__name__)
            if isinstance(ask, Execute):
                while len(order) == 1 and asks._events.empty():
                    time.sleep(0.001)  # until the work's other thread asks for the other execution
                asks.answer(ask, finished(Execution(ask.key, "a: 1", Path(), 0.0)))
            elif isinstance(ask, Retrieve):
                asks.answer(ask, finished([Plan(f"a: {execute.key}") for execute in ask.executes]))
    assert order == ["Execute", "Execute", "Retrieve"]


def numbered(ask: Execute) -> Execution:
    """Return an execution whose plan holds the number of its replicate."""
    return Execution(ask.key, f"stages: [{ask.request.replicate}]", Path(), 0.0)


def test_executions_that_finish_during_a_retrieval_share_the_next_one() -> None:
    """A retrieval takes all plans that are waiting. Every thread gets the plan of its own execution."""
    sizes: list[int] = []

    def work(asker: Asker) -> list[Plan]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda n: asker.plan(request("x", n)), range(4)))

    with Asks(work, slots(4)) as asks:
        waiting: list[Execute] = []
        for ask in asks:
            if isinstance(ask, Execute):
                waiting.append(ask)
                if len(waiting) == 4:
                    asks.answer(ask, finished(numbered(ask)))
            elif isinstance(ask, Retrieve):
                sizes.append(len(ask.executes))
                if len(sizes) == 1:
                    for execute in waiting[:3]:
                        asks.answer(execute, finished(numbered(execute)))
                asks.answer(ask, finished(plans(ask)))
    assert sizes == [1, 3]
    assert [plan.text for plan in asks.result] == [f"stages: [{n}]" for n in range(4)]


def test_an_ask_that_another_process_answers_waits_until_it_can_be_claimed() -> None:
    """The loop claims it again after a pause. The other asks go on meanwhile, and each claim is given back once."""
    refusals: list[None] = [None, None]
    order: list[str] = []
    released: list[str] = []

    def claim(ask: Ask) -> Callable[[], None] | None:
        if isinstance(ask, Execute) and ask.request.prompt == "busy" and (refusals or not order):
            if refusals:
                refusals.pop()
            return None
        assert not isinstance(ask, Retrieve)
        return lambda: released.append(ask.key)

    def work(asker: Asker) -> list[str]:
        with ThreadPoolExecutor(2) as pool:
            return [plan.text for plan in pool.map(lambda prompt: asker.plan(request(prompt)), ("busy", "free"))]

    with ThreadPoolExecutor(4) as pool, Asks(work, slots(1), claim=claim) as asks:
        for ask in asks:
            match ask:
                case Execute():
                    order.append(ask.request.prompt)
                    asks.answer(ask, pool.submit(pipeline, ask.request))
                case Retrieve():
                    asks.answer(ask, pool.submit(plans, ask))
    assert order == ["free", "busy"]
    assert len(asks.result) == 2
    assert sorted(released) == sorted(request(prompt).key for prompt in order)


def test_a_loop_that_fails_gives_its_claims_back() -> None:
    """Prefect may retry the flow in the same process. The retry must not wait for a claim of the first attempt."""
    released: list[str] = []

    def claim(ask: Ask) -> Callable[[], None]:
        assert isinstance(ask, Execute)
        return lambda: released.append(ask.key)

    with pytest.raises(OSError, match="lost"), Asks(lambda asker: asker.plan(request("x")), slots(1), claim=claim) as a:
        for ask in a:
            raise OSError(f"the cluster was lost before {ask} was submitted")
    assert released == [request("x").key]


def test_an_error_that_an_optimizer_would_catch_ends_the_work() -> None:
    """The loop raises the error, and no further ask is answered."""

    def work(asker: Asker) -> None:
        for _ in range(5):
            # Optimizers catch Exception, and go on.
            with contextlib.suppress(Exception):
                asker.fail(OSError("the disk is full"))

    with pytest.raises(OSError, match="the disk is full"), Asks(work, slots(1)) as asks:
        for ask in asks:
            pytest.fail(f"asked for {ask}")


def test_a_reported_trial_reaches_the_flow_in_its_own_thread() -> None:
    """Every trial arrives before the loop ends, also the last one."""
    reports: list[tuple[Trial, str]] = []
    trials = [Trial("c", "g", number, "key", Verdict(5.0, "fine")) for number in range(3)]

    def work(asker: Asker) -> None:
        for trial in trials:
            asker.report(trial)

    def note(trial: Trial) -> None:
        reports.append((trial, threading.current_thread().name))

    with Asks(work, slots(1), on_trial=note) as asks:
        assert list(asks) == []
    assert reports == [(trial, threading.current_thread().name) for trial in trials]
