"""Run the command `workbench` as a user does, with a home of its own: as a process, or in this process.

`study` writes a small study for such a run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from unittest import mock

import pytest

from workbench.commands import app
from workbench.rehearsal.server import Rehearsal, start

CHECKOUT = Path(__file__).resolve().parents[2]
WORKBENCH = Path(sys.executable).with_name("workbench")
PREFECT = Path(sys.executable).with_name("prefect")
#: One certificate, in the place of the system's hundreds.
CERTIFICATES = CHECKOUT / "tests" / "data" / "certificate.pem"
EXAMPLE = CHECKOUT / "examples" / "otp_refactor" / "study.yaml"


@dataclass(frozen=True)
class CommandResult:
    """The exit code of a command, and what it printed."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class CommandLine:
    """A user's command line.

    Attributes:
        home: WORKBENCH_HOME.
        environ: variables that are added to those of a usual shell.
    """

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def having(self, **environ: str) -> CommandLine:
        """Return the same command line with more variables in its environment."""
        return replace(self, environ={**self.environ, **environ})

    @property
    def env(self) -> dict[str, str]:
        """Return the whole environment of the command. No model key of the real environment is in it."""
        shell = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **shell,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            # Each of a command's many clients reads all certificates of this file. No test calls a server that has one.
            "SSL_CERT_FILE": str(CERTIFICATES),
            "WORKBENCH_HOME": str(self.home),
            **self.environ,
        }

    def start(
        self,
        *arguments: object,
        program: Path = WORKBENCH,
        cwd: Path = CHECKOUT,
        stdout: int | IO[str] = subprocess.PIPE,
        stderr: int | IO[str] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a program in a session of its own, and return its process."""
        return subprocess.Popen(
            [str(program), *map(str, arguments)],
            env=self.env,
            cwd=cwd,
            text=True,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )

    def run(
        self, *arguments: object, program: Path = WORKBENCH, cwd: Path = CHECKOUT, timeout: float | None = None
    ) -> CommandResult:
        """Run a program to its end. Kill it after `timeout` seconds, or at the time limit of the test."""
        with self.start(*arguments, program=program, cwd=cwd) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return CommandResult(process.returncode, out, err)

    def call(self, *arguments: object, cwd: Path = CHECKOUT) -> CommandResult:
        """Run `workbench` in this process, which takes a tenth of the time. A defect raises its exception.

        Use it where a test is about what a command prints, and not about its process. A command that imports Prefect
        needs a process, because Prefect reads the environment when it is imported. So does `--json -`, which writes
        past Python's streams.
        """
        buffers = io.BytesIO(), io.BytesIO()
        out, err = (io.TextIOWrapper(buffer, encoding="utf-8", write_through=True) for buffer in buffers)
        code: object = None
        with (
            pytest.MonkeyPatch.context() as patch,
            mock.patch.dict(os.environ, self.env, clear=True),
            contextlib.chdir(cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
            patch.setattr(os, "_exit", sys.exit)
            try:
                app.main()
            except SystemExit as ended:
                code = ended.code
        assert isinstance(code, int)
        return CommandResult(code, *(buffer.getvalue().decode() for buffer in buffers))

    def optimize(self, study: Path, *arguments: object) -> tuple[CommandResult, dict[str, Any]]:
        """Run `workbench run`, and return its result and its report. The report is empty if the run wrote none."""
        report = self.home / "report.json"
        self.home.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)
        result = self.run("run", study, "--json", report, *arguments)
        return result, self.report()

    def report(self) -> dict[str, Any]:
        """Return the report of the last run, or an empty one if there is none."""
        report = self.home / "report.json"
        return json.loads(report.read_text()) if report.exists() else {}

    @contextmanager
    def rehearsing(self, **settings: Any) -> Iterator[tuple[CommandLine, Rehearsal]]:
        """Start a rehearsal, and yield it with a command line whose environment names it as all providers."""
        with start(**settings) as rehearsal:
            yield self.having(GOOGLE_GEMINI_BASE_URL=rehearsal.url, ANTHROPIC_BASE_URL=rehearsal.url), rehearsal

    def counting(self) -> tuple[CommandLine, Path]:
        """Return a command line that counts calls of `mix`, and the log with one line for each generate call.

        A program named `mix` comes first on the PATH. It writes the line, and then runs the real `mix`.
        """
        log, wrapper = self.home / "mix-calls.log", self.home / "bin" / "mix"
        wrapper.parent.mkdir(parents=True)
        real_mix = shutil.which("mix")
        assert real_mix is not None
        wrapper.write_text(
            f'#!/bin/sh\ncase "$1" in pipeline.generate.live) echo "$*" >> {shlex.quote(str(log))};; esac\n'
            f'exec {real_mix} "$@"\n'
        )
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        log.touch()
        return self.having(PATH=f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"), log

    def results(self, task: str) -> list[Path]:
        """Return the files of a task's kept answers. The file of a killed writer begins with a dot and is left out."""
        return sorted(file for file in (self.home / "results" / task).glob("[!.]*") if file.is_file())


def study(folder: Path, **changes: object) -> Path:
    """Write a small study with its gold plan and its pipeline into a folder, and return the study file.

    `changes` are keys of the study.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gold.md").write_text(
        "# Plan\n\nSupervision trees before anything else. Telemetry for every process. Backpressure at the edges.\n"
        "Idempotence of migrations. Rollback of each stage. Property tests for parsers. Credentials never in logs.\n"
    )
    shutil.copy(CHECKOUT / "runtime" / "priv" / "pipelines" / "genesis.yaml", folder / "pipeline.yaml")
    values: dict[str, object] = {
        "study": "small",
        "goals": [{"name": "only", "goal": "Write the plan for a safer release", "gold": "gold.md"}],
        "pipeline": "pipeline.yaml",
        "optimizer": "gepa",
        "budget": 6,
        "concurrency": 4,
        # The fewest pairs that can decide.
        "confirm": 4,
        # One VM for all executions takes a fraction of the time of one VM each.
        "runtime": "serve",
        **changes,
    }
    file = folder / "study.yaml"
    file.write_text(json.dumps(values, indent=1))
    return file


def wait_for(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    """Wait until the condition is true.

    Fail after this many seconds. The default is long, because the machine may be busy.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition was not true within {seconds:.0f} s"
        time.sleep(0.05)
