"""Tests of what a requalification decides, and of its records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.settings import STUDY
from workbench.champion.champion import Champion
from workbench.champion.proof import is_edited, proof_of_study
from workbench.champion.qualification import QualificationRecord, Qualifications, decide, fingerprint, prompt_hash
from workbench.errors import RunNotFound
from workbench.nouns import Engine, Goal, InputFile

CHAMPION = Champion(number=2, text="prompt", scores={"g": [8.0, 8.1, 8.2]}, fingerprint="f1")


@pytest.mark.parametrize(
    ("fresh", "decision"),
    [
        ([8.0, 8.1, 8.2], "as good"),
        ([9.5, 9.6, 9.7], "as good"),
        ([7.4, 8.1, 8.2], "undecided"),
        ([7.0, 8.0, 9.0], "undecided"),
        ([2.0, 2.2, 2.1], "worse"),
        ([0.0, 0.0, 0.0], "worse"),
    ],
)
def test_a_champion_is_as_good_unless_it_lost_more_than_the_margin(fresh: list[float], decision: str) -> None:
    """With three replicates, a small difference is undecided."""
    judgement = decide({"g": [8.0, 8.1, 8.2]}, {"g": fresh}, 0.5)
    assert judgement.decision == decision
    assert judgement.sentence(0.5)


def test_more_replicates_decide_within_the_margin() -> None:
    """A small loss that is surely smaller than the margin is no reason for a search."""
    record, fresh = [8.0, 8.2] * 50, [7.9, 8.1] * 50
    assert decide({"g": record}, {"g": fresh}, 0.5).decision == "as good"
    assert decide({"g": record}, {"g": fresh}, 0.1).decision == "worse"


def test_without_a_record_nothing_is_decided() -> None:
    judgement = decide(None, {"g": [8.0, 8.1, 8.2]}, 0.5)
    assert judgement.decision == "undecided"
    assert "no record" in judgement.sentence(0.5)


def test_the_fingerprint_holds_everything_that_scores_depend_on() -> None:
    """Settings of the search, and the place of a file, are not part of it."""
    file = InputFile("codebase", Path("/a/packed.xml"), "1")
    study = replace(STUDY, pipeline=replace(STUDY.pipeline, inputs=(file,)))
    same = replace(
        study, budget=99, prompt="another", pipeline=replace(study.pipeline, inputs=(replace(file, path=Path("/b")),))
    )
    assert fingerprint(same, "1") == fingerprint(study, "1")
    # `mix` and `serve` are the same runtime, started in two ways: their plans have the same keys.
    warm = replace(study, pipeline=replace(study.pipeline, engine=Engine("serve")))
    assert fingerprint(warm, "1") == fingerprint(study, "1")
    others = [
        (study, "2"),
        (replace(study, pipeline=replace(study.pipeline, sha256="1")), "1"),
        (replace(study, pipeline=replace(study.pipeline, inputs=(replace(file, sha256="2"),))), "1"),
        (replace(study, pipeline=replace(study.pipeline, files=(file,), inputs=())), "1"),
        (replace(study, goals=(Goal("one", "write the plan", ("other gold",)),)), "1"),
        (replace(study, template="$goal $gold_plans $plan !"), "1"),
    ]
    assert len({fingerprint(*other) for other in (*others, (study, "1"))}) == len(others) + 1


def record(**changes: object) -> QualificationRecord:
    values = {"commit": "c", "champion": 2, "fingerprint": "f2", "decision": "as good", "rehearsal": None, "at": 1.0}
    return QualificationRecord.model_validate({**values, **changes})


def test_a_state_that_was_measured_is_known(tmp_path: Path) -> None:
    """A champion's own measurement counts, and so does its latest requalification. Rehearsals are kept apart."""
    real, rehearsed = (Qualifications.of(tmp_path, "study", rehearse=rehearse) for rehearse in (False, True))
    assert (real.knows(CHAMPION, "f1", 4), real.knows(CHAMPION, "f2", 4), real.knows(None, "f2", 4)) == (
        True,
        False,
        False,
    )
    real.add(record())
    real.add(record(champion=None, fingerprint="f3", decision="no champion"))
    assert (real.knows(CHAMPION, "f2", 4), real.knows(None, "f3", 4), real.knows(None, "f2", 4)) == (True, True, False)
    assert not rehearsed.knows(CHAMPION, "f2", 4)
    real.add(record(fingerprint="f4"))
    assert (real.knows(CHAMPION, "f4", 4), real.knows(CHAMPION, "f2", 4)) == (True, False)
    assert not real.knows(CHAMPION.model_copy(update={"number": 3, "fingerprint": None}), "f4", 4)
    assert not Qualifications.of(tmp_path, "another", rehearse=False).knows(None, "f3", 4)


def test_more_replicates_are_executed_if_fewer_could_not_decide(tmp_path: Path) -> None:
    """An undecided requalification tells the reader to raise `confirm`. Another commit without that changes nothing."""
    real = Qualifications.of(tmp_path, "study", rehearse=False)
    real.add(record(decision="undecided", too_few=4))
    assert [real.knows(CHAMPION, "f2", replicates) for replicates in (3, 4, 8)] == [True, True, False]
    real.add(record(decision="undecided"))
    assert real.knows(CHAMPION, "f2", 8)


def test_more_replicates_decide_nothing_without_a_record_to_compare_with() -> None:
    """Such a requalification is not repeated: its scores are the record now."""
    assert [decide(earlier, {"g": [5.0, 5.0]}, 0.5).more_can_decide for earlier in (None, {"g": [5.0, 6.0]})] == [
        False,
        True,
    ]


def test_a_prompt_that_was_edited_after_its_measurement_is_not_known(tmp_path: Path) -> None:
    """The champion's file proves which prompt was promoted, and the record which prompt was measured later."""
    file = tmp_path / "pipeline.yaml"
    file.write_text("workflow: {}")
    study = replace(STUDY, pipeline=replace(STUDY.pipeline, file=file))
    proof = proof_of_study(study, CHAMPION.text, None, file.read_bytes())
    promoted = CHAMPION.model_copy(update={"proof": proof})
    edited = promoted.model_copy(update={"text": "another prompt"})
    assert [is_edited(champion, study, "f1") for champion in (promoted, edited, CHAMPION)] == [False, True, False]
    # With another fingerprint, the pipeline file may be another one than the proof is about.
    assert not is_edited(edited, study, "f2")
    real = Qualifications.of(tmp_path, "study", rehearse=False)
    real.add(record(prompt=prompt_hash(promoted)))
    assert (real.knows(promoted, "f2", 4), real.knows(edited, "f2", 4)) == (True, False)


def test_a_change_is_undone_if_the_study_is_again_as_it_was_at_the_promotion(tmp_path: Path) -> None:
    """Then a search that the change has started is in vain. Without an earlier requalification, none has started."""
    real = Qualifications.of(tmp_path, "study", rehearse=False)
    assert not real.is_undone(CHAMPION, "f1")
    real.add(record(fingerprint="f2", decision="worse"))
    assert [real.is_undone(champion, "f1") for champion in (CHAMPION, None)] == [True, False]
    assert not real.is_undone(CHAMPION, "f2")
    real.add(record(fingerprint="f1"))
    assert not real.is_undone(CHAMPION, "f1")


def test_a_champion_is_compared_with_its_promotion_else_with_its_first_requalification(tmp_path: Path) -> None:
    """Only scores on the same goals can be compared, and real scores are never compared with those of a rehearsal."""
    real, rehearsed = (Qualifications.of(tmp_path, "study", rehearse=rehearse) for rehearse in (False, True))
    assert real.record_of(CHAMPION, ["g"]) == CHAMPION.scores
    assert real.record_of(CHAMPION, ["g", "h"]) is None
    assert rehearsed.record_of(CHAMPION, ["g"]) is None
    for score in (7.0, 6.0):
        rehearsed.add(record(rehearsal="default:0", scores={"g": [score]}))
    assert rehearsed.record_of(CHAMPION, ["g"]) == {"g": [7.0]}
    assert real.record_of(CHAMPION, ["g"]) == CHAMPION.scores


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    real = Qualifications.of(tmp_path, "study", rehearse=False)
    real.add(record())
    with real.file.open("a") as file:
        file.write("{}\n")
    with pytest.raises(RunNotFound, match=r"qualifications.jsonl:2 does not fit its format \(.+\): remove this line"):
        real.all()
