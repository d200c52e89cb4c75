"""Make the folder of a run as it is at any point of the run, without a real run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.nouns import Trial, Verdict
from workbench.run.folder import RunFolder
from workbench.run.journal import Action, CallRecord
from workbench.run.record import Phase, RunRecord, SearchResult

NAME = "20260101-000000-abcdef"


def record(**changes: object) -> RunRecord:
    """Return the record that is written when a run begins. `changes` are JSON values."""
    value: dict[str, object] = {
        "study": "study_one", "study_file": "study.yaml", "run_id": NAME, "optimizer": "gepa", "program": "direct",
        "seed": 0, "budget": 10, "confirm": 3, "concurrency": 4, "passing": 8.0,
        "goals": [{"name": "g", "text": "goal"}], "rehearsal": None, "baseline": "first", "pipeline": "pipeline.yaml",
        "runtime": "mix", "target": None, "flow_run_url": None, "started": 0.0, **changes,
    }  # fmt: skip
    return RunRecord.model_validate_json(json.dumps(value))


def begin(home: Path, name: str = NAME, **changes: object) -> RunFolder:
    """Make the folder of a run that has just begun."""
    folder = RunFolder.create(home, name)
    folder.save(record(**{"run_id": name, **changes}))
    folder.write("candidates/first.md", "Write the plan.")
    return folder


def add(folder: RunFolder, phase: Phase, candidate: str, replicate: int, score: float, reason: str = "fine") -> None:
    """Add a trial to the folder."""
    folder.add_trial(phase, Trial(candidate, "g", replicate, f"{candidate}{replicate}", Verdict(score, reason)))


def call(folder: RunFolder, *calls: tuple[Action, str, str]) -> None:
    """Add calls to the journal, each as action, key and kind."""
    for action, key, kind in calls:
        folder.append(CallRecord(action=action, key=key, kind=kind, seconds=1.0, at=1.0))


def finish(folder: RunFolder, best: str, baseline: tuple[float, ...], confirmed: tuple[float, ...]) -> None:
    """Write the search's result, and the confirming trials of both candidates."""
    folder.save(SearchResult(best=best, search_score=9.5, baseline_search_score=3.0, spent=2, ended="optimizer"))
    for number, score in enumerate(baseline):
        add(folder, "confirm", "first", 1_000_000 + number, score)
    for number, score in enumerate(confirmed):
        add(folder, "confirm", best, 1_000_000 + number, score)


#: Confirmed scores of a baseline and of a prompt that is surely better.
LOW, HIGH = (3.0, 3.2, 3.1), (7.9, 8.1, 8.3)


def ended(
    home: Path, confirmed: tuple[float, ...] = HIGH, text: str = "Order the stages.", **changes: Any
) -> RunFolder:
    """Make the folder of a run that has ended, with these confirmed scores of its best prompt."""
    folder = begin(home, **changes)
    add(folder, "search", "first", 0, 3.0)
    folder.write("best_prompt.md", text)
    finish(folder, "second", LOW, confirmed)
    return folder
