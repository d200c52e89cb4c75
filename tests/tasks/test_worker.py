"""A process that answers asks without running the flow prepares itself, and sends what it cannot write."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cloudpickle
import pytest

from tests.support import command_study
from workbench import errors
from workbench.errors import ExecutionFailed, OutsideError, RunNotFound, WorkbenchError
from workbench.nouns import Execution, ExecutionRequest
from workbench.providers import rehearsal
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.system.storage import Folder
from workbench.tasks import answers, worker
from workbench.tasks.execute import execute


@pytest.fixture(autouse=True)
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the worker a home of its own, and take back what it sets for the life of its process."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "worker"))
    environ, umask = dict(os.environ), os.umask(0o022)
    yield
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environ)


def request(run: Path) -> ExecutionRequest:
    """Return a request of a run in this folder, for a program that needs no preparation."""
    providers = tuple(rehearsal("http://127.0.0.1:9", "default", 0).values())
    study = command_study.telling(run.parents[1] / "study")
    return replace(command_study.request(study, providers=providers), run=run)


def test_the_flows_own_process_is_left_alone(tmp_path: Path) -> None:
    """Its home, its permissions and its journal are those of the flow."""
    run = RunFolder.create(tmp_path / "flow", "run")
    with run.worked_on(), worker.at_work(request(run.path), "execute", "k") as answer:
        assert answer is None
    assert not (tmp_path / "worker").exists()


def test_a_worker_with_the_runs_folder_writes_into_its_journal(tmp_path: Path) -> None:
    """Its new files belong to the user alone."""
    run = RunFolder.create(tmp_path / "flow", "run")
    with worker.at_work(request(run.path), "execute", "k"), journal.attempt(run.path, "execute", "k"):
        pass
    assert [call.kind for call in journal.read(run.path)] == ["ok"]
    assert os.umask(0o022) == 0o077


def test_a_worker_without_the_runs_folder_needs_a_bucket(tmp_path: Path) -> None:
    """The message names the folder and the variable. Nothing was bought."""
    score_request, message = (
        request(tmp_path / "elsewhere" / "runs" / "run"),
        r"no folder .*set WORKBENCH_RESULTS=s3://",
    )
    with pytest.raises(OutsideError, match=message) as caught, worker.at_work(score_request, "execute", "k"):
        pytest.fail("the call was made")
    assert caught.value.lasting


def test_a_worker_with_another_version_of_the_runtime_is_refused(tmp_path: Path) -> None:
    """Its plans would be kept under the key of the flow's version."""
    run = RunFolder.create(tmp_path / "flow", "run")
    same = request(run.path)
    other = replace(same, pipeline=replace(same.pipeline, version="of another machine"))
    message = r"this worker's runtime is .*; expected of another machine"
    with pytest.raises(ExecutionFailed, match=message), worker.at_work(other, "execute", "k"):
        pytest.fail("the call was made")


def test_an_answer_that_another_worker_buys_is_waited_for_and_not_bought_again(tmp_path: Path) -> None:
    """The lock is that of the machine: a worker of a dead flow may still hold it."""
    run = RunFolder.create(tmp_path / "flow", "run")
    execution = Execution("k", "steps: []", tmp_path, 1.0)
    answers_of_waiter: list[object] = []

    def wait() -> None:
        with worker.at_work(request(run.path), "execute", "k") as answer:
            answers_of_waiter.append(answer)

    thread = threading.Thread(target=wait)
    with worker.at_work(request(run.path), "execute", "k"):
        thread.start()
        thread.join(2 * worker.LOCK_SECONDS)
        assert thread.is_alive()
        answers.write(Folder(tmp_path / "worker" / "results"), "execute", "k", execution)
    thread.join(30)
    assert answers_of_waiter == [execution]


def test_records_that_were_sent_are_written_once(tmp_path: Path) -> None:
    """A worker gives its records to a function. The flow may take in a record twice, if it died in between."""
    run, records = RunFolder.create(tmp_path / "flow", "run"), list[journal.CallRecord]()
    with journal.sent_to(records.append), journal.attempt(Path("/no/such/run"), "score", "k"):
        pass
    for attempt in (journal.SentJournal(run), journal.SentJournal(run)):
        for record in (*records, *records):
            attempt.add(record)
    assert [(call.action, call.key) for call in journal.read(run.path)] == [("score", "k")]


def test_the_journal_is_read_once_for_all_records_that_are_sent(tmp_path: Path) -> None:
    """The time would grow with the square of the number of calls otherwise. A damaged line shows who reads it."""
    run = RunFolder.create(tmp_path / "flow", "run")
    sent = journal.SentJournal(run)
    calls = [journal.CallRecord(action="score", key=str(n), kind="ok", seconds=1.0, at=1.0) for n in range(3)]
    sent.add(calls[0])
    (run.path / "journal.jsonl").write_text("damaged\n")
    for call in calls:
        sent.add(call)
    assert (run.path / "journal.jsonl").read_text().count("\n") == 3
    with pytest.raises(RunNotFound, match=r"journal\.jsonl:1 is no JSON"):
        journal.SentJournal(run).add(calls[0])


def test_tasks_requests_and_failures_can_be_sent_to_other_processes(tmp_path: Path) -> None:
    """A failure keeps its class, its message and whether it lasts."""
    execution_request = request(tmp_path / "run")
    assert cloudpickle.loads(cloudpickle.dumps(execution_request)) == execution_request
    assert cloudpickle.loads(cloudpickle.dumps(execute)).name == "execute"
    for failure in failures():
        back = cloudpickle.loads(cloudpickle.dumps(failure))
        assert type(back) is type(failure) and str(back) == str(failure) and vars(back) == vars(failure)


def failures() -> Iterator[WorkbenchError]:
    """Yield an error of every class."""
    classes = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, WorkbenchError)]
    for cls in classes:
        if issubclass(cls, OutsideError):
            yield cls("it failed", kind="a kind", lasting=True, wait_seconds=2.0)
        elif cls is errors.StudyError:
            yield cls([errors.Problem(Path("study.yaml"), 3, "a mistake")])
        elif cls is errors.PipelineUnreadable:
            yield cls("it cannot be read", 3)
        else:
            yield cls("a mistake")
