"""Executions in a checkout, whose `mix` replays recordings: targets, isolation and proof."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.checkout import PIPELINE, FakeCheckout
from tests.support.checkout_executions import WRITE, executed
from workbench.errors import ExecutionFailed, PipelineRejected
from workbench.execution.pipeline_ex import variant
from workbench.execution.pipeline_ex.checkout import environment
from workbench.execution.plan import retrieve
from workbench.nouns import Target

pytestmark = pytest.mark.processes


WRITING = PIPELINE.replace("options: {", 'claude_options: {allowed_tools: ["Read", "Write"]}\n      options: {')


def test_a_generated_plan_is_the_file_of_this_execution(fake: FakeCheckout, tmp_path: Path) -> None:
    """The plan and the logs are in its folder. The process runs live, in UTF-8, with output folders of its own."""
    execution = executed(fake, tmp_path / "run", "-- Schreibe über „{Pläne}“\n$(touch pwned) `x` \"' 日本")
    assert execution.problem is None
    assert execution.path == tmp_path / "run" / "plan.yaml"
    assert retrieve(execution).ok
    assert "# -- Schreibe über „{Pläne}“\n# $(touch pwned) `x` \"' 日本\n" in execution.text
    assert (tmp_path / "run" / "stdout.log").exists()
    (call,) = fake.calls_of("pipeline.generate.live")
    assert call["cwd"] == str(fake.folder)
    assert call["env"] == {
        "LANG": "C.UTF-8",
        "TEST_MODE": None,
        "MIX_ENV": "dev",
        "PIPELINE_OUTPUT_DIR": str(tmp_path / "run" / "outputs"),
    }
    assert not list(fake.folder.glob("pwned"))


def test_a_proof_is_found_in_a_long_log(fake: FakeCheckout, tmp_path: Path) -> None:
    """A log of six megabytes does not hide the plan."""
    fake.replay("live_ok", chatter=70_000)
    assert executed(fake, tmp_path / "run").problem is None


@pytest.mark.parametrize(
    ("recording", "kind", "lasting"),
    [
        ("live_fail", "authentication", True),
        ("live_no_claude", "not started", True),
        ("live_rate_limit", "rate limit", False),
        ("claude_json_rate_limit", "rate limit", True),
        ("live_empty", "no result", False),
        ("mock_ok", "mock used", True),
    ],
)
def test_a_failed_run_raises_its_kind(
    fake: FakeCheckout, tmp_path: Path, recording: str, kind: str, lasting: bool
) -> None:
    """This holds for any exit code."""
    fake.replay(recording)
    with pytest.raises(ExecutionFailed) as caught:
        executed(fake, tmp_path / "run")
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert str(tmp_path / "run") in str(caught.value)


def test_a_turn_limit_is_an_invalid_plan_that_the_optimizer_reads(fake: FakeCheckout, tmp_path: Path) -> None:
    """The execution raises nothing, and the plan of pipeline_ex's fallback is not scored."""
    fake.replay("live_max_turns")
    execution = executed(fake, tmp_path / "run")
    assert execution.text == ""
    assert "error_max_turns" in (execution.problem or "")
    assert not retrieve(execution).ok


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("x" * 131_072, "131071"),
        ("ü" * 65_536, "131072 bytes"),
        ("say {{foo}} and {{1+1}}", "{{foo}}, {{1+1}}"),
        ("a\0b", "zero character"),
    ],
)
def test_a_prompt_that_cannot_reach_the_model_unchanged_is_an_invalid_plan(
    fake: FakeCheckout, tmp_path: Path, prompt: str, message: str
) -> None:
    """No process starts, and the problem tells the optimizer what to change."""
    execution = executed(fake, tmp_path / "run", prompt)
    assert message in (execution.problem or "")
    assert not retrieve(execution).ok
    assert not fake.calls
    longest = executed(fake, tmp_path / "longest", "x" * 131_071)
    assert longest.problem is None


def test_a_step_target_runs_a_variant_of_the_file(fake: FakeCheckout, tmp_path: Path) -> None:
    """The candidate stands in the target's static part, and everything else is unchanged."""
    prompt = "Plan: yes\n\n  * „all“ of it\t'\"\\ \x07 \U0001f4a5 --- # no\n" + "long " * 60_000
    execution = executed(fake, tmp_path / "run", prompt, Target("write", "write", 2))
    assert execution.problem is None, execution.problem
    text = (tmp_path / "run" / "pipeline.yaml").read_text()
    before, after = yaml.safe_load(PIPELINE)["workflow"], yaml.safe_load(text)["workflow"]
    assert after["steps"][1]["prompt"][2] == {"type": "static", "content": prompt}
    assert after["steps"][1].pop("output_to_file") == "workbench_plan"
    assert (after.pop("checkpoint_enabled"), before.pop("checkpoint_enabled")) == (False, True)
    assert after.pop("workspace_dir") == str(tmp_path / "run" / "workspace")
    assert after.pop("checkpoint_dir") == str(tmp_path / "run" / "checkpoint")
    del before["workspace_dir"]
    after["steps"][1]["prompt"][2]["content"] = "Be brief."
    assert after == before
    # Other YAML readers interpret these values differently, so the variant keeps the user's spelling.
    assert "strict: no" in text
    assert "version: 1_0" in text
    (call,) = fake.calls_of("pipeline.run.live")
    assert call["arguments"][1] == str(tmp_path / "run" / "pipeline.yaml")
    assert execution.path == tmp_path / "run" / "outputs" / "workbench_plan"
    assert execution.text.startswith("workflow:\n  name: ran\n")


def test_steps_whose_questions_are_not_logged_save_their_answers(tmp_path: Path) -> None:
    """They save the types of claude's messages, too, in a file of our own if they name none. The rest is unchanged."""
    smart = "    - {name: idea, type: claude_smart, prompt: [{type: static, content: x}]}\n"
    extract = "    - {name: data, type: claude_extract, claude_options: {max_turns: 2}, output_to_file: own.json}\n"
    inner = "{name: each, type: claude_smart, prompt: []}"
    loop = f"    - {{name: all, type: for_loop, steps: [{inner}]}}\n"
    group = (
        f"    - {{name: mixed, type: for_loop, steps: [{inner.replace('each', 'one')}, {{type: parallel_claude}}]}}\n"
    )
    file = tmp_path / "pipeline.yaml"
    pipeline = PIPELINE.replace("  steps:\n", f"  steps:\n{smart}{extract}{loop}{group}")
    assert variant.write(pipeline, "Write", WRITE, file, "plan") is None
    idea, data, every, mixed, think, write, polish = yaml.safe_load(file.read_text())["workflow"]["steps"]
    proving = {"output_format": "stream_json", "debug_mode": True}
    assert (idea["claude_options"], idea["output_to_file"]) == (proving, "plan_1")
    assert (data["claude_options"], data["output_to_file"]) == ({"max_turns": 2, **proving}, "own.json")
    assert every["output_to_file"].startswith("plan_")
    assert every["steps"][0]["claude_options"] == proving
    assert not {"claude_options", "output_to_file"} & (set(every) - {"output_to_file"} | set(mixed))
    assert write["output_to_file"] == "plan"
    assert not {"claude_options", "output_to_file"} & (set(think) | set(polish))


def test_the_log_is_uncut() -> None:
    """By default a logger cuts a line off at 8,192 bytes, which may remove the proof of an answer."""
    assert environment({}, Path("/"))["ELIXIR_ERL_OPTIONS"] == "+Bd -logger truncate infinity"


def test_a_prompt_with_marks_that_would_be_replaced_is_read_from_a_file(fake: FakeCheckout, tmp_path: Path) -> None:
    """Marks of the part's own prompt stay in place. A prompt with both kinds of marks is refused."""
    executed(fake, tmp_path / "a", "Use {{ both }} and {{1+1}}", WRITE)
    parts = yaml.safe_load((tmp_path / "a" / "pipeline.yaml").read_text())["workflow"]["steps"][1]["prompt"]
    assert parts[0] == {"type": "file", "path": str(tmp_path / "a" / "candidate.md")}
    assert (tmp_path / "a" / "candidate.md").read_bytes() == b"Use {{ both }} and {{1+1}}"
    executed(fake, tmp_path / "b", "Consider {{topic}}!", Target("think", "write"))
    parts = yaml.safe_load((tmp_path / "b" / "pipeline.yaml").read_text())["workflow"]["steps"][0]["prompt"]
    assert parts == [{"type": "static", "content": "Consider {{topic}}!"}]
    mixed = executed(fake, tmp_path / "c", "Consider {{topic}} and {{x}}", Target("think", "write"))
    assert "{{x}}" in (mixed.problem or "")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
@example("Two lines with {{ braces }}\r\nand an end.")
def test_every_prompt_survives_the_variant(tmp_path_factory: pytest.TempPathFactory, prompt: str) -> None:
    """The prompt stands in the part unchanged, or in a file if YAML cannot hold it."""
    file = tmp_path_factory.mktemp("variant") / "pipeline.yaml"
    assert variant.write(PIPELINE, prompt, WRITE, file, "plan") is None
    part = yaml.safe_load(file.read_text(encoding="utf-8"))["workflow"]["steps"][1]["prompt"][0]
    assert part.get("content", None) == prompt or Path(part["path"]).read_bytes().decode() == prompt


def test_a_pipeline_without_the_targets_step_is_not_run(fake: FakeCheckout, tmp_path: Path) -> None:
    """The message names the missing step or part."""
    with pytest.raises(PipelineRejected, match="no step"):
        variant.write("workflow: {steps: []}", "x", WRITE, tmp_path / "v.yaml", "plan")
    with pytest.raises(PipelineRejected, match="number 3"):
        variant.write(PIPELINE, "x", Target("write", "write", 3), tmp_path / "v.yaml", "plan")


def test_a_hanging_run_is_ended(fake: FakeCheckout, tmp_path: Path) -> None:
    """It ends at the study's time limit, not at pipeline_ex's 75 minutes."""
    fake.replay("live_ok", hang=True)
    start = time.monotonic()
    with pytest.raises(ExecutionFailed, match="did not end within 1 s") as caught:
        executed(fake, tmp_path / "run", timeout=1.0)
    assert caught.value.kind == "timeout"
    # The run itself takes ten minutes.
    assert time.monotonic() - start < 100


def texts_at_once(fake: FakeCheckout, folder: Path, at_once: int) -> list[str]:
    def execute(number: int) -> str:
        return executed(fake, folder / str(number), f"Plan {number}", WRITE).text

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(execute, range(6)))


@pytest.mark.parametrize("pipeline", [PIPELINE, WRITING])
def test_parallel_executions_give_the_plans_of_executions_in_turn(
    fake: FakeCheckout, tmp_path: Path, pipeline: str
) -> None:
    """They run in one checkout, or in copies of it if the pipeline writes files. Then no file lands in the checkout."""
    (fake.folder / "planner.yaml").write_text(pipeline)
    fake.replay("live_ok", seconds=0.2)
    paths = [text.replace(str(tmp_path), "") for text in texts_at_once(fake, tmp_path / "turn", 1)]
    parallel = [text.replace(str(tmp_path), "") for text in texts_at_once(fake, tmp_path / "turn2", 6)]
    assert [text.replace("turn2", "turn") for text in parallel] == paths
    assert len(set(paths)) == 6
    assert (fake.folder / "left_behind.txt").exists() == (pipeline == PIPELINE)


@pytest.mark.parametrize("text", ["", "workflow: [", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n"])
def test_a_pipeline_that_cannot_be_read_is_not_run(tmp_path: Path, text: str) -> None:
    """It is not taken for a pipeline without the step, or for one that writes no files."""
    with pytest.raises(PipelineRejected, match="the pipeline file cannot be read"):
        variant.write(text, "x", WRITE, tmp_path / "v.yaml", "plan")
    with pytest.raises(PipelineRejected, match="the pipeline file cannot be read"):
        variant.writes_files(text)


def test_a_permission_is_found_beside_a_word_without_a_value() -> None:
    """It is found at any depth and in any style."""
    pipeline = "workflow: {version: =, steps: [{name: a, type: claude, claude_options: {%s}}]}"
    assert variant.writes_files(pipeline % 'allowed_tools: [Read, "Write"]')
    assert variant.writes_files(pipeline % "permission_mode: Accept_Edits")
    assert not variant.writes_files(pipeline % "allowed_tools: [Read]")
