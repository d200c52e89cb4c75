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

from workbench.commands.output import refuse_unwritable, write_json, write_output
from workbench.commands.progress import table
from workbench.errors import OutputFailed

WRITE = """\
from pathlib import Path
from workbench.commands.output import write_json
for name in {names}: write_json(Path(name), [name])
"""


def test_standard_output_has_several_names() -> None:
    """The reports of one process go to the pipe that standard output is."""
    names = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
    command = [sys.executable, "-c", WRITE.format(names=names)]
    written = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert [json.loads(report) for report in written.replace("]\n", "]\0").rstrip("\0").split("\0")] == [
        [name] for name in names
    ]


def test_standard_output_that_is_a_file_is_continued(tmp_path: Path) -> None:
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
    reader.join(10)
    assert json.loads(received[0]) == {"a": 1}
    assert fifo.is_fifo()


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    """The link stays a link, and its target gets the content."""
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_output(link, b"content")
    assert link.is_symlink()
    assert target.read_bytes() == b"content"


def test_a_reader_that_has_read_enough_is_no_failure(tmp_path: Path) -> None:
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


def test_a_table_obeys_no_text_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A value may be the text of somebody else. A terminal would obey its control characters."""
    table("a\x1b[31m", [("one", "b\x1b[2J\u202e[bold]c[/bold]")], Console(soft_wrap=True))
    printed = capsys.readouterr().out
    assert "[bold]c[/bold]" in printed
    assert not {"\x1b", "\u202e"} & set(printed)
