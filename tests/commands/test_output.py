"""Output files that a user names are written to, and never replaced by another kind of file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from workbench.commands.generate import deliver
from workbench.commands.init import init
from workbench.commands.output import PipeConsole, err, out, refuse_unwritable, write_json, write_output
from workbench.commands.progress import table
from workbench.errors import OutputFailed, UserError

WRITE = """\
from pathlib import Path
from workbench.commands.output import write_json
for name in {names}: write_json(Path(name), [name])
"""


@pytest.mark.slow
def test_standard_output_has_several_names() -> None:
    """If standard output is a pipe, a report reaches the pipe by each of these names."""
    names = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
    command = [sys.executable, "-c", WRITE.format(names=names)]
    written = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert [json.loads(report) for report in written.replace("]\n", "]\0").rstrip("\0").split("\0")] == [
        [name] for name in names
    ]


@pytest.mark.slow
def test_standard_output_that_is_a_file_is_appended_to(tmp_path: Path) -> None:
    """What was printed before stays in the file, and the file stays the same file."""
    file = tmp_path / "out"
    with file.open("wb") as stream:
        command = f"print('before', flush=True)\n{WRITE.format(names=['/dev/stdout'])}"
        subprocess.run([sys.executable, "-c", command], check=True, stdout=stream)
    assert file.read_text() == 'before\n[\n  "/dev/stdout"\n]\n'


def test_a_fifo_is_written_through(tmp_path: Path) -> None:
    """It stays a FIFO, and its reader gets the content."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_text()))
    reader.start()
    write_json(fifo, {"a": 1})
    reader.join(100)
    assert json.loads(received[0]) == {"a": 1}
    assert fifo.is_fifo()


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    """The link stays a link, and its target gets the content."""
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_output(link, b"content")
    assert link.is_symlink()
    assert target.read_bytes() == b"content"


def test_an_existing_file_keeps_its_permissions(tmp_path: Path) -> None:
    """A report that others must not read stays private."""
    file = tmp_path / "report.json"
    file.touch(0o600)
    write_json(file, [1])
    assert (file.stat().st_mode & 0o777, json.loads(file.read_text())) == (0o600, [1])


def test_an_existing_file_keeps_its_owner(tmp_path: Path) -> None:
    """With root's rights, the report of another user stays that user's own."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    file = tmp_path / "report.json"
    file.touch()
    os.chown(file, 1234, 1235)
    write_json(file, [1])
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 1235)


def test_an_open_file_of_a_process_is_written_through(tmp_path: Path) -> None:
    """`--json /proc/1/fd/1` reaches the log of a container."""
    with (tmp_path / "log").open("w+") as log:
        write_json(Path(f"/proc/{os.getpid()}/fd/{log.fileno()}"), [1])
        assert json.load(log) == [1]


@pytest.mark.parametrize("name", ["x" * 300, "loop"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """A symbolic link to itself is such a name. The link is not replaced."""
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ValueError, match="is no possible file"):
        refuse_unwritable(None, tmp_path / name)
    assert (tmp_path / "loop").is_symlink()


@pytest.mark.parametrize("output", [None, Path("-"), Path("/dev/stdout")])
def test_standard_output_gets_a_plan_once(capfdbinary: pytest.CaptureFixture[bytes], output: Path | None) -> None:
    """If the plan was printed twice, a program that reads a pipe would get each key twice."""
    deliver("steps: []\n", output)
    assert capfdbinary.readouterr().out.strip() == b"steps: []"


def test_a_study_cannot_go_to_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study names files that stand beside the study file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--output - is standard output; expected a new file"):
        init("Better", tmp_path / "gold.md", output=Path("-"))
    assert not list(tmp_path.iterdir())


def test_a_reader_that_stops_reading_is_no_failure(tmp_path: Path) -> None:
    """`--json >(head -1)` is such a reader."""
    read, write = os.pipe()
    os.close(read)
    try:
        write_output(Path(f"/dev/fd/{write}"), b"x" * 100_000)
    finally:
        os.close(write)


def test_a_full_device_is_an_error_of_the_outside_world() -> None:
    """The message names the file and the reason."""
    with pytest.raises(OutputFailed, match=r"/dev/full cannot be written \(No space left on device\)"):
        write_output(Path("/dev/full"), b"x")


def test_no_folder_is_created_for_an_output_file(tmp_path: Path) -> None:
    """A name in a folder that does not exist is refused before anything is paid for."""
    with pytest.raises(ValueError, match=r"is not a folder; expected an existing folder for q\.yaml"):
        refuse_unwritable(None, tmp_path / "nowhere" / "q.yaml")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(ValueError, match="is a folder"):
        refuse_unwritable(None, tmp_path)
    refuse_unwritable(None, Path("-"))
    refuse_unwritable(None, tmp_path / "new.json")


def test_control_characters_and_markup_in_a_table_have_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    """A value may be the text of somebody else. A terminal would obey its control characters."""
    table("a\x1b[31m", [("one", "b\x1b[2J\u202e[bold]c[/bold]")], Console(soft_wrap=True))
    printed = capsys.readouterr().out
    assert "[bold]c[/bold]" in printed
    assert not {"\x1b", "\u202e"} & set(printed)


@pytest.mark.parametrize("console", [out, err])
def test_a_path_with_brackets_is_no_markup(console: Console) -> None:
    """A folder may be called [/old], which is no closing tag."""
    with console.capture() as captured:
        console.print("wrote /tmp/[/old]/[bold]study.yaml")
    assert captured.get() == "wrote /tmp/[/old]/[bold]study.yaml\n"


def test_a_reader_that_ends_early_changes_no_exit_code() -> None:
    """`workbench check study.yaml | head -1` prints its first line, and the command goes on."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as pipe:
        console = PipeConsole(file=pipe, soft_wrap=True)
        console.print("nobody reads this")
        console.print("nor this")
        assert os.path.samestat(os.fstat(pipe.fileno()), Path(os.devnull).stat())


@pytest.mark.slow
def test_help_and_results_may_go_to_head() -> None:
    """The reader of the pipe has ended before the first line is written."""
    for arguments in (["--help"], ["runs"], ["runs", "--json", "-"]):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, "-m", "workbench", *arguments]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
        os.close(writing)
        assert done.returncode == 0, done.stderr
        assert "ipe" not in done.stderr
