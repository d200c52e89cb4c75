"""A run's folder is found by its name, and its files are read whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run_folder import add, begin, record
from workbench.errors import NotJudged, OutsideError, RunNotFound, RunTooNew, UserError
from workbench.run.folder import RunFolder
from workbench.run.journal import attempt
from workbench.run.record import FailureRecord, RunRecord, TrialRecord


@pytest.mark.parametrize(
    ("name", "words"), [("2026", None), ("latest", None), ("nothing", "is no run"), ("", "2 runs begin with")]
)
def test_runs_are_found_by_the_beginning_of_their_names(tmp_path: Path, name: str, words: str | None) -> None:
    """Any other name is refused with the known names."""
    RunFolder.create(tmp_path, "20260101-a")
    RunFolder.create(tmp_path, "19990101-b")
    if words is None:
        assert RunFolder.find(tmp_path, name).name == "20260101-a"
    else:
        with pytest.raises(RunNotFound, match=words):
            RunFolder.find(tmp_path, name)


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".hidden", "ü", "two words", "a\n", "a" * 81])
def test_a_name_that_no_folder_of_a_run_may_have_is_refused(tmp_path: Path, name: str) -> None:
    """A parameter of a flow run can name the run. Its folder would be elsewhere, or have no artifact."""
    with pytest.raises(UserError, match=r"^run: .* is no name of a run; expected at most 80 of A-Z,"):
        RunFolder.create(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\n", "\r\n"])
def test_a_text_with_line_ends_of_any_kind_stays_in_its_line(tmp_path: Path, sign: str) -> None:
    """A model's reason may hold every character."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0, f"before{sign}after")
    add(folder, "search", "second", 0, 4.0)
    assert [trial.reason for trial in folder.lines(TrialRecord)] == [f"before{sign}after", "fine"]


def test_a_last_line_that_has_no_end_is_left_out(tmp_path: Path) -> None:
    """This holds for every place of the cut, even within a character."""
    folder = begin(tmp_path)
    assert folder.lines(TrialRecord) == []
    add(folder, "search", "first", 0, 3.0, "ü")
    (file,) = tmp_path.rglob("trials.jsonl")
    whole = file.read_bytes()
    for end in range(len(whole)):
        file.write_bytes(whole + whole[:end])
        assert len(folder.lines(TrialRecord)) == 1
    file.write_bytes(whole + whole)
    assert len(folder.lines(TrialRecord)) == 2


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        (b"{\n", RunNotFound, r"trials\.jsonl:2 is no JSON"),
        (b"\n", RunNotFound, r"trials\.jsonl:2 is no JSON"),
        (b"{}\n", RunNotFound, r"trials\.jsonl:2 does not fit its format \(phase: Field required\)"),
        (b"\xff\n", RunNotFound, r"trials\.jsonl:2 is not UTF-8 \(byte 0\)"),
        (b'{"schema": 2}\n', RunTooNew, r"trials\.jsonl:2 has schema 2; expected at most 1"),
    ],
)
def test_a_damaged_line_is_reported_with_its_number(
    tmp_path: Path, line: bytes, error: type[UserError], words: str
) -> None:
    """A complete line is never left out."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    with (folder.path / "trials.jsonl").open("ab") as file:
        file.write(line)
    with pytest.raises(error, match=words):
        folder.lines(TrialRecord)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, r"run\.json cannot be read \(No such file"), (b"\xff", r"run\.json is not UTF-8 \(byte 0\)")],
)
def test_an_unreadable_file_is_reported(tmp_path: Path, content: bytes | None, words: str) -> None:
    """The message says what to do."""
    folder = begin(tmp_path)
    (folder.path / "run.json").unlink() if content is None else (folder.path / "run.json").write_bytes(content)
    with pytest.raises(RunNotFound, match=f"{words}.*run the study again"):
        folder.load(RunRecord)


def test_the_reason_why_a_run_stopped_is_kept(tmp_path: Path) -> None:
    """The reason is kept until the run is continued."""
    folder = begin(tmp_path)
    with pytest.raises(NotJudged), folder.worked_on():
        raise NotJudged("no verdict", kind="judge")
    assert folder.load(FailureRecord) == FailureRecord(why="no verdict")
    with folder.worked_on():
        assert not folder.has(FailureRecord)
        assert folder.stopped is None
    assert folder.stopped == ""


def test_the_latest_run_is_the_one_that_began_last(tmp_path: Path) -> None:
    """Names of older runs hold local time, and a clock may be set back. The recorded start decides."""
    for name, started in (("20260101-120000-a", 200.0), ("20260101-140000-b", 100.0)):
        RunFolder.create(tmp_path, name).save(record(started=started))
    RunFolder.create(tmp_path, "20260101-160000-c")
    assert RunFolder.find(tmp_path, "latest").name == "20260101-120000-a"


def test_a_run_whose_failure_cannot_be_written_reports_the_failure(tmp_path: Path) -> None:
    """The folder is gone, or the disk is full. A person needs the first failure."""
    folder = begin(tmp_path)
    with pytest.raises(NotJudged, match="no verdict"), folder.worked_on():
        shutil.rmtree(folder.path)
        folder.path.write_text("")
        raise NotJudged("no verdict", kind="judge")


def test_a_file_of_a_run_that_cannot_be_written_is_the_outside_world(tmp_path: Path) -> None:
    """The message names the file. A call whose journal cannot be written is not made."""
    folder = begin(tmp_path)
    (folder.path / "trials.jsonl").mkdir()
    with pytest.raises(OutsideError, match=r"trials\.jsonl cannot be written \(Is a directory\)"):
        add(folder, "search", "first", 0, 3.0)
    (folder.path / "journal.jsonl").mkdir()
    with pytest.raises(OutsideError, match=r"journal\.jsonl cannot be written"), attempt(folder.path, "score", "key"):
        pytest.fail("the call was made")


#: Copies a file into the folder of a run. The limit stands for a full disk, and would hold for every thread of a test.
FULL = """
import resource, sys
from pathlib import Path
from workbench.run.folder import RunFolder
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
RunFolder(Path(sys.argv[1])).keep_copy(Path(sys.argv[2]), "study.yaml")
"""


def test_a_full_disk_is_told_by_the_copy_and_not_by_the_users_file(tmp_path: Path) -> None:
    """The user's file may be on another disk. A limit on the size of files stands for the full disk."""
    folder, study = RunFolder.create(tmp_path, "run"), tmp_path / "user" / "study.yaml"
    study.parent.mkdir()
    study.write_bytes(b"caf\xe9")
    full = subprocess.run([sys.executable, "-c", FULL, folder.path, study], capture_output=True, text=True, check=False)
    assert f"{folder.path}/study.yaml cannot be written (File too large)" in full.stderr
    assert folder.keep_copy(study, "study.yaml").read_bytes() == study.read_bytes()
    assert sorted(entry.name for entry in folder.path.iterdir()) == ["candidates", "study.yaml"]


def test_the_latest_run_is_a_run_with_a_result(tmp_path: Path) -> None:
    """A newer run that goes on, failed or was interrupted has none. If no run has one, the newest run is shown."""
    names = ("20260101-a", "20260102-b", "20260103-c")
    for started, name in enumerate(names):
        RunFolder.create(tmp_path, name).save(record(started=float(started)))
    assert RunFolder.find(tmp_path, "latest").name == names[2]
    for name in names[:2]:
        (tmp_path / "runs" / name / "report.json").write_text("{}")
    assert RunFolder.find(tmp_path, "latest").name == names[1]


def test_all_runs_that_begin_with_a_name_are_listed(tmp_path: Path) -> None:
    """A whole name is enough, even if another name begins with it."""
    for number in range(12):
        RunFolder.create(tmp_path, f"20260101-{number}")
    with pytest.raises(RunNotFound, match="12 runs") as caught:
        RunFolder.find(tmp_path, "2026")
    assert str(caught.value).split("\n")[1:] == sorted((f"20260101-{number}" for number in range(12)), reverse=True)
    assert RunFolder.find(tmp_path, "20260101-1").name == "20260101-1"
