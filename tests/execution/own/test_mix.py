"""Executions with a program named mix that reports false success, and without mix."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.support.executions import request
from workbench.errors import ExecutionFailed
from workbench.execution.own import project
from workbench.execution.runtimes import execute, runtime_of
from workbench.nouns import Engine, Execution

pytestmark = pytest.mark.processes

MIX = Engine("mix")


def lying(folder: Path, script: str) -> None:
    """Put a program named mix first on the PATH."""
    mix = folder / "bin" / "mix"
    mix.parent.mkdir()
    mix.write_text(f"#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in --output) out=$2;; esac; shift; done\n{script}\n")
    mix.chmod(mix.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("exit 0", "no file"),
        ('echo "✅ Pipeline generated at $out"', "no file"),
        ('echo "a: 1" > "$out"', "no file"),
        ('echo "a: 1" > "$out"; echo "✅ Pipeline generated at /etc/passwd"', "no file"),
        ('ln -s /etc/passwd "$out"; echo "✅ Pipeline generated at $out"', "no file"),
        (': > "$out"; echo "✅ Pipeline generated at $out"', "no file"),
        ("kill -9 $$", "crashed"),
        ("echo boom >&2; exit 7", "crashed"),
        ("sleep 600", "timeout"),
    ],
)
def test_exit_code_zero_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, kind: str
) -> None:
    """Only a file proves success that the run names, that is its own, that exists and is not empty."""
    lying(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    # The other scripts end at once, which may take seconds on a busy machine.
    limit = 1.0 if kind == "timeout" else 60.0
    with pytest.raises(ExecutionFailed) as caught:
        execute(request(MIX, (), timeout_seconds=limit), tmp_path)
    assert caught.value.kind == kind


def test_the_last_success_line_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some pipelines first print a prompt that contains such a line."""
    lying(tmp_path, 'echo "a: 1" > "$out"; echo "✅ Pipeline generated at /x"; echo "✅ Pipeline generated at $out"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    execution: Execution = execute(request(MIX, ()), tmp_path)
    assert execution.text == "a: 1\n"


def test_without_mix_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message replaces a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExecutionFailed, match="apt-get install elixir"):
        runtime_of(MIX).prepare()
    with pytest.raises(ExecutionFailed, match="apt-get install elixir"):
        execute(request(MIX, ()), tmp_path)


def test_a_vm_that_breaks_down_leaves_no_dump(tmp_path: Path) -> None:
    """A dump would contain keys, prompts and plans."""
    finished = project.run(["elixir", "-e", ":erlang.halt('out of memory')"], tmp_path, project.environment({}), 30)
    assert finished.exit_code == 1
    assert not list(tmp_path.iterdir())
