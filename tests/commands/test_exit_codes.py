"""Every command ends with a documented exit code: never with a traceback or exit code 1, whatever fails outside.

Every command meets every kind of failure, in this process.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command_line import study
from tests.support.old_run import old_run
from workbench.commands import app

#: A folder name that is not UTF-8, as Python spells it.
NOT_UTF8 = os.fsdecode(b"\xff")

COMMANDS = {
    "run": ["run", "study.yaml"],
    "check": ["check", "study.yaml", "--json", "out.json"],
    "doctor": ["doctor", "study.yaml", "--json", "out.json"],
    "show": ["show", "--json", "out.json"],
    "show a run": ["show", "2026"],
    "runs": ["runs", "--json", "out.json"],
    "prune": ["runs", "prune", "--dry-run"],
    "report": ["report", "--html", "out.html", "--json", "out.json"],
    "compare": ["compare", "latest", "latest", "--json", "out.json"],
    "ledger": ["ledger", "rebuild", "--json", "out.json"],
    "trials": ["ledger", "trials", "study.yaml", "--json", "out.json"],
    "cache": ["cache", "prune", "--dry-run"],
    "champion": ["champion", "show", "study.yaml", "--json", "out.json"],
    "promote": ["champion", "promote", "study.yaml", "latest"],
    "generate": ["generate", "latest", "--goal", "x", "--output", "plan.yaml"],
    "apply": ["apply", "latest", "--dry-run", "--anyway"],
    "revert": ["apply", "--revert"],
    "init": ["init", "a goal", "gold.md", "--output", "new.yaml"],
    "stop": ["server", "--stop"],
}


class World:
    """The user's files: a study in the working folder, and a home with one run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch, self.at_end = monkeypatch, contextlib.ExitStack()
        self.folder, self.home = folder / "work", folder / "home"
        study(self.folder, runtime="command", command=["true", "{prompt_file}"], pipeline=None)
        self.run = old_run(self.home).path
        self.monkeypatch.setenv("WORKBENCH_HOME", str(self.home))
        self.monkeypatch.chdir(self.folder)

    def use_home(self, home: Path) -> None:
        self.monkeypatch.setenv("WORKBENCH_HOME", str(home))

    def damage(self, name: str, content: bytes | None) -> None:
        """Give a file of the run this content, or make it a folder."""
        file = self.run / name
        file.unlink(missing_ok=True)
        file.mkdir() if content is None else file.write_bytes(content)


def home_is_a_file(world: World) -> None:
    (world.folder / "file").write_text("")
    world.use_home(world.folder / "file")


def home_is_a_loop(world: World) -> None:
    (world.folder / "loop").symlink_to("loop")
    world.use_home(world.folder / "loop")


def home_has_a_long_name(world: World) -> None:
    world.use_home(world.folder / ("x" * 300))


def home_is_not_utf8(world: World) -> None:
    shutil.copytree(world.home, world.folder / NOT_UTF8)
    world.use_home(world.folder / NOT_UTF8)


def working_folder_is_not_utf8(world: World) -> None:
    shutil.copytree(world.folder, world.folder / NOT_UTF8)
    world.monkeypatch.chdir(world.folder / NOT_UTF8)


def working_folder_is_gone(world: World) -> None:
    (world.folder / "gone").mkdir()
    world.monkeypatch.chdir(world.folder / "gone")
    (world.folder / "gone").rmdir()


def no_user_and_no_home(world: World) -> None:
    for name in ("WORKBENCH_HOME", "HOME", "XDG_DATA_HOME"):
        world.monkeypatch.delenv(name, raising=False)
    # A container may run as a user that is in no list.
    world.monkeypatch.setattr("pwd.getpwuid", _unknown_user)


def _unknown_user(number: int) -> object:
    raise KeyError(f"getpwuid(): uid not found: {number}")


def runs_is_a_file(world: World) -> None:
    shutil.rmtree(world.home / "runs")
    (world.home / "runs").write_text("")


def runs_has_a_stray_link(world: World) -> None:
    (world.home / "runs" / "20990101-link").symlink_to("nowhere")
    (world.home / "runs" / "20990102-loop").symlink_to("20990102-loop")


def the_run_has_no_files(world: World) -> None:
    shutil.rmtree(world.run)
    world.run.mkdir()


def study_is_a_folder(world: World) -> None:
    (world.folder / "study.yaml").unlink()
    (world.folder / "study.yaml").mkdir()


def study_is_deep(world: World) -> None:
    (world.folder / "study.yaml").write_text("a: " + "[" * 20_000)


def study_is_binary(world: World) -> None:
    (world.folder / "study.yaml").write_bytes(bytes(range(256)))


def gold_is_a_device(world: World) -> None:
    (world.folder / "gold.md").unlink()
    (world.folder / "gold.md").symlink_to("/dev/zero")


def outputs_are_folders(world: World) -> None:
    for name in ("out.json", "plan.yaml", "new.yaml"):
        (world.folder / name).mkdir()


def disk_is_full(world: World) -> None:
    world.monkeypatch.setattr(os, "fsync", _no_space)


def _no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_program_is_installed(world: World) -> None:
    world.monkeypatch.setenv("PATH", str(world.folder / "empty"))


def temporary_folder_is_gone(world: World) -> None:
    world.monkeypatch.setattr(tempfile, "tempdir", str(world.folder / "absent"))


def output_is_full(world: World) -> None:
    full = io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True)
    world.monkeypatch.setattr(sys, "stdout", full)
    world.at_end.callback(full.close)


def server_record_is_damaged(world: World) -> None:
    (world.home / "server.json").write_bytes(b"\xff")


FAILURES: list[Callable[[World], None]] = [
    home_is_a_file, home_is_a_loop, home_has_a_long_name, home_is_not_utf8, working_folder_is_not_utf8,
    working_folder_is_gone, no_user_and_no_home, runs_is_a_file, runs_has_a_stray_link, the_run_has_no_files,
    study_is_a_folder, study_is_deep, study_is_binary, gold_is_a_device, outputs_are_folders, disk_is_full,
    no_program_is_installed, temporary_folder_is_gone, output_is_full, server_record_is_damaged,
]  # fmt: skip

#: What a file of a run may hold instead of its content. None makes it a folder.
CONTENTS = (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"schema": 99}', b'{"a": "\\ud83d"}', b"null\n", None)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(os, "_exit", sys.exit)
    new_world = World(tmp_path, monkeypatch)
    with new_world.at_end:
        yield new_world


def ending(world: World, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[object, str]:
    """Return the exit code of a command, and what it printed. A defect has a traceback instead."""
    world.monkeypatch.setattr(sys, "argv", ["workbench", *arguments])
    code: object = None
    try:
        app.main()
    except SystemExit as ended:
        code, errors = ended.code, "".join(capsys.readouterr())
    except Exception:
        errors = traceback.format_exc(limit=-4)
    # Not every character can be sent to the process that reports on the tests.
    return code, errors.encode("ascii", "backslashreplace").decode()


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_failure_of_the_outside_world_is_a_traceback(
    world: World, capsys: pytest.CaptureFixture[str], command: str, failure: Callable[[World], None]
) -> None:
    """The exit code says who has to do something, and the message is for a person."""
    failure(world)
    code, errors = ending(world, capsys, COMMANDS[command])
    assert code in (0, 2, 3), errors
    assert "Traceback" not in errors
    assert errors.strip() or code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["show", "runs", "prune", "compare", "cache", "promote", "generate", "apply", "revert", "report", "ledger"],
)
def test_no_damaged_file_of_a_run_is_a_traceback(
    world: World, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Each file of the run is replaced by each of `CONTENTS` in turn."""
    names = [file.name for file in world.run.iterdir() if file.is_file()]
    names += [str(file.relative_to(world.run)) for file in sorted(world.run.glob("candidates/*"))[:1]]
    names += ["applied.json", "failed.json", "race.json", "calibration.json", "promoted.json", "answers.jsonl"]
    for name in names:
        for content in CONTENTS:
            content_before = (world.run / name).read_bytes() if (world.run / name).exists() else None
            world.damage(name, content)
            code, errors = ending(world, capsys, COMMANDS[command])
            assert code in (0, 2, 3), (name, content and content[:20], errors)
            (world.run / name).rmdir() if content is None else (world.run / name).unlink()
            if content_before is not None:
                (world.run / name).write_bytes(content_before)


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", NOT_UTF8],
        ["runs", NOT_UTF8],
        ["check", f"{NOT_UTF8}.yaml"],
        ["check", "x" * 300],
        ["run", "study.yaml", "--budget", "9" * 30],
        ["ledger", "trials", "small", "--limit", "9" * 30],
        ["champion", "show", "study.yaml", "9" * 30],
        ["run", "study.yaml", "--json", f"/proc/self/{NOT_UTF8}"],
        ["generate", "latest", "--goal", NOT_UTF8],
        ["apply", "latest", "--anyway", "--branch", NOT_UTF8],
        ["apply", "latest", "--anyway", "--step", NOT_UTF8],
        ["init", NOT_UTF8, "gold.md", "--output", "new.yaml"],
        ["init", "a goal", NOT_UTF8, "--output", "new.yaml"],
        ["init", "a goal", "gold.md", "--output", f"{NOT_UTF8}.yaml"],
        ["rehearsal", "--port", "1", "--world", NOT_UTF8],
        [NOT_UTF8],
    ],
)
def test_no_argument_is_a_traceback(world: World, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """An argument may hold bytes that are no text."""
    code, errors = ending(world, capsys, arguments)
    assert code in (0, 2, 3), errors
    assert "Traceback" not in errors
