"""A run with everything that a page can show, also hostile words of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.run_folder import HIGH, LOW, add, begin, finish
from workbench.calibration.damage import DAMAGES, DEGREES
from workbench.champion.champion import Champion
from workbench.champion.champions import Champions
from workbench.champion.qualification import QualificationRecord, Qualifications
from workbench.evidence.svg import drawing
from workbench.money.price import Cost, ModelCost, Tokens
from workbench.nouns import Trial, Verdict
from workbench.run.calibration import PICTURE, CalibrationRecord, GroupRecord
from workbench.run.folder import CALIBRATED, RunFolder
from workbench.run.journal import CallRecord
from workbench.run.race_record import EffectRecord, EstimateRecord, RaceRecord, StepRecord
from workbench.run.record import LeakRecord
from workbench.scoring import CriterionResult

DAY = 86_400.0
#: The folder of the judge's calibration.
CALIBRATION = "c" * 24


def whole_run(home: Path, hostile: str) -> RunFolder:
    """Make the folder of a finished race, with a champion that was measured at several commits."""
    champions = home.parent / "study" / "prompts" / "study_one"
    run = begin(
        home,
        started=9 * DAY,
        champions=str(champions),
        champion=2,
        commit="9" * 40,
        optimizer="race",
        calibration=CALIBRATION,
    )
    run.write("candidates/first.md", "Write the plan.\nName the owner of each step.\n")
    run.write("candidates/second.md", f"Write the plan.\nOrder the stages by risk.\n{hostile}\n")
    run.write("candidates/copy.md", hostile)
    for number, score in enumerate((3.0, 4.5, 6.0, 7.5, 8.5)):
        add(run, "search", "first" if number == 0 else "second", number, score, hostile)
    run.append(LeakRecord(candidate="copy", why=hostile))
    run.append(CallRecord(action="score", key="k", kind=hostile, seconds=1.0, at=9 * DAY, message=hostile))
    cost = Cost.of([ModelCost(hostile, 1, Tokens(input=1), None), ModelCost("gemini/j", 1, Tokens(input=1), 0.5)])
    run.append(CallRecord(action="score", key="k", kind="ok", seconds=1.0, at=9 * DAY, cost=cost))
    run.save(race(hostile))
    finish(run, "second", LOW, HIGH)
    _judge(run, hostile)
    _champions(home, champions)
    return run


def _judge(run: RunFolder, hostile: str) -> None:
    """Give the fresh trials answers to two criteria, and calibrate the judge after the run."""
    for candidate, scores in (("first", LOW), ("second", HIGH)):
        for number, score in enumerate(scores):
            proved = CriterionResult("order of stages", "yes" if candidate == "second" else "no", hostile)
            other = CriterionResult(hostile, "no" if number else "partly", hostile, unproved=bool(number))
            verdict = Verdict(score, "fine", criteria=(proved, other))
            run.add_trial("confirm", Trial(candidate, "g", 1_000_000 + number, f"{candidate}{number}", verdict))
    folder = RunFolder(run.path.parents[1] / CALIBRATED / CALIBRATION)
    folder.path.mkdir(parents=True)
    folder.save(calibration())
    folder.write(PICTURE, drawing(10, 10, []))


def calibration(**changes: object) -> CalibrationRecord:
    """Return the calibration of a judge that can be trusted."""
    groups = [GroupRecord(goal="g", kind="gold", scores=(9.0, 9.2))]
    groups += [
        GroupRecord(goal="g", kind=kind, degree=degree, scores=(9 - 8 * degree,))
        for kind in DAMAGES
        for degree in DEGREES
    ]
    value: dict[str, object] = {
        "study": "study_one", "judge": "gemini/j", "method": "rubric", "rehearsal": None, "groups": tuple(groups),
        "gold": 9.1, "worst": 3.0, "tau": dict.fromkeys(DAMAGES, 1.0), "judge_noise": 0.4, "generator_noise": None,
        "calls": None, "pairs": None, "judge_cost": None, "generator_cost": None, "unit": "dollars", "at": 9 * DAY,
    }  # fmt: skip
    return CalibrationRecord.model_validate({**value, **changes})


def race(hostile: str) -> RaceRecord:
    """Return what the race of this run learnt."""
    first, best = EstimateRecord(score=3.0, low=2.0, high=4.0), EstimateRecord(score=8.0, low=7.0, high=9.0)

    def effect(text: str, points: float, *, in_best: bool) -> EffectRecord:
        return EffectRecord(
            text=text, points=points, low=points - 0.5, high=points + 0.5, executions=3, in_first=False, in_best=in_best
        )

    return RaceRecord(
        level=0.9,
        effects=(effect("Order the stages by risk.", 2.0, in_best=True), effect(hostile, -1.0, in_best=False)),
        steps=(
            StepRecord(trials=1, candidate="first", first=first, best=first),
            StepRecord(
                trials=5, candidate="second", added=("Order the stages by risk.",), removed=(hostile,), best=best
            ),
        ),
    )


def _champions(home: Path, folder: Path) -> None:
    champions = Champions("study_one", folder, "Write the plan.")
    promoted: dict[str, Any] = {"run": "r1", "commit": "a" * 40, "score": 6.5, "low": 6.0, "high": 7.0, "level": 0.9}
    champions.add(Champion(number=1, text="Write the plan.", reason="the starting prompt"))
    champions.add(Champion(number=2, date="1970-01-02T00:00:00Z", text="Better.", **promoted))
    history = Qualifications.of(home, "study_one", rehearse=False)
    for day, commit, scores in ((3, "b" * 40, [6.4, 6.6, 6.5]), (5, "c" * 40, [3.0, 3.2, 3.1])):
        history.add(
            QualificationRecord(
                commit=commit,
                champion=2,
                champions=folder,
                fingerprint="f",
                decision="as good" if day == 3 else "worse",
                scores={"g": scores},
                rehearsal=None,
                run=f"requalified-{day}",
                at=day * DAY,
            )
        )
