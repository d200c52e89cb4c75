"""Tests of the scripted models: their answers follow from the request alone."""

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
from workbench.rehearsal.craft import ASPECTS, DISTRACTORS, INSTRUCTIONS, SHORTENS, Aspect, aspects
from workbench.rehearsal.model_request import Message, ModelRequest, seeded_random
from workbench.rehearsal.server import Rehearsal
from workbench.rehearsal.words import topics
from workbench.search.leak import LeakGuard

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
VERDICT: dict[str, Any] = {"properties": {"score": {}, "reason": {}}}
PLAIN = "Write the plan that the goal asks for."


def plan(instructions: str, seed: int, world: str = "default") -> str:
    """Return the generator's plan for a prompt with these instructions."""
    prompt = f"{instructions}\n\n## Goal\n\nAnalyze this Elixir codebase for OTP anti-patterns\n"
    request = ModelRequest("m", "", (Message("user", (FORM["content"], prompt)),), None, seed)
    return unfenced(roles.answer(request, world, seeded_random(world, request.identity, str(seed))))


def verdict(text: str, gold: str, seed: int) -> tuple[float, str]:
    """Return the judge's score and reason for a plan."""
    prompt = f"<goal>\ng\n</goal>\n\n<gold_plan>\n{gold}\n</gold_plan>\n\n<plan>\n{text}\n</plan>"
    request = ModelRequest("m", "", (Message("user", (prompt,)),), VERDICT, seed)
    reply = json.loads(roles.answer(request, "default", seeded_random(request.identity, str(seed))))
    return reply["score"], reply["reason"]


def mean_score(instructions: str, gold: str, world: str = "default", samples: int = 20) -> float:
    """Return the mean score of many plans for a prompt with these instructions."""
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
def test_an_answer_in_json_fits_its_schema(schema: dict[str, Any]) -> None:
    """Every schema is followed. In Anthropic's protocol the JSON is the input of the forced tool."""
    request = ModelRequest("m", "", (Message("user", (FORM["content"],)),), schema, 0)
    value = json.loads(roles.answer(request, "default", seeded_random(request.identity)))
    jsonschema.validate(value, lowered(schema))
    body = {"model": "m", "messages": [{"role": "user", "content": "Say it"}], "tool_choice": {"type": "any"}}
    forced = anthropic.read({**body, "tools": [{"name": "answer", "input_schema": schema}]})
    (part,) = anthropic.reply(forced, json.dumps(value))["content"]
    assert (part["type"], part["name"], part["input"]) == ("tool_use", "answer", value)


def lowered(schema: Any) -> Any:
    """Return the schema with types in small letters: Gemini writes types in capitals."""
    if isinstance(schema, dict):
        return {
            name: value.lower() if name == "type" and isinstance(value, str) else lowered(value)
            for name, value in schema.items()
        }
    return [lowered(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("gold", [GOLD, OTHER, DATABASE], ids=["otp-1", "otp-2", "database"])
def test_a_prompt_that_names_the_gold_plans_topics_gets_a_better_plan(gold: str) -> None:
    """The more topics a prompt names, the higher is its score, for every gold plan."""
    words = [word for _, word, _ in topics(gold)]
    some, all_ = (f"{PLAIN} Cover these: {', '.join(words[:n])}." for n in (len(words) // 2, len(words)))
    plain, half, whole = mean_score(PLAIN, gold), mean_score(some, gold), mean_score(all_, gold)
    assert plain < 5 < whole
    assert plain + 1 < half < whole - 1


@pytest.mark.slow
def test_in_the_null_world_the_wording_changes_nothing() -> None:
    """Over many seeds the mean scores of two prompts differ by chance only."""
    words = ", ".join(word for _, word, _ in topics(GOLD))
    everything = " ".join([PLAIN, *INSTRUCTIONS])
    assert abs(mean_score(everything, GOLD, "null", 100) - mean_score(PLAIN, GOLD, "null", 100)) < 0.25
    difference = mean_score(f"{PLAIN} Cover these: {words}.", GOLD, "null", 200) - mean_score(PLAIN, GOLD, "null", 200)
    assert abs(difference) < 0.25


def test_the_judge_names_what_is_missing() -> None:
    """The reason helps to write the next prompt, as a real judge's reason does. It lists no words of the gold plan."""
    score, reason = verdict("title: nothing much\n", DATABASE, 0)
    assert score < 2
    missing_aspects = reason.partition("Missing: ")[2].rstrip(".").split(", ")
    assert set(missing_aspects) <= {aspect.name for aspect in ASPECTS}
    assert len(missing_aspects) == 4


@pytest.mark.slow
@pytest.mark.parametrize("gold", [GOLD, OTHER, DATABASE], ids=["otp-1", "otp-2", "database"])
def test_sensible_instructions_lead_to_a_better_plan(gold: str) -> None:
    """Each wording helps. Instructions that only sound sensible change nothing, and some make the plan worse."""
    scores = [
        [
            mean_score(" ".join([PLAIN, *(a.instructions[wording] for a in ASPECTS[:n])]), gold, samples=8)
            for n in (0, 8, 16)
        ]
        for wording in (0, 1)
    ]
    for plain, half, whole in scores:
        assert plain + 1 < half < whole - 0.5
    good = " ".join([PLAIN, *(a.instructions[0] for a in ASPECTS[:8])])
    without = mean_score(good, gold)
    for distractor in DISTRACTORS:
        change = mean_score(f"{good} {distractor}", gold) - without
        assert change < -0.3 if SHORTENS.search(distractor) else abs(change) < 0.6


@pytest.mark.parametrize("aspect", ASPECTS, ids=lambda aspect: aspect.key)
def test_each_text_about_an_aspect_shows_this_aspect_alone(aspect: Aspect) -> None:
    """Instruction, plan and reason show this aspect and no other one."""
    for text in (*aspect.instructions, f"{aspect.key}: {aspect.text}", aspect.name):
        assert aspects(text) == [aspect]


def test_the_proposer_adds_sentences_of_an_engineer() -> None:
    """It takes up what the judge misses, adds nothing of the gold plan, and the leak guard refuses none of it."""
    system = "Your output fields are:\n1. `new_instruction` (str):\nAll interactions"
    reason = f"Missing: {ASPECTS[0].name}, {ASPECTS[1].name}."
    text = f"[[ ## current_instruction ## ]]\n{PLAIN}\n\n[[ ## feedback ## ]]\n{reason}\n\nRespond with it"
    request = ModelRequest("m", system, (Message("user", (text,)),), None, 0)
    taken_up = 0
    for seed in range(30):
        reply = roles.answer(request, "default", seeded_random(str(seed)))
        instruction = reply.partition(" ## ]]\n")[2].partition("\n\n[[")[0]
        rest = instruction.removeprefix(PLAIN)
        for sentence in INSTRUCTIONS:
            rest = rest.replace(sentence, "")
        assert instruction.startswith(PLAIN)
        assert not rest.strip()
        taken_up += len({aspect.key for aspect in aspects(instruction)} & {"rollback", "estimate"})
    assert taken_up > 35
    assert LeakGuard([GOLD, OTHER, DATABASE], [PLAIN]).leak(" ".join(INSTRUCTIONS)) is None


@pytest.mark.slow
def test_a_few_plans_are_no_valid_yaml() -> None:
    """The generator sometimes writes invalid YAML, as a real model does."""
    invalid = sum(problem(plan(PLAIN, seed)) is not None for seed in range(300))
    assert 0 < invalid < 20


def test_the_same_request_and_seed_have_the_same_answer() -> None:
    """Another seed gives another answer."""
    assert plan(PLAIN, 1) == plan(PLAIN, 1)
    assert plan(PLAIN, 1) != plan(PLAIN, 2)


@pytest.mark.parametrize(
    ("setting", "expectation"),
    [
        ({"world": "nul"}, "expected one of: default, null"),
        ({"fail_rate": 2.0}, "expected a number from 0 to 1"),
        ({"latency": -1.0}, "expected seconds, 0 or more"),
    ],
)
def test_a_wrong_setting_is_a_user_error(setting: dict[str, Any], expectation: str) -> None:
    """The message says what was expected."""
    with pytest.raises(UserError, match=expectation):
        Rehearsal(**setting)
