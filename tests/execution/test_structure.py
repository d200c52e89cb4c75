"""Plans that are YAML but certainly broken. They are found without a judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.execution.plan import problem, retrieve
from workbench.execution.structure import defect
from workbench.judging.judge import score
from workbench.judging.template import default_template
from workbench.nouns import Execution, Goal, Judge, ScoreRequest
from workbench.providers import rehearsal

DATA = Path(__file__).parents[1] / "data"
STEP = "{name: a, type: claude, prompt: [{type: static, content: hello}]}"
AFTER_A = "{name: b, prompt: [{type: previous_response, step: a}]}"
AFTER_C = "{name: b, prompt: [{type: previous_response, step: c}]}"
OF_ITSELF = "{name: a, prompt: [{type: previous_response, step: a}]}"
OF_A_TEMPLATE = "{name: a, prompt: [{type: previous_response, step: '{{state.step}}'}]}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("workflow: {name: x, steps: []}", "the plan's list of steps is empty"),
        ("workflow: {name: x, steps: }", "the plan's list of steps is empty"),
        ("workflow:\n", "the plan's workflow is empty"),
        ("title: x\nstages: []\n", "the plan's list of stages is empty"),
        ("name: x\nsteps: ~\n", "the plan's list of steps is empty"),
        ("workflow: {name: x, steps: 5}", "the workflow's steps are a text or a number"),
        ("workflow: {name: x, steps: First do this.}", "the workflow's steps are a text or a number"),
        ("steps: [{name: a, prompt: ''}]", 'the prompt of step "a" is empty'),
        (f"workflow: {{steps: [{STEP}, {{prompt: }}]}}", "the prompt of step 2 is empty"),
        ("steps: [{name: a, prompt: []}]", 'the prompt of step "a" is empty'),
        ("steps: [{name: a, prompt: [{type: static, content: ' '}]}]", 'the prompt of step "a" is empty'),
        (
            f"steps: [{STEP}, {AFTER_C}]",
            'step "b" takes the answer of "c", but no step before',
        ),
        (
            f"steps: [{AFTER_A}, {STEP}]",
            'step "b" takes the answer of "a", but no step before',
        ),
        (f"steps: [{OF_ITSELF}]", 'step "a" takes the answer of "a", but no step before'),
    ],
)
def test_a_plan_that_is_certainly_broken_has_a_reason(text: str, reason: str) -> None:
    """The reason names the step, and it says what to write. The text is valid YAML."""
    plan = retrieve(Execution("key", text, Path(), 1.0))
    assert problem(text) is None
    assert plan.problem is not None
    assert plan.problem.startswith(reason)


def test_all_findings_are_named() -> None:
    """An optimizer learns from each. A plan that is broken altogether has the first five."""
    text = f"steps: [{AFTER_C}, {{name: d, prompt: }}]"
    assert defect(text) == (
        'step "b" takes the answer of "c", but no step before it has this name: name an earlier step; '
        'the prompt of step "d" is empty: write what the step asks for'
    )
    plan = "steps: [" + ", ".join(f"{{name: s{n}, prompt: }}" for n in range(9)) + "]"
    assert str(defect(plan)).count("is empty") == 5


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "workflow: as usual\ngoal: none",
        "workflow: {phases: [one]}",
        "goal: [x]\nsteps: just one, write it",
        "steps: {first: think, second: write}",
        "stages: [{name: a}, think, [1, 2]]",
        "steps: [{name: a, actions: []}]",
        "steps: [{name: a, prompt: [{type: file, path: x}, {type: static, content: ''}]}]",
        f"steps: [{STEP}, {AFTER_A}]",
        f"steps: [{{name: loop, steps: [{STEP}]}}, {AFTER_A}]",
        f"steps: [{OF_A_TEMPLATE}]",
        f"steps: &s [{STEP}]\nagain: *s",
        f"one: &s 1\ntwo: &s 2\nsteps: [{STEP}]\n---\n",
        "steps: [{name: '', prompt: 'null and void'}]",
    ],
)
def test_a_plan_of_free_form_is_not_refused(text: str) -> None:
    """Nobody can say that such a plan is broken."""
    assert retrieve(Execution("key", text, Path(), 1.0)).ok


def test_no_plan_that_people_wrote_or_a_pipeline_recorded_is_refused() -> None:
    """Every valid pipeline file and every recorded plan stays valid."""
    texts = [file.read_text() for file in sorted(DATA.glob("pipelines*/*.yaml"))]
    for file in sorted((DATA / "pipeline_ex_runs").glob("*.json")):
        files = json.loads(file.read_text()).get("files", {})
        texts += [text for name, text in files.items() if name.endswith((".yaml", ".yml")) and isinstance(text, str)]
    valid = [text for text in texts if problem(text) is None]
    assert len(valid) > 20
    assert [defect(text) for text in valid] == [None] * len(valid)


def test_a_broken_plan_scores_zero_without_a_call() -> None:
    """Nobody answers at the judge's address. The reason is feedback for the optimizer."""
    judge = Judge("gemini-4-argon", rehearsal("http://127.0.0.1:9", "default", 0)["gemini"], default_template())
    plan = retrieve(Execution("key", "workflow: {name: x, steps: []}", Path(), 1.0))
    verdict = score(ScoreRequest(Goal("g", "goal", ("gold",)), judge), plan)
    assert verdict.score == 0.0
    assert "list of steps is empty" in verdict.reason
