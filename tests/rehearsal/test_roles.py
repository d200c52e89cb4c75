"""What the scripted models answer follows from the request alone."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import jsonschema
import pytest
import yaml

from workbench.errors import UserError
from workbench.execution.plan import problem, unfenced
from workbench.rehearsal import anthropic, roles
from workbench.rehearsal.model_request import Message, ModelRequest, chance
from workbench.rehearsal.server import Rehearsal
from workbench.rehearsal.words import topics

ROOT = Path(__file__).parents[2]
GOLD = (ROOT / "examples/otp_refactor/JULY_1_2025_PRE_PHASE_2_OTP_report_01.md").read_text()
OTHER = (ROOT / "tests/data/otp_refactor/JULY_1_2025_PRE_PHASE_2_OTP_report_02.md").read_text()
DATABASE = """# Database migration
## Schema
Move the invoices table to partitions by month; backfill in batches, verify row counts, and keep the old table.
## Cutover
Freeze writes, replay the replication lag, switch the connection pool, then monitor latency and deadlocks.
## Rollback
Switch the connection pool back; replication runs in both directions until the freeze is lifted.
"""
FORM = yaml.safe_load((ROOT / "runtime/priv/pipelines/genesis.yaml").read_text())["workflow"]["steps"][0]["prompt"][0]
VERDICT = {"properties": {"score": {}, "reason": {}}}
PLAIN = "Write the plan that the goal asks for."


def plan(instructions: str, seed: int, world: str = "default") -> str:
    prompt = f"{instructions}\n\n## Goal\n\nAnalyze this Elixir codebase for OTP anti-patterns\n"
    asked = ModelRequest("m", "", (Message("user", (FORM["content"], prompt)),), None, seed)
    return unfenced(roles.answer(asked, world, chance(world, asked.identity, str(seed))))


def verdict(text: str, gold: str, seed: int) -> tuple[float, str]:
    said = f"<goal>\ng\n</goal>\n\n<gold_plan>\n{gold}\n</gold_plan>\n\n<plan>\n{text}\n</plan>"
    asked = ModelRequest("m", "", (Message("user", (said,)),), VERDICT, seed)
    reply = json.loads(roles.answer(asked, "default", chance(asked.identity, str(seed))))
    return reply["score"], reply["reason"]


def worth(instructions: str, gold: str, world: str = "default", samples: int = 20) -> float:
    return fmean(verdict(plan(instructions, seed, world), gold, seed)[0] for seed in range(samples))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "array", "items": {"enum": ["red", "blue"]}, "minItems": 3},
        {"type": "OBJECT", "properties": {"risk": {"type": "STRING", "enum": ["low"]}, "n": {"type": "INTEGER"}}},
        {
            "type": "object",
            "required": ["steps"],
            "properties": {
                "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "maxItems": 1},
                "score": {"type": ["null", "number"], "minimum": 0.25, "maximum": 0.75},
                "kind": {"anyOf": [{"const": "plan"}, {"type": "null"}]},
            },
            "$defs": {
                "step": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string", "minLength": 40}, "next": {"$ref": "#/$defs/step"}},
                }
            },
        },
    ],
)
def test_where_json_is_wanted_the_answer_fits_the_schema(schema: dict[str, Any]) -> None:
    """Whatever the schema, and in Anthropic's protocol as the use of the tool that was named."""
    asked = ModelRequest("m", "", (Message("user", (FORM["content"],)),), schema, 0)
    value = json.loads(roles.answer(asked, "default", chance(asked.identity)))
    jsonschema.validate(value, lowered(schema))
    body = {"model": "m", "messages": [{"role": "user", "content": "Say it"}], "tool_choice": {"type": "any"}}
    forced = anthropic.read({**body, "tools": [{"name": "answer", "input_schema": schema}]})
    (said,) = anthropic.reply(forced, json.dumps(value))["content"]
    assert (said["type"], said["name"], said["input"]) == ("tool_use", "answer", value)


def lowered(schema: Any) -> Any:
    """Gemini's capitals as JSON schema has them."""
    if isinstance(schema, dict):
        return {
            name: value.lower() if name == "type" and isinstance(value, str) else lowered(value)
            for name, value in schema.items()
        }
    return [lowered(one) for one in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("gold", [GOLD, OTHER, DATABASE], ids=["otp-1", "otp-2", "database"])
def test_a_prompt_that_names_what_matters_gets_the_better_plan(gold: str) -> None:
    """For any gold plan: the plain prompt is poor, the informed one passes, in between it rises."""
    words = [word for _, word, _ in topics(gold)]
    some, all_ = (f"{PLAIN} Cover these: {', '.join(words[:n])}." for n in (len(words) // 2, len(words)))
    plain, half, whole = worth(PLAIN, gold), worth(some, gold), worth(all_, gold)
    assert plain < 5 < whole
    assert plain + 1 < half < whole - 1


def test_in_the_null_world_the_wording_changes_nothing() -> None:
    """Over many seeds the difference of two prompts is within what chance leaves."""
    words = ", ".join(word for _, word, _ in topics(GOLD))
    difference = worth(f"{PLAIN} Cover these: {words}.", GOLD, "null", 200) - worth(PLAIN, GOLD, "null", 200)
    assert abs(difference) < 0.25


def test_the_judge_names_what_is_missing() -> None:
    """What a real judge's reason is for: the next prompt."""
    score, reason = verdict("title: nothing much\n", DATABASE, 0)
    assert score < 2
    assert "Missing: " in reason


def test_plans_are_yaml_but_for_a_slip_now_and_then() -> None:
    """A model does not always keep to the form."""
    wrong = sum(problem(plan(PLAIN, seed)) is not None for seed in range(300))
    assert 0 < wrong < 20


def test_the_same_request_and_seed_have_the_same_answer() -> None:
    """And another seed another one."""
    assert plan(PLAIN, 1) == plan(PLAIN, 1)
    assert plan(PLAIN, 1) != plan(PLAIN, 2)


@pytest.mark.parametrize("wrong", [{"world": "nul"}, {"fail_rate": 2.0}, {"latency": -1.0}])
def test_a_wrong_setting_is_told(wrong: dict[str, object]) -> None:
    """With what there is."""
    with pytest.raises(UserError):
        Rehearsal(**wrong)  # type: ignore[arg-type]
