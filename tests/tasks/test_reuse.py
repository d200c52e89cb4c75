"""Tests of kept answers that a flow reuses without task runs of their own."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.futures import PrefectConcurrentFuture
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings
from prefect.states import Completed

from tests.support.settings import request
from workbench.execution.plan import retrieve
from workbench.nouns import Execution
from workbench.search.ask_kinds import Execute, slots
from workbench.search.asks import Asks
from workbench.system.storage import Folder
from workbench.tasks import answers
from workbench.tasks.answering import _retrieved
from workbench.tasks.reuse import KeptAnswer, ReusedAnswers, was_kept

REQUEST = request("write the plan")
ASK = Execute(REQUEST, key=REQUEST.key)
EXECUTION = Execution(REQUEST.key, "stages:\n- name: first\n", Path("plan.yaml"), 1.5)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Return the folder of kept answers of a new home."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return Folder(tmp_path / "results")


def test_a_kept_answer_is_found_without_a_task_run(results: Folder) -> None:
    """An answer that was not kept is left to a task run."""
    assert ReusedAnswers().look_up(ASK) is None
    answers.write(results, "execute", ASK.key, EXECUTION)
    answer = ReusedAnswers().look_up(ASK)
    assert answer is not None
    assert answer.result() == EXECUTION


def test_a_damaged_file_is_left_to_the_task_run(results: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """The task run warns and buys the answer again, so the flow itself says nothing."""
    answers.write(results, "execute", ASK.key, EXECUTION)
    file = results.path / "execute" / ASK.key
    file.write_text(file.read_text()[:-9])
    assert ReusedAnswers().look_up(ASK) is None
    assert capsys.readouterr().err == ""


def test_answers_are_bought_again_if_prefect_is_to_refresh_its_cache(results: Folder) -> None:
    """Prefect's setting counts for kept answers, too."""
    answers.write(results, "execute", ASK.key, EXECUTION)
    with temporary_settings({PREFECT_TASKS_REFRESH_CACHE: True}):
        assert ReusedAnswers().look_up(ASK) is None


def test_the_plan_of_a_kept_execution_needs_no_task_run() -> None:
    """The work gets the same plan as from a task run."""
    with Asks(lambda asker: asker.plan(REQUEST), slots(1)) as asks:
        for ask in asks:
            # No flow runs here, so a task run would fail.
            task = KeptAnswer(EXECUTION) if isinstance(ask, Execute) else _retrieved(ask, None)  # type: ignore[arg-type]  # a Retrieve
            asks.answer(ask, task)
    assert asks.result == retrieve(EXECUTION)


@pytest.mark.parametrize(("name", "kept"), [("Cached", True), ("Completed", False)])
def test_a_task_run_that_read_a_kept_answer_bought_nothing(name: str, kept: bool) -> None:
    """If the answers are in a bucket, a task run reads them, and its state says so."""
    state: Future[Any] = Future()
    state.set_result(Completed(name=name))
    task: PrefectConcurrentFuture[Any] = PrefectConcurrentFuture(uuid4(), state)
    task.wait()
    assert was_kept(task) is kept
    assert was_kept(KeptAnswer(EXECUTION))
