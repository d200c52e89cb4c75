"""Tests of the kept answers: each is checked when it is read, and no faulty one is used."""

from __future__ import annotations

import base64
import json
import math
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect.filesystems import LocalFileSystem
from prefect.results import ResultStore

from workbench.errors import OutsideError
from workbench.money.price import Cost, ModelCost, Tokens
from workbench.nouns import DrawnCriteria, Execution, Verdict
from workbench.scoring import Criterion
from workbench.search.proposal import Proposal
from workbench.system.storage import Folder
from workbench.tasks import answers
from workbench.tasks.prefect_results import Answers, KeptAnswers

VALUES: dict[str, Any] = {
    "execute": Execution("k", "plan: ü\u2028", Path("plan.yaml"), 1.5, None),
    "propose": Proposal("Write a better plan."),
    "score": Verdict(7.8, "good"),
    "draw": DrawnCriteria((Criterion("rollback", "Is there a rollback?", 2.0),)),
}


@pytest.fixture(autouse=True)
def forget_unkept() -> Iterator[None]:
    """Forget answers that could not be stored, which a user's process never does."""
    yield
    answers._unkept.clear()


def store(results: Path) -> ResultStore:
    """Return Prefect's view of the kept answers."""
    storage = KeptAnswers(basepath=str(results))
    return ResultStore(result_storage=storage, serializer=Answers())


@pytest.mark.parametrize("task", VALUES)
def test_a_kept_answer_is_read_again(tmp_path: Path, task: str) -> None:
    """Prefect reads the same answer, and the file names its task and key."""
    answers.write(Folder(tmp_path), task, "k", VALUES[task])
    assert answers.read(Folder(tmp_path), task, "k") == VALUES[task]
    assert store(tmp_path).exists(f"{task}/k")
    assert store(tmp_path).read(f"{task}/k").result == VALUES[task]
    content = json.loads((tmp_path / task / "k").read_text())
    assert (content["task"], content["key"]) == (task, "k")


@pytest.mark.parametrize("task", VALUES)
def test_an_answer_is_kept_with_its_cost(tmp_path: Path, task: str) -> None:
    """An answer with an impossible cost is refused."""
    cost = Cost.of([ModelCost("gemini/gemini-3.8-flash", 1, Tokens(input=1), 0.25)], ["a program"], 0.5)
    answers.write(Folder(tmp_path), task, "k", replace(VALUES[task], cost=cost))
    assert answers.read(Folder(tmp_path), task, "k").cost == cost
    assert store(tmp_path).read(f"{task}/k").result.cost == cost
    file = tmp_path / task / "k"
    file.write_text(file.read_text().replace("0.25", "-9.9"))
    with pytest.raises(answers.NoAnswer, match="its cost is not possible"):
        answers.read(Folder(tmp_path), task, "k")


@pytest.mark.parametrize("task", VALUES)
def test_an_answer_that_prefect_wrote_is_read(tmp_path: Path, task: str) -> None:
    """Earlier versions kept Prefect's own records, which name the key in their metadata."""
    record = ResultStore(
        result_storage=LocalFileSystem(basepath=str(tmp_path)), serializer=Answers()
    ).create_result_record(VALUES[task], key=f"{task}/k")
    (tmp_path / task).mkdir()
    (tmp_path / task / "k").write_bytes(record.serialize())
    assert answers.read(Folder(tmp_path), task, "k") == VALUES[task]
    (tmp_path / task / "other").write_bytes(record.serialize())
    with pytest.raises(answers.NoAnswer, match=f"the answer of {task}/k"):
        answers.read(Folder(tmp_path), task, "other")


class Bomb:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


@pytest.mark.parametrize("task", VALUES)
def test_a_pickle_under_an_answers_key_is_not_loaded(tmp_path: Path, task: str) -> None:
    """Neither a whole pickle file nor a record that names the pickle serializer is loaded."""
    executed = tmp_path / "executed"
    pickled = pickle.dumps(Bomb(executed))
    metadata = {"storage_key": str(tmp_path / task / "k"), "serializer": {"type": "pickle", "picklelib": "pickle"}}
    record = {"metadata": metadata, "result": base64.b64encode(pickled).decode()}
    (tmp_path / task).mkdir()
    for content in (pickled, json.dumps(record).encode(), base64.b64encode(pickled)):
        (tmp_path / task / "k").write_bytes(content)
        assert not store(tmp_path).exists(f"{task}/k")
        with pytest.raises(ValueError):
            store(tmp_path).read(f"{task}/k")
        with pytest.raises(ValueError):
            Answers().loads(content)
    assert not executed.exists()


@pytest.mark.parametrize("task", VALUES)
@pytest.mark.parametrize("other", [*VALUES, "other key"])
def test_the_answer_of_another_task_or_key_is_bought_again(
    tmp_path: Path, task: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the file and the reason."""
    if task == other:
        return
    source = (task, "other") if other == "other key" else (other, "k")
    answers.write(Folder(tmp_path), *source, VALUES[source[0]] if source[1] == "k" else moved(task))
    (tmp_path / task).mkdir(exist_ok=True)
    (tmp_path / "/".join(source)).rename(tmp_path / task / "k")
    assert not store(tmp_path).exists(f"{task}/k")
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / task / "k") in line
    assert "bought again: it holds the answer of" in line


def moved(task: str) -> Any:
    return Execution("other", "x", Path("p"), 1.0) if task == "execute" else VALUES[task]


@pytest.mark.parametrize(
    ("task", "before", "after"),
    [
        ("score", "7.8", "99"),
        ("score", "7.8", "-0.1"),
        ("score", "7.8", "NaN"),
        ("score", "7.8", "Infinity"),
        ("score", "7.8", "true"),
        ("score", "7.8", r"\"7.8\""),
        ("score", "Verdict", "Proposal"),
        ("score", "Verdict", "Nothing"),
        ("propose", "Write a better plan.", " "),
        ("draw", "2.0", "0.0"),
        ("draw", "2.0", "NaN"),
        ("draw", "Is there a rollback?", " "),
        ("execute", r"\"key\": \"k\"", r"\"key\": \"other\""),
        ("execute", "1.5", "-1"),
        ("execute", r"\"text\"", r"\"texts\""),
    ],
)
def test_a_value_out_of_its_type_or_range_is_bought_again(tmp_path: Path, task: str, before: str, after: str) -> None:
    """The file is well formed, and names its task and key."""
    answers.write(Folder(tmp_path), task, "k", VALUES[task])
    file = tmp_path / task / "k"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))
    with pytest.raises(answers.NoAnswer):
        answers.read(Folder(tmp_path), task, "k")
    assert not store(tmp_path).exists(f"{task}/k")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=60), st.just(b"[" * 100_000), st.just(b'{"result":' * 50_000)))
def test_a_file_with_arbitrary_content_is_no_answer(tmp_path: Path, content: bytes) -> None:
    """Reading it raises no other exception."""
    (tmp_path / "score").mkdir(exist_ok=True)
    (tmp_path / "score" / "k").write_bytes(content)
    with pytest.raises(answers.NoAnswer):
        answers.read(Folder(tmp_path), "score", "k")


def test_a_truncated_answer_is_bought_again_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is cut at every possible length."""
    answers.write(Folder(tmp_path), "score", "k", VALUES["score"])
    file = tmp_path / "score" / "k"
    content = file.read_bytes()
    for end in range(len(content)):
        file.write_bytes(content[:end])
        assert not store(tmp_path).exists("score/k")
        assert "truncated or damaged" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["missing", "/nonexistent/file", "k"])
def test_a_link_to_nothing_is_bought_again_and_replaced(tmp_path: Path, target: str) -> None:
    """The file that the link names is not created."""
    (tmp_path / "score").mkdir()
    file = tmp_path / "score" / "k"
    file.symlink_to(target)
    assert not store(tmp_path).exists("score/k")
    store(tmp_path).create_result_record(VALUES["score"], key="score/k")
    answers.check_storage(Folder(tmp_path), "score", "k")
    answers.write(Folder(tmp_path), "score", "k", VALUES["score"])
    assert not file.is_symlink()
    assert answers.read(Folder(tmp_path), "score", "k") == VALUES["score"]


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("propose", Proposal("a lone surrogate \ud800")),
        ("propose", Proposal(object())),  # type: ignore[arg-type]  # no answer of this type can be kept
        ("score", Verdict(math.nan, "reason")),
        ("score", None),
    ],
)
def test_after_an_answer_that_cannot_be_kept_nothing_is_bought(tmp_path: Path, task: str, answer: Any) -> None:
    """This holds for every reason. The next task stops before it calls a model."""
    with pytest.raises(OutsideError, match="a paid answer could not be written") as error:
        answers.write(Folder(tmp_path), task, "k", answer)
    assert error.value.lasting
    with pytest.raises(OutsideError, match="nothing more is bought"):
        answers.check_storage(Folder(tmp_path), "score", "other")


def test_a_file_that_cannot_be_written_is_reported_before_buying(tmp_path: Path) -> None:
    """A folder stands in the place of the file, or a file in the place of the folder."""
    (tmp_path / "score" / "k").mkdir(parents=True)
    (tmp_path / "execute").write_text("")
    for task in ("score", "execute"):
        with pytest.raises(OutsideError, match="answers cannot be written") as error:
            answers.check_storage(Folder(tmp_path), task, "k")
        assert error.value.kind == "storage"


def test_an_exception_is_kept_as_a_description(tmp_path: Path) -> None:
    """Prefect asks for the exception of a failed run. Reading it gives a failure, and executes nothing."""
    serializer = Answers()
    blob = serializer.dumps(ValueError("wrong"))
    assert json.loads(blob) == {"ValueError": "wrong"}
    assert "ValueError: wrong" in str(serializer.loads(blob))
