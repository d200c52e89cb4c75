"""The loader returns one frozen study, or reports all mistakes of a study file, each with its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import MissingKey, OutsideError, StudyError
from workbench.execution.own.serve import ServeSettings
from workbench.nouns import Engine, ExecutionRequest, Judge, Model, Plan, ScoreRequest, Study
from workbench.providers import Provider
from workbench.study.opening import RunOptions, load
from workbench.study.services import require_keys

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
    return load(RunOptions(folder / "study.yaml", **overrides))  # type: ignore[arg-type]  # what a test overrides may be wrong


def problems(folder: Path, text: str, **overrides: int | str | None) -> list[str]:
    with pytest.raises(StudyError) as caught:
        study(folder, text, **overrides)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_the_example_is_a_study() -> None:
    """It has the expected goal, gold plan, pipeline, optimizer, judge, passing score and input."""
    loaded = load(RunOptions(EXAMPLE))
    assert loaded.goals[0].text.startswith("Analyze this Elixir codebase for OTP anti-patterns and create a critical")
    assert "Stop the Bleeding" in loaded.goals[0].gold[0]
    assert loaded.pipeline.file is not None
    assert loaded.pipeline.file.name == "genesis.yaml"
    assert (loaded.passing, loaded.optimizer, loaded.judge.provider) == (8, "race", "gemini")
    assert [item.name for item in loaded.pipeline.inputs] == ["codebase"]


def test_missing_optional_keys_get_their_defaults(folder: Path) -> None:
    """A study with only the required keys is complete."""
    loaded = study(folder, GOOD)
    assert loaded.pipeline.engine.name == "mix"
    assert (loaded.program, loaded.confirm, loaded.concurrency, loaded.seed) == ("direct", 8, 4, 0)
    assert "$gold_plans" in loaded.template
    assert study(folder, GOOD.replace("optimizer: gepa\n", "")).optimizer == "race"
    assert problems(folder, GOOD.replace("optimizer: gepa\n", ""), budget=2)[0].endswith(
        "race needs at least 8 for 1 goal"
    )


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
        (
            "budget: 12",
            "budget: 12\nlength: {free: 99999999999999999999, per_100_words: 0.1}",
            "study.yaml:9: length.free: 99999999999999999999 is out of range; expected at most 1000000",
        ),
        (
            "budget: 12",
            "budget: 12\njudge: {model: ollama/llama-4}",
            "; write another service with OpenAI's protocol as openai/MODEL, with its address as api_base",
        ),
        ("budget: 12", "budget: 12\njudge: {model: openruter/meta/llama-4}", 'did you mean "openrouter"?'),
        ("budget: 12", "budget: 12\nproposer: {model: mistral/m, temperature: 2}", "range; mistral accepts 0 to 1.5"),
        ("goal: write a plan", 'goal: "  "', "study.yaml:4: goals[0].goal: expected a text, got an empty one"),
        ("gold: gold.md", "gold: silver.md", 'study.yaml:5: goals[0].gold: "silver.md": there is no such file'),
        ("gold: gold.md", "gold: []", "study.yaml:5: goals[0].gold: the list is empty; expected at least one"),
        ("gold: gold.md", "glod: gold.md", "study.yaml:3: goals[0].gold: this key is missing"),
        ("pipeline: pipeline.yaml", "pipeline: nope.yaml", 'study.yaml:6: pipeline: "nope.yaml": there is no such'),
        ("pipeline: pipeline.yaml", "pipeline: gold.md", 'study.yaml:6: pipeline: "gold.md" is no pipeline file'),
        ("budget: 12", "budget: 12\ninputs: {code: nope}", 'study.yaml:9: inputs.code: "nope": there is no such file'),
        ("budget: 12", "budget: 12\npass: .nan", "study.yaml:9: pass: nan is out of range"),
        ("budget: 12", "budget: 12\nseed: yes", "study.yaml:9: seed: expected a whole number, got true"),
        ("budget: 12", "budget: 012", "study.yaml:8: budget: some programs read 012 as 10; write 12 or 10"),
        ("budget: 12", "budget: 12\nseed: 0b11", "study.yaml:9: seed: some programs read 0b11 as 3; write 3"),
        ("budget: 12", "budget: 12\nseed: 0x1F", "study.yaml:9: seed: some programs read 0x1F as 31; write 31"),
        ("budget: 12", "budget: 12\nseed: 1_000", "study.yaml:9: seed: some programs read 1_000 as 1000; write 1000"),
        ("budget: 12", "budget: 12\ntimeout: 1:30", "study.yaml:9: timeout: some programs read 1:30 as 90; write 90"),
        ("budget: 12", "budget: 12\ntimeout: 1_0.5", "timeout: some programs read 1_0.5 as 10.5; write 10.5"),
        ("budget: 12", "budget: 12\nseed: 08", 'study.yaml:9: seed: expected a whole number, got a text "08"'),
        ("budget: 12", "budget: 12\nseed: !!timestamp today", "study.yaml:9: 'today' is not a valid YAML value"),
        ("budget: 12", "budget: 12\nseed: !!bool perhaps", "study.yaml:9: 'perhaps' is not a valid YAML value"),
        ("budget: 12", "budget: 12\nseed: !!int ''", "study.yaml:9: '' is not a valid YAML value"),
        ("budget: 12", f"budget: 12\nseed: 0x{'f' * 5_000}", "is too large a number"),
        ("budget: 12", "budget: 12\nseed:", "study.yaml:9: seed: expected a whole number, got nothing"),
        ("budget: 12", "budget: 0", "study.yaml:8: budget: 0 is out of range; expected at least 1"),
        ("budget: 12", "budget: 12\nbudget: 13", '9: the key "budget" appears again; it is already in line 8'),
        ("budget: 12", "budget: 12\nprogram: writter", 'did you mean "writer"?'),
        ("budget: 12", "budget: 12\njudge: {model: ollama/x}", "study.yaml:9: judge.model"),
        ("budget: 12", "budget: 12\njudge: {model: ollama/x}", "one of the providers gemini, anthropic, openai, openr"),
        ("budget: 12", "budget: 12\njudge: {model: anthropic/x, temperature: 1.5}", "anthropic accepts 0 to 1"),
        ("budget: 12", "budget: 12\njudge: {model: claude-program/opus, temperature: 0}", "takes no temperature"),
        (
            "budget: 12",
            "budget: 12\nproposer: {model: anthropic/claude-sonnet-5-5, temperature: 0.5}",
            "proposer.temperature: claude-sonnet-5-5 refuses any temperature but 1, got 0.5; leave it out",
        ),
        ("budget: 12", "budget: 12\nproposer: {model: gemini/x, temperature: 2.5}", "proposer.temperature: 2.5 is out"),
        ("budget: 12", "budget: 12\nproposer: {model: gemini/x, api_base: 'http://a/v1'}", "have no address of their"),
        ("budget: 12", "budget: 12\njudge: {model: openai/x, api_base: localhost}", "is not an address such as"),
        ("budget: 12", "budget: 12\njudge: {temprature: 1}", 'judge.temprature: this key is not known'),
        ("budget: 12", "budget: 12\nruntime: serv", 'study.yaml:9: runtime: "serv" is not known'),
        ("budget: 12", "budget: 12\nruntime: serv", 'did you mean "serve"?'),
        ("budget: 12", "budget: 12\nruntime_url: http://a:1", 'study.yaml:9: runtime_url: runtime: mix does not take'),
        ("budget: 12", "budget: 12\nruntime: serve\nruntime_url: a:1", 'study.yaml:10: runtime_url: "a:1" is not an'),
        ("study: good", "study: no", "study.yaml:1: study: expected a text, got false; put it in quotes"),
        ("study: good", "study: 2026-11-26", "study: expected a text, got a date 2026-11-26; put it in quotes"),
        ("study: good", "study: []", "study: expected a text, got a list []"),
        ("study: good", "study: [good", "study.yaml:2: this is not valid YAML"),
        ("goals:", "goals", "study.yaml:2: this is not valid YAML: while scanning a simple key"),
        ("goal: write a plan", "goal: fix this: that", "study.yaml:4: this is not valid YAML: mapping values are not"),
        ("goal: write a plan", 'goal: "write a plan', "study.yaml:4: this is not valid YAML: while scanning a quoted"),
        ("goal: write a plan", "goal: fix this: that", "put the text in quotes, or write it as a block text"),
        ("    goal: write", "\tgoal: write", "a tab indents this line: indent with spaces only"),
        ("goals:", "goals", "; expected a key with a colon and a space, such as budget: 12"),
        ("gold: gold.md", "gold: glod.md", 'goals[0].gold: "glod.md": there is no such file; did you mean "gold.md"?'),
        ("goals:", "goals: &g", "study.yaml"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_line(folder: Path, old: str, new: str, expected: str) -> None:
    """The message says what is wrong, what was expected, and which known word is similar."""
    text = GOOD.replace(old, new)
    if "&g" in new:
        text += "more: *g\n"
        expected = "YAML aliases are not supported; write the value out"
    messages = "\n".join(problems(folder, text))
    assert expected in messages, messages


@pytest.mark.parametrize("keys", ["", ", temperature: null", ", temperature: 0.5"])
def test_a_temperature_may_be_left_out(folder: Path, keys: str) -> None:
    """Only a temperature that the study has is sent."""
    loaded = study(folder, f"{GOOD}judge: {{model: openai/gpt-4.1, api_base: 'http://localhost:8000/v1'{keys}}}\n")
    assert loaded.judge == Model("openai", "gpt-4.1", 0.5 if "0.5" in keys else None, "http://localhost:8000/v1")
    assert loaded.proposer == Model("gemini", "gemini-3.8-flash")


def test_every_known_service_judges_and_proposes_by_its_name(folder: Path) -> None:
    """It needs its own key and no other. The message about a missing key names the variable."""
    models = "judge: {model: openrouter/meta/llama-4}\nproposer: {model: mistral/mistral-large-latest}\n"
    loaded = study(folder, f"{GOOD}{models}")
    assert (loaded.judge, loaded.proposer) == (
        Model("openrouter", "meta/llama-4"),
        Model("mistral", "mistral-large-latest"),
    )
    keys = {"GEMINI_API_KEY": "x", "OPENROUTER_API_KEY": "y"}
    with pytest.raises(MissingKey, match="set MISTRAL_API_KEY in the environment, or rehearse with --rehearse"):
        require_keys(loaded, keys)
    require_keys(loaded, {**keys, "MISTRAL_API_KEY": "z"})


def test_the_claude_program_judges_and_proposes(folder: Path) -> None:
    """It needs no key, only the program itself."""
    models = "judge: {model: claude-program/claude-opus-5-5}\nproposer: {model: claude-program/opus}\n"
    loaded = study(folder, f"{GOOD}{models}")
    assert loaded.judge == Model("claude-program", "claude-opus-5-5")
    with pytest.raises(OutsideError, match=r"claude is not on the PATH.*or rehearse with --rehearse"):
        require_keys(loaded, {"PATH": str(folder), "GEMINI_API_KEY": "x"})
    (folder / "claude").write_text("")
    (folder / "claude").chmod(0o755)
    require_keys(loaded, {"PATH": str(folder), "GEMINI_API_KEY": "x"})


def test_the_serve_runtime_takes_an_optional_address(folder: Path) -> None:
    """Without `runtime_url`, Workbench starts a server of its own."""
    text = f"{GOOD}runtime: serve\n"
    assert study(folder, text).pipeline.engine == Engine("serve")
    assert study(folder, f"{text}runtime_url: https://host:4100\n").pipeline.engine == Engine(
        "serve", ServeSettings("https://host:4100")
    )


def test_all_mistakes_are_reported_at_once_in_the_order_of_their_lines(folder: Path) -> None:
    """Two goals with the same name, a missing file, a wrong word and a small budget give four lines."""
    text = GOOD.replace("gold: gold.md", "gold: none.md\n  - name: one\n    goal: again\n    gold: gold.md")
    messages = problems(folder, text.replace("budget: 12", "budget: 1\nprogram: x\n"))
    lines = [int(message.split(":")[1]) for message in messages]
    assert lines == sorted(lines)
    assert len(messages) == 4
    assert any('goals[1].name: the goal in line 3 has the name "one" too' in message for message in messages)


def test_values_from_the_command_line_are_checked_like_the_files(folder: Path) -> None:
    """The message names the option of the command line."""
    assert study(folder, GOOD, optimizer="static", budget=1).budget == 1
    assert problems(folder, GOOD, budget=1)[0].startswith("--budget: 1 execution is too few: gepa needs at least 3")
    assert problems(folder, GOOD, budget=2) == ["--budget: 2 executions are too few: gepa needs at least 3 for 1 goal"]
    assert problems(folder, GOOD, optimizer="gpa")[0].startswith('--optimizer: "gpa" is not known')


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"- 1", b"[" * 2000, b"a: \x00", b"\t", b"!!binary x"])
def test_a_file_that_is_not_a_study_is_refused(folder: Path, content: bytes) -> None:
    """The file is empty, not UTF-8, a list, nested too deeply, or not valid YAML."""
    file = folder / "study.yaml"
    file.write_bytes(content)
    with pytest.raises(StudyError):
        load(RunOptions(file))


def test_a_file_that_is_nested_very_deeply_is_refused_at_once(folder: Path) -> None:
    """PyYAML's own parser would need minutes for it."""
    assert problems(folder, "x: " + "[" * 400_000) == [
        "study.yaml:1: nested more than 100 levels deep; expected at most 20 levels"
    ]


def test_a_pipe_in_the_place_of_a_file_is_not_reported_as_missing(folder: Path) -> None:
    """Nothing reads from it, because it may never end."""
    os.mkfifo(folder / "pipe.md")
    (problem,) = problems(folder, GOOD.replace("gold.md", "pipe.md"))
    assert problem.endswith('goals[0].gold: "pipe.md": is a pipe or a device; expected a file')


def test_a_missing_study_file_is_reported_as_missing(folder: Path) -> None:
    """The message has the most similar name in the folder. A folder in its place is reported as a folder."""
    with pytest.raises(StudyError, match="there is no such file"):
        load(RunOptions(folder / "absent.yaml"))
    (folder / "study.yaml").write_text(GOOD)
    with pytest.raises(StudyError, match=r'there is no such file; did you mean "study\.yaml"'):
        load(RunOptions(folder / "stduy.yaml"))
    with pytest.raises(StudyError, match=r"there is no such file, and no folder .*/nowhere"):
        load(RunOptions(folder / "nowhere" / "study.yaml"))
    with pytest.raises(StudyError, match="is a folder"):
        load(RunOptions(folder))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300) | st.text(alphabet="abgo:-[]{}&*!|>'\"#\n ", max_size=150))
def test_arbitrary_text_only_raises_a_study_error(folder: Path, text: str) -> None:
    """Any content of a study file gives a message for a person, never another exception."""
    (folder / "study.yaml").write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(StudyError):
        load(RunOptions(folder / "study.yaml"))


def test_two_goals_with_one_text_and_one_gold_plan_have_verdicts_of_their_own(folder: Path) -> None:
    """They share executions. The names stand in no key, so a goal with a new name buys nothing again."""
    goals = [f"  - name: {name}\n    goal: write a plan\n    gold: gold.md\n" for name in ("one", "two", "three")]
    loaded = study(folder, GOOD.replace("".join(goals[:1]), "".join(goals)))
    renamed = study(folder, GOOD.replace("".join(goals[:1]), "".join(goals).replace("two", "deux")))
    judge = Judge("m", Provider("gemini", "url", "label"), "$goal")

    def score_keys(study: Study) -> list[str]:
        return [ScoreRequest(goal, judge).key(Plan("a: 1")) for goal in study.goals]

    assert len(set(score_keys(loaded))) == len({ScoreRequest(goal, judge).seed for goal in loaded.goals}) == 3
    assert score_keys(loaded) == score_keys(renamed)
    assert score_keys(study(folder, GOOD))[0] == score_keys(loaded)[0]
    executions = {ExecutionRequest("prompt", goal, 0, loaded.pipeline, ()).key for goal in loaded.goals}
    assert len(executions) == 1
