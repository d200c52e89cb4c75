"""A study file is one frozen study, or all that is wrong with it, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import StudyError, UserError
from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.execution.own.serve import ServeSettings
from workbench.nouns import Engine, Study
from workbench.study.new import own_pipeline, starter
from workbench.study.opening import Wanted, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "otp_refactor" / "study.yaml"

GOOD = """\
study: good
goals:
  - name: one
    goal: write a plan
    gold: gold.md
pipeline: pipeline.yaml
optimizer: gepa
budget: 12
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gold.md").write_text("# Gold\n")
    (tmp_path / "pipeline.yaml").write_text("workflow: {}\n")
    return tmp_path


def study(folder: Path, text: str, **overrides: int | str | None) -> Study:
    (folder / "study.yaml").write_text(text)
    return load(Wanted(folder / "study.yaml", **overrides))  # type: ignore[arg-type]  # what a test overrides may be wrong


def problems(folder: Path, text: str, **overrides: int | str | None) -> list[str]:
    with pytest.raises(StudyError) as caught:
        study(folder, text, **overrides)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_the_example_is_a_study() -> None:
    """The mission's own goal, gold plan, pipeline, optimizer, judge, pass and budget."""
    found = load(Wanted(EXAMPLE))
    assert found.goals[0].text.startswith("Analyze this Elixir codebase for OTP anti-patterns and create a critical")
    assert "Stop the Bleeding" in found.goals[0].gold[0]
    assert found.pipeline.file.name == "genesis.yaml"
    assert (found.passing, found.optimizer, found.judge.provider) == (8, "gepa", "gemini")
    assert [item.name for item in found.pipeline.inputs] == ["codebase"]


def test_defaults_are_what_most_want(folder: Path) -> None:
    """A short study is a whole one."""
    found = study(folder, GOOD)
    assert (found.pipeline.engine.name, found.program, found.confirm, found.concurrency, found.seed) == (
        "mix",
        "direct",
        3,
        4,
        0,
    )
    assert "$gold_plans" in found.template


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("budget: 12", "budgt: 12", 'study.yaml:8: budgt: this key is not known'),
        ("budget: 12", "budgt: 12", 'did you mean "budget"?'),
        ("optimizer: gepa", "optimizer: gepaa", 'study.yaml:7: optimizer: "gepaa" is not known; expected one of'),
        ("optimizer: gepa", "optimizer: gepaa", 'did you mean "gepa"?'),
        ("budget: 12", "budget: 2", "study.yaml:8: budget: 2 executions are too few: gepa needs at least 3 for 1 goal"),
        ("budget: 12", "budget: twelve", 'study.yaml:8: budget: expected a whole number, got a text "twelve"'),
        ("budget: 12", "budget: 1.5", "study.yaml:8: budget: expected a whole number"),
        ("goal: write a plan", 'goal: "  "', "study.yaml:4: goals[0].goal: expected a text, got an empty one"),
        ("gold: gold.md", "gold: silver.md", 'study.yaml:5: goals[0].gold: "silver.md": there is no such file'),
        ("gold: gold.md", "gold: []", "study.yaml:5: goals[0].gold: expected at least one"),
        ("gold: gold.md", "glod: gold.md", "study.yaml:3: goals[0].gold: this key is missing"),
        ("pipeline: pipeline.yaml", "pipeline: nope.yaml", 'study.yaml:6: pipeline: "nope.yaml": there is no such'),
        ("pipeline: pipeline.yaml", "pipeline: gold.md", 'study.yaml:6: pipeline: "gold.md" is no pipeline file'),
        ("budget: 12", "budget: 12\ninputs: {code: nope}", 'study.yaml:9: inputs.code: "nope": there is no such file'),
        ("budget: 12", "budget: 12\npass: .nan", "study.yaml:9: pass: nan is out of range"),
        ("budget: 12", "budget: 12\nseed: yes", "study.yaml:9: seed: expected a whole number, got true or false True"),
        ("budget: 12", "budget: 12\nbudget: 13", '"budget" stands here again; it was in line 8 before'),
        ("budget: 12", "budget: 12\nprogram: writter", 'did you mean "writer"?'),
        ("budget: 12", "budget: 12\njudge: {model: anthropic/claude}", "cannot judge; expected a gemini model"),
        ("budget: 12", "budget: 12\njudge: {temprature: 1}", 'judge.temprature: this key is not known'),
        ("budget: 12", "budget: 12\nruntime: serv", 'study.yaml:9: runtime: "serv" is not known'),
        ("budget: 12", "budget: 12\nruntime: serv", 'did you mean "serve"?'),
        ("budget: 12", "budget: 12\nruntime_url: http://a:1", 'study.yaml:9: runtime_url: runtime: mix does not take'),
        ("budget: 12", "budget: 12\nruntime: serve\nruntime_url: a:1", 'study.yaml:10: runtime_url: "a:1" is not an'),
        ("study: good", "study: [good", "study.yaml:2: this is no YAML"),
        ("goals:", "goals: &g", "study.yaml"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_the_nearest_word(folder: Path, old: str, new: str, expected: str) -> None:
    """What stands there, what was expected, what was probably meant."""
    text = GOOD.replace(old, new)
    if "&g" in new:
        text += "more: *g\n"
        expected = "YAML aliases are not taken here"
    found = "\n".join(problems(folder, text))
    assert expected in found, found


def test_a_runtime_that_serves_may_be_elsewhere(folder: Path) -> None:
    """Or one of our own."""
    text = f"{GOOD}runtime: serve\n"
    assert study(folder, text).pipeline.engine == Engine("serve")
    assert study(folder, f"{text}runtime_url: https://host:4100\n").pipeline.engine == Engine(
        "serve", ServeSettings("https://host:4100")
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(folder: Path) -> None:
    """Two goals of one name, a missing file, a wrong word and a short budget are five lines in one message."""
    text = GOOD.replace("gold: gold.md", "gold: none.md\n  - name: one\n    goal: again\n    gold: gold.md")
    found = problems(folder, text.replace("budget: 12", "budget: 1\nprogram: x\n"))
    lines = [int(problem.split(":")[1]) for problem in found]
    assert lines == sorted(lines)
    assert len(found) == 4
    assert any('goals[1].name: "one" is the name of the goal in line 3 too' in problem for problem in found)


def test_what_the_command_line_says_is_checked_as_what_the_file_says(folder: Path) -> None:
    """The message names the option."""
    assert study(folder, GOOD, optimizer="static", budget=1).budget == 1
    assert problems(folder, GOOD, budget=2) == ["--budget: 2 executions are too few: gepa needs at least 3 for 1 goal"]
    assert problems(folder, GOOD, optimizer="gpa")[0].startswith('--optimizer: "gpa" is not known')


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"- 1", b"[" * 2000, b"a: \x00", b"\t", b"!!binary x"])
def test_what_is_no_study_at_all_is_told_too(folder: Path, content: bytes) -> None:
    """Empty, not UTF-8, a list, nested beyond reason."""
    file = folder / "study.yaml"
    file.write_bytes(content)
    with pytest.raises(StudyError):
        load(Wanted(file))


def test_a_study_that_is_not_there_is_told_by_its_name(folder: Path) -> None:
    """No traceback for a typing mistake."""
    with pytest.raises(StudyError, match="there is no such file"):
        load(Wanted(folder / "absent.yaml"))
    with pytest.raises(StudyError, match="is a folder"):
        load(Wanted(folder))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300) | st.text(alphabet="abgo:-[]{}&*!|>'\"#\n ", max_size=150))
def test_no_file_makes_the_loader_fail_otherwise(folder: Path, text: str) -> None:
    """Whatever stands in it, a person gets a message."""
    (folder / "study.yaml").write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(StudyError):
        load(Wanted(folder / "study.yaml"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and text.isprintable()))
def test_what_init_writes_can_be_loaded(folder: Path, goal: str) -> None:
    """Whatever the goal's text is."""
    (folder / "study.yaml").write_text(starter(goal, folder / "gold.md", folder / "pipeline.yaml"), encoding="utf-8")
    assert load(Wanted(folder / "study.yaml")).goals[0].text == goal.strip()


def test_a_study_of_ones_own_gets_a_pipeline_of_its_own(tmp_path: Path) -> None:
    """A copy: what is applied to it changes no other study. No file of the user's is written over or taken away."""
    with own_pipeline(tmp_path / "study.yaml") as first, own_pipeline(tmp_path / "other.yaml") as again:
        assert (first, first.read_bytes()) == (again, SHIPPED_PIPELINE.read_bytes())
    with pytest.raises(RuntimeError), own_pipeline(tmp_path / "other.yaml"):
        raise RuntimeError
    first.write_text("mine")
    with pytest.raises(RuntimeError), own_pipeline(tmp_path / "study.yaml") as second:
        assert second == tmp_path / "genesis.yaml"
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["pipeline.yaml"]
    with pytest.raises(UserError, match=r"pipeline\.yaml exists"), own_pipeline(tmp_path / "genesis.yaml"):
        pass
