"""The rubric of a study: read with its mistakes, required where it is needed, drawn and written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import study
from workbench.commands.check import check
from workbench.errors import OutputFailed, StudyError, UserError
from workbench.nouns import Study
from workbench.scoring import Criterion
from workbench.study.opening import RunOptions, load
from workbench.study.rubric import DRAWN_IN_REHEARSAL, require_rubric, write_rubric

CRITERIA = (Criterion("supervision", "Is there supervision?", 2.0), Criterion("rollback: yes", "Is there a #rollback?"))


def load_with(folder: Path, text: str | None) -> Study:
    """Return a study whose judge has a rubric, with this text in the rubric's file."""
    file = study(folder, judge={"method": "rubric"}, optimizer="static")
    if text is not None:
        (folder / "small.rubric.yaml").write_text(text)
    return load(RunOptions(file))


def test_a_written_rubric_is_read_back(tmp_path: Path) -> None:
    """Names and questions may have signs that mean something in YAML."""
    loaded = load_with(tmp_path, None)
    file = write_rubric(loaded, {"only": CRITERIA}, "gemini/gemini-4-argon")
    assert file == tmp_path / "small.rubric.yaml"
    study_with_rubric = load(RunOptions(tmp_path / "study.yaml"))
    assert study_with_rubric.goals[0].criteria == CRITERIA
    require_rubric(study_with_rubric, rehearsal=False)


def test_a_person_may_write_the_rubric_by_hand(tmp_path: Path) -> None:
    """A weight and the model that drew it may be missing."""
    loaded = load_with(tmp_path, "goals:\n  only:\n  - name: tests\n    question: Are there tests?\n")
    assert loaded.goals[0].criteria == (Criterion("tests", "Are there tests?", 1.0),)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("goals: {only: [{name: a, question: b, wieght: 1}]}", 1, 'wieght: this key is not known.*"weight"'),
        ("goals:\n  only:\n  - {name: a}", 3, r"goals.only\[0\].question: this key is missing"),
        ("goals:\n  only: []", 2, r"goals\.only: expected 1 to 30 criteria, got 0"),
        (
            "goals:\n  only:\n  - {name: a, question: b, weight: 0}",
            3,
            "weight: 0 is out of range; expected more than 0",
        ),
        (
            "goals:\n  only:\n  - {name: a, question: b, weight: heavy}",
            3,
            'weight: expected a number, got a text "heavy"',
        ),
        ("goals:\n  only:\n  - {name: ' ', question: b}", 3, "name: expected a text, got an empty one"),
        ("goals:\n  only: [tests]", 2, r'only\[0\]: expected keys with values, got a text "tests"'),
        ("goals: []", 1, r"goals: expected keys with values, got a list \[\]"),
        ("goals:\n  onyl:\n  - {name: a, question: b}", 2, 'the study has no goal "onyl".*did you mean "only"'),
        ("goals:\n  x:\n  - {name: a, question: b}", 1, 'the goal "only" of the study has no criteria'),
        ("goals:\n  only:\n  - {name: a, question: b}\n  - {name: A, question: c}", 4, '"A" is used twice'),
        ("- 1", 1, "expected the keys drawn_by and goals"),
    ],
)
def test_every_mistake_in_a_rubric_has_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        load_with(tmp_path, text)
    assert line in {problem.line for problem in caught.value.problems}
    assert {problem.file.name for problem in caught.value.problems} == {"small.rubric.yaml"}


def test_a_missing_rubric_is_named_with_the_command_that_draws_it(tmp_path: Path) -> None:
    """`check` says it. A study whose judge needs none is not affected."""
    loaded = load_with(tmp_path, None)
    with pytest.raises(UserError, match=r"small\.rubric\.yaml does not exist.*workbench rubric .*study\.yaml"):
        check(tmp_path / "study.yaml")
    require_rubric(load(RunOptions(study(tmp_path / "other"))), rehearsal=False)
    assert not loaded.goals[0].criteria


@pytest.mark.processes
def test_a_run_with_real_models_refuses_the_criteria_of_a_rehearsal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rehearsal takes them. `check` says it beforehand."""
    loaded = load_with(tmp_path, None)
    write_rubric(loaded, {"only": CRITERIA}, DRAWN_IN_REHEARSAL)
    study_with_rubric = load(RunOptions(tmp_path / "study.yaml"))
    require_rubric(study_with_rubric, rehearsal=True)
    assert check(tmp_path / "study.yaml") == 0
    assert "a run with real models will not start: " in capsys.readouterr().err
    with pytest.raises(UserError, match="a scripted model drew these criteria"):
        require_rubric(study_with_rubric, rehearsal=False)


def test_an_unknown_method_and_a_template_without_places_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r'judge.method: "rubrik" is not known.*did you mean "rubric"'):
        load(RunOptions(study(tmp_path, judge={"method": "rubrik"})))
    (tmp_path / "t.md").write_text("$goal $gold_plans $plan")
    with pytest.raises(StudyError, match=r"template lacks \$criteria"):
        load(RunOptions(study(tmp_path, judge={"method": "rubric", "template": "t.md"})))


def test_a_rubric_that_cannot_be_written_is_an_error_of_the_machine(tmp_path: Path) -> None:
    loaded = load_with(tmp_path, None)
    (tmp_path / "small.rubric.yaml").mkdir()
    with pytest.raises(OutputFailed, match="cannot be written"):
        write_rubric(loaded, {"only": CRITERIA}, "m")
