"""The command `workbench` as a user has it: a process of its own, a home of its own, a Prefect server that runs."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.rehearsal.server import Rehearsal, start

CHECKOUT = Path(__file__).resolve().parents[2]
WORKBENCH = Path(sys.executable).with_name("workbench")
PREFECT = Path(sys.executable).with_name("prefect")
EXAMPLE = CHECKOUT / "examples" / "otp_refactor" / "study.yaml"


@dataclass(frozen=True)
class Ended:
    """What a command printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class CommandLine:
    """`home` is WORKBENCH_HOME; `environ` stands beside what a shell would give."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def having(self, **environ: str) -> CommandLine:
        return replace(self, environ={**self.environ, **environ})

    @property
    def env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "WORKBENCH_HOME": str(self.home),
            **self.environ,
        }

    def start(self, *arguments: object, program: Path = WORKBENCH, cwd: Path = CHECKOUT) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(program), *map(str, arguments)],
            env=self.env,
            cwd=cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: object, program: Path = WORKBENCH, cwd: Path = CHECKOUT, timeout: float = 180) -> Ended:
        with self.start(*arguments, program=program, cwd=cwd) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Ended(process.returncode, out, err)

    def optimize(self, study: Path, *arguments: object) -> tuple[Ended, dict[str, Any]]:
        """`workbench run`, with its report; which is empty if there is none."""
        report = self.home / "report.json"
        report.unlink(missing_ok=True)
        ended = self.run("run", study, "--json", report, *arguments)
        return ended, self.report()

    def report(self) -> dict[str, Any]:
        report = self.home / "report.json"
        return json.loads(report.read_text()) if report.exists() else {}

    @contextmanager
    def rehearsing(self, **how: Any) -> Iterator[tuple[CommandLine, Rehearsal]]:
        """A rehearsal of the test's own, where the environment says that the providers are."""
        with start(**how) as running:
            yield self.having(GOOGLE_GEMINI_BASE_URL=running.url, ANTHROPIC_BASE_URL=running.url), running

    def counting(self) -> tuple[CommandLine, Path]:
        """With a program named mix before the real one, which notes each generate call and passes it on."""
        log, wrapper = self.home / "mix-calls.log", self.home / "bin" / "mix"
        wrapper.parent.mkdir(parents=True)
        real = shutil.which("mix")
        assert real is not None
        wrapper.write_text(
            f'#!/bin/sh\ncase "$1" in pipeline.generate.live) echo "$*" >> {log};; esac\nexec {real} "$@"\n'
        )
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        log.touch()
        return self.having(PATH=f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"), log

    def results(self, task: str) -> list[Path]:
        """The answers that are kept, of one task. What a killed writer leaves begins with a dot."""
        return sorted(file for file in (self.home / "results" / task).glob("[!.]*") if file.is_file())


def study(folder: Path, **changes: object) -> Path:
    """A small study of its own, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gold.md").write_text(
        "# Plan\n\nSupervision trees before anything else. Telemetry for every process. Backpressure at the edges.\n"
        "Idempotence of migrations. Rollback of each stage. Property tests for parsers. Credentials never in logs.\n"
    )
    shutil.copy(CHECKOUT / "runtime" / "priv" / "pipelines" / "genesis.yaml", folder / "pipeline.yaml")
    said: dict[str, object] = {
        "study": "small",
        "goals": [{"name": "only", "goal": "Write the plan for a safer release", "gold": "gold.md"}],
        "pipeline": "pipeline.yaml",
        "optimizer": "gepa",
        "budget": 6,
        "concurrency": 4,
        **changes,
    }
    file = folder / "study.yaml"
    file.write_text(json.dumps(said, indent=1))
    return file


def wait_for(what: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
