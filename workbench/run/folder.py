"""The folder of a run: everything that is to be read about it later, and the one way to write into it.

study.yaml        the study as it was
pipeline.yaml     the pipeline file as it was
candidates/       every prompt that was tried, NAME.md
trials.jsonl      what each was worth, one line per trial, in the order of the verdicts
journal.jsonl     every call that was made (workbench.run.journal)
optimizer.log     what the optimizer said
best_prompt.md    the winner
program.json      the winner as a DSPy program
working           locked by the process that works on it, as long as it does
failed.json       why it does not go on, if that is not an interrupt
report.json       the result, as the command line's --json writes it
applied.json      where the winner was put into the user's pipeline file, until it is taken back
applied.before    that file as it was, as long
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import RunNotFound, workbench_error_in
from workbench.nouns import Trial
from workbench.system.files import append_line, is_locked, shared_lock, write_atomically

WORKING, FAILED = "working", "failed.json"
#: What helps where a run's folder is not whole.
AGAIN = "run the study again, nothing is paid twice"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder; it exists."""

    path: Path

    @classmethod
    def create(cls, home: Path, name: str) -> RunFolder:
        """Make it, or take it up again: a retried flow goes on in the folder that it began."""
        path = home / "runs" / name
        (path / "candidates").mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def find(cls, home: Path, name: str) -> RunFolder:
        """By name, by the beginning of a name, or `latest`.

        Raises:
            RunNotFound: there is none, or the beginning fits several.
        """
        known = sorted(entry.name for entry in (home / "runs").glob("*/")) if (home / "runs").is_dir() else []
        if not known:
            raise RunNotFound(f"there are no runs under {home / 'runs'} yet: workbench run STUDY makes one")
        fitting = known[-1:] if name == "latest" else [run for run in known if run == name or run.startswith(name)]
        if len(fitting) != 1 and name not in fitting:
            what = "fits several runs" if fitting else "is no run"
            raise RunNotFound(f'"{name}" {what}; there are: {", ".join(known[-8:])} (or say latest)')
        return cls(home / "runs" / (name if name in fitting else fitting[0]))

    @contextmanager
    def worked_on(self) -> Iterator[None]:
        """While this lasts, whoever looks sees that the run goes on; and why not, if it fails."""
        failed = self.path / FAILED
        failed.unlink(missing_ok=True)
        with shared_lock(self.path / WORKING):
            try:
                yield
            except Exception as error:
                self.write_json(FAILED, {"why": str(workbench_error_in(error) or type(error).__name__)})
                raise

    @property
    def stopped(self) -> str | None:
        """None while somebody works on it; else why it failed, or nothing if it was interrupted."""
        if is_locked(self.path / WORKING):
            return None
        return str(self.read_json(FAILED)["why"]) if (self.path / FAILED).exists() else ""

    @property
    def name(self) -> str:
        return self.path.name

    def write(self, name: str, text: str) -> Path:
        """A file that is there whole or not at all."""
        return write_atomically(self.path / name, text.encode())

    def write_json(self, name: str, value: Any) -> Path:
        return self.write(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def add_trial(self, phase: str, trial: Trial) -> None:
        line = {
            "phase": phase,
            "candidate": trial.candidate,
            "goal": trial.goal,
            "replicate": trial.replicate,
            "execution": trial.execution,
            "score": trial.verdict.score,
            "reason": trial.verdict.reason,
            "at": time.time(),
        }
        append_line(self.path / "trials.jsonl", json.dumps(line, ensure_ascii=False))

    def read(self, name: str) -> str:
        """
        Raises:
            RunNotFound: the run did not leave it, or not whole.
        """
        try:
            return (self.path / name).read_bytes().decode()
        except OSError as error:
            raise RunNotFound(f"{self.path / name} cannot be read ({error.strerror}): {AGAIN}") from error
        except UnicodeDecodeError as error:
            raise RunNotFound(
                f"{self.path / name} is not UTF-8 (byte {error.start}): convert what it was copied from, and {AGAIN}"
            ) from error

    def read_json(self, name: str) -> Any:
        """
        Raises:
            RunNotFound: the run did not leave it, or not whole.
        """
        try:
            return json.loads(self.read(name))
        except json.JSONDecodeError as error:
            raise RunNotFound(f"{self.path / name} is no JSON ({error}): {AGAIN}") from error
