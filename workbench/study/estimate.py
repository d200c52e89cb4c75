"""Estimates how many executions and minutes a study takes, before anything is paid for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from workbench.errors import UserError
from workbench.nouns import Study
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord
from workbench.search.catalogue import OPTIMIZERS

#: The assumed seconds of one execution before any is measured: a model writes a plan of some pages.
ASSUMED_SECONDS = 60.0
#: How many of the newest runs the estimate looks at.
RUNS = 20


@dataclass(frozen=True)
class Estimate:
    """What a study takes at most.

    `seconds` is wall time with `concurrency` executions at once. `measured` says if earlier runs gave `seconds_each`.
    """

    study: str
    optimizer: str
    goals: int
    search: int
    confirm: int
    seconds_each: float
    measured: bool
    concurrency: int

    @property
    def executions(self) -> int:
        return self.search + self.confirm

    @property
    def seconds(self) -> float:
        return self.seconds_each * -(-self.executions // self.concurrency)

    @property
    def text(self) -> str:
        how = "measured in earlier runs" if self.measured else "assumed, as there is no earlier run"
        return (
            f"{self.study} is valid: {self.optimizer} on {self.goals} goal{'s' if self.goals > 1 else ''}\n"
            f"at most {self.executions} executions: {self.search} to search, {self.confirm} to confirm\n"
            f"about {self.seconds / 60:.0f} min or more, at {self.seconds_each:.0f} s each ({how}), "
            f"{self.concurrency} at once"
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "executions": self.executions, "seconds": self.seconds}


def estimate(study: Study, home: Path) -> Estimate:
    """Return the estimate. Earlier real runs of a study with the same name tell how long an execution takes."""
    folders = sorted((home / "runs").glob("*/"))[-RUNS:]
    measured = [seconds for folder in folders for seconds in _execution_seconds(RunFolder(folder), study)]
    return Estimate(
        study=study.name,
        optimizer=f"{study.optimizer} ({OPTIMIZERS[study.optimizer].summary})",
        goals=len(study.goals),
        search=study.budget,
        confirm=2 * study.confirm * len(study.goals),
        seconds_each=median(measured) if measured else ASSUMED_SECONDS,
        measured=bool(measured),
        concurrency=study.concurrency,
    )


def _execution_seconds(folder: RunFolder, study: Study) -> list[float]:
    """Return how long the executions of a run took. A rehearsal, another study and a damaged folder tell nothing."""
    try:
        if not folder.has(RunRecord):
            return []
        record = folder.load(RunRecord)
        if record.study != study.name or record.rehearsal is not None:
            return []
        calls = journal.read(folder.path)
    except UserError:
        return []
    return [call.seconds for call in calls if call.action == "execute" and call.kind == "ok"]
