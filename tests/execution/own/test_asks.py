"""What a pipeline file's steps ask of their models at most."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT
from workbench.execution.own.asks import OUTPUT_TOKENS, REMINDERS, REPAIRS, RETRIES, TURNS, model_calls
from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.execution.own.study import OwnRuntime
from workbench.execution.runtime import ModelCalls
from workbench.execution.runtimes import largest_cost
from workbench.money import price
from workbench.nouns import Engine, InputFile, Pipeline
from workbench.pipeline_file.document import read
from workbench.pipeline_file.parsers import FAST_YAML
from workbench.provider_table import KNOWN

ELIXIR = CHECKOUT / "runtime" / "lib" / "pipeline"


def calls(text: str, **environ: str) -> list[ModelCalls]:
    return list(model_calls(read(text, FAST_YAML), Pipeline(Engine("mix")), environ))


def step(text: str, defaults: str = "{}", **environ: str) -> ModelCalls:
    """Return what the one step of a pipeline file asks."""
    prompt = "prompt: [{type: static, content: a}, {type: variable, name: user_prompt}]"
    (model_call,) = calls(f"workflow: {{defaults: {defaults}, steps: [{{name: s, {prompt}, {text}}}]}}", **environ)
    return model_call


@pytest.mark.parametrize(
    ("text", "defaults", "provider", "model"),
    [
        ("type: gemini", "{}", "gemini", "gemini-3.8-flash"),
        ("type: gemini", "{gemini_model: gemini-4-argon}", "gemini", "gemini-4-argon"),
        ("type: gemini, model: gemini-x", "{gemini_model: gemini-4-argon}", "gemini", "gemini-x"),
        ("type: claude", "{}", "anthropic", "claude-sonnet-5-5"),
        ("type: claude, claude_options: {model: opus}", "{claude_model: haiku}", "anthropic", "claude-opus-5-5"),
        ("type: claude_smart", "{claude_model: haiku}", "anthropic", "claude-haiku-5-5"),
        ("type: claude", "{claude_options: {model: opus}, claude_model: haiku}", "anthropic", "claude-opus-5-5"),
    ],
)
def test_a_steps_model_is_its_own_or_that_of_the_defaults(text: str, defaults: str, provider: str, model: str) -> None:
    """A short name stands for the current model of its line."""
    model_call = step(text, defaults)
    assert (model_call.provider, model_call.model) == (provider, model)


@pytest.mark.parametrize(
    ("text", "defaults", "tokens"),
    [
        ("type: gemini", "{}", OUTPUT_TOKENS["gemini"]),
        ("type: claude", "{}", OUTPUT_TOKENS["anthropic"]),
        ("type: gemini, max_tokens: 900", "{gemini_token_budget: {max_output_tokens: 7}}", 900),
        ("type: gemini, token_budget: {max_output_tokens: 800}", "{}", 800),
        ("type: gemini", "{gemini_token_budget: {max_output_tokens: 700}}", 700),
    ],
)
def test_the_output_limit_is_the_steps_own_or_that_of_the_defaults(text: str, defaults: str, tokens: int) -> None:
    assert step(text, defaults).output_tokens == tokens


@pytest.mark.parametrize(
    ("text", "replies"),
    [
        ("type: gemini", 1),
        ("type: claude", 1),
        ("type: gemini_extract, schema: {}", 1 + REPAIRS),
        ("type: gemini_extract, schema: {}, repairs: 5", 6),
        ("type: claude_smart", 1 + TURNS + REMINDERS),
        ("type: claude, claude_options: {allowed_tools: [Read], max_turns: 30}", 1 + 30 + REMINDERS),
    ],
)
def test_turns_with_tools_and_repairs_are_calls(text: str, replies: int) -> None:
    """The runtime allows a preset's turns, a few reminders, and the corrections of a structured answer."""
    assert step(text).calls == replies


def test_a_failed_call_is_tried_again() -> None:
    """Each try may be charged."""
    assert step("type: gemini").tries == 1 + RETRIES
    assert step("type: gemini", PIPELINE_RETRIES="0").tries == 1
    assert step("type: gemini, retry_config: {max_retries: 1}", PIPELINE_RETRIES="7").tries == 2


def test_every_step_at_any_depth_is_counted() -> None:
    """A step within a parallel group is one, and so is a step under a condition."""
    inner = "{name: a, type: gemini, prompt: []}, {name: b, type: claude, prompt: []}"
    text = f"workflow: {{steps: [{{name: p, type: parallel, steps: [{inner}]}}, {{name: c, type: set}}]}}"
    assert [(model_call.step, model_call.earlier_tokens) for model_call in calls(text)] == [("a", 0), ("b", 0)]


def test_the_answers_of_earlier_steps_can_stand_in_every_part_but_a_static_one() -> None:
    """A variable can hold one, too."""
    parts = "{type: static, content: x}, {type: variable, name: v}, {type: previous_response, step: a}"
    text = f"{{name: a, type: gemini, max_tokens: 100, prompt: []}}, {{name: b, type: gemini, prompt: [{parts}]}}"
    first, second = calls(f"workflow: {{steps: [{text}]}}")
    assert (first.earlier_tokens, second.earlier_tokens) == (0, 200)
    assert second.largest_cost(0) > first.largest_cost(0)  # type: ignore[operator]  # both have prices


def test_the_numbers_are_those_of_the_runtime() -> None:
    """The runtime's catalogue and conversation have the same numbers. With lower ones, a run exceeds its budget."""
    catalogue = (ELIXIR / "model" / "catalogue.ex").read_text(encoding="utf-8")
    limits = re.search(r"@output_tokens %\{anthropic: ([\d_]+), gemini: ([\d_]+)\}", catalogue)
    models = re.search(r'@default_models %\{anthropic: "([^"]+)", gemini: "([^"]+)"\}', catalogue)
    assert limits is not None
    assert models is not None
    assert [int(text) for text in limits.groups()] == [OUTPUT_TOKENS["anthropic"], OUTPUT_TOKENS["gemini"]]
    assert list(models.groups()) == [KNOWN["anthropic"].models[0], KNOWN["gemini"].models[0]]
    assert f"@max_reminders {REMINDERS}" in (ELIXIR / "model.ex").read_text(encoding="utf-8")
    assert f"repairs: {REPAIRS}" in (ELIXIR / "model" / "ask.ex").read_text(encoding="utf-8")
    presets = (ELIXIR / "loader" / "options.ex").read_text(encoding="utf-8")
    assert max(int(turns) for turns in re.findall(r"max_turns: (\d+)\}", presets)) == TURNS
    assert f"retries: {RETRIES}" in (ELIXIR / "settings.ex").read_text(encoding="utf-8")


def test_the_largest_cost_counts_prompt_input_files_and_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token has at least one byte, so the bytes bound the input."""
    monkeypatch.delenv("PIPELINE_RETRIES", raising=False)
    pipeline = Pipeline(Engine("mix"), file=SHIPPED_PIPELINE)
    code = tmp_path / "code.xml"
    code.write_text("x" * 100_000)
    small = largest_cost(pipeline, "")
    assert small is not None
    output = price.largest("gemini", "gemini-3.8-flash", 0, OUTPUT_TOKENS["gemini"])
    assert output is not None
    assert small > (1 + RETRIES) * output
    with_code = largest_cost(Pipeline(Engine("mix"), file=SHIPPED_PIPELINE, inputs=(InputFile.read("c", code),)), "")
    with_prompt = largest_cost(pipeline, "x" * 100_000)
    assert with_code is not None
    assert with_prompt is not None
    more = price.largest("gemini", "gemini-3.8-flash", 100_000, 0)
    assert more is not None
    assert with_code - small == pytest.approx((1 + RETRIES) * more)
    assert with_prompt - small == pytest.approx((1 + RETRIES) * more)


def test_a_step_that_asks_the_claude_program_tells_its_cost_afterwards(tmp_path: Path) -> None:
    """Nobody knows beforehand how much the program asks by itself."""
    file = tmp_path / "pipeline.yaml"
    file.write_text("workflow: {steps: [{name: s, type: claude, via: program, prompt: []}]}\n")
    pipeline = Pipeline(Engine("mix"), file=file)
    assert OwnRuntime().tells_cost(pipeline) == "afterwards"
    assert OwnRuntime().model_calls(pipeline) == ()
    assert largest_cost(pipeline, "") is None
