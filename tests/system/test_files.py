"""Tests of files: lines stay apart, and files are private."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest

from workbench.system.files import append_line, private_files, write_atomically, write_new
from workbench.system.home import ensure_usable


def test_a_line_takes_the_place_of_a_cut_off_line(tmp_path: Path) -> None:
    """A crash or a full disk cut the last line off. The next record does not become part of it."""
    file = tmp_path / "lines"
    append_line(file, "one")
    with file.open("ab") as stream:
        stream.write('{"half": "ü'.encode()[:-1])
    append_line(file, "two")
    append_line(file, "three")
    assert file.read_bytes() == b"one\ntwo\nthree\n"


def test_a_full_disk_is_reported_with_the_file() -> None:
    """The system names no file when a write fails. A person must know which disk is full."""
    full = Path("/dev/full")
    for write in (lambda: append_line(full, "one"), lambda: write_atomically(full, b"one")):
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            write()


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """A renamed file would take the place of the pipe, or of a device of the machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert pipe.is_fifo()


def test_private_files_are_readable_for_their_owner_only(tmp_path: Path) -> None:
    """Files of started programs are private, too. Outside the block, the user's own umask decides."""
    os.umask(0o022)
    with private_files():
        write_atomically(tmp_path / "a" / "file", b"")
        append_line(tmp_path / "a" / "lines", "")
        subprocess.run(["touch", str(tmp_path / "a" / "program")], check=True)
    write_atomically(tmp_path / "output", b"")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "a").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "output").stat().st_mode) == 0o644


@pytest.mark.parametrize(("content", "private"), [((), True), (("runs",), True), (("letters",), False)])
def test_a_home_is_private_unless_it_holds_other_things(
    tmp_path: Path, content: tuple[str, ...], private: bool
) -> None:
    """A folder of the user's keeps its permissions."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    for name in content:
        (home / name).mkdir()
    ensure_usable(home)
    assert stat.S_IMODE(home.stat().st_mode) == (0o700 if private else 0o755)


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_a_new_file_never_replaces_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """Missing folders are made, and nothing else is left in the folder.

    Some file systems, such as exFAT, have no hard links.
    """

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    file = tmp_path / "new" / "file"
    assert write_new(file, b"first") == file
    with pytest.raises(FileExistsError):
        write_new(file, b"second")
    assert file.read_bytes() == b"first"
    assert list(file.parent.iterdir()) == [file]
