"""What a study will take, before anything is paid for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from workbench.nouns import Study
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord
from workbench.search.catalogue import OPTIMIZERS

#: Seconds for an execution of which nothing is known yet: a model that writes a plan of some pages.
ASSUMED_SECONDS = 60.0


@dataclass(frozen=True)
class Estimate:
    """`seconds` is wall time with `concurrency` executions at once; `measured` says whether earlier runs tell."""

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
        how = "measured in earlier runs" if self.measured else "assumed: no earlier run tells"
        return (
            f"{self.study}: good. {self.optimizer} on {self.goals} goal{'s' if self.goals > 1 else ''}\n"
            f"at most {self.executions} executions: {self.search} to search, {self.confirm} to confirm\n"
            f"about {self.seconds / 60:.0f} min or more, at {self.seconds_each:.0f} s each ({how}), "
            f"{self.concurrency} at once"
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "executions": self.executions, "seconds": self.seconds}


def estimate(study: Study, home: Path) -> Estimate:
    """From the study, and from how long executions took in earlier real runs of a study of that name."""
    took = [
        call.seconds
        for run in sorted((home / "runs").glob("*/"))[-20:]
        if _tells(run, study)
        for call in journal.read(run)
        if call.action == "execute" and call.kind == "ok"
    ]
    return Estimate(
        study=study.name,
        optimizer=f"{study.optimizer} ({OPTIMIZERS[study.optimizer].summary})",
        goals=len(study.goals),
        search=study.budget,
        confirm=2 * study.confirm * len(study.goals),
        seconds_each=median(took) if took else ASSUMED_SECONDS,
        measured=bool(took),
        concurrency=study.concurrency,
    )


def _tells(run: Path, study: Study) -> bool:
    folder = RunFolder(run)
    if not folder.has(RunRecord):
        return False
    record = folder.load(RunRecord)
    return record.study == study.name and record.rehearsal is None
