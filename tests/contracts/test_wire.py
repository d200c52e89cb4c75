"""What we send to Anthropic and Gemini fits their official SDKs' types, and we read what those types can say.

The requests are recorded from our runtime, the judge and the proposer, over real HTTP. Importing the types takes
seconds, so only the tests import them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from tests.support.executions import request
from tests.support.scripted_server import Answer, anthropic_reply, gemini_reply, scripted
from workbench.errors import NotJudged, OutsideError
from workbench.execution.runtimes import execute, runtime_of
from workbench.judging.judge import score
from workbench.nouns import Engine, Goal, Judge, Plan, ScoreRequest
from workbench.provider_table import KNOWN, ProviderName
from workbench.providers import Provider
from workbench.rehearsal import anthropic as rehearsed_anthropic
from workbench.rehearsal import gemini as rehearsed_gemini
from workbench.rehearsal.model_request import Message, ModelRequest
from workbench.search.proposal import ProposalRequest
from workbench.search.proposer import propose

pytestmark = pytest.mark.processes

VERDICT = json.dumps({"reason": "names the files", "score": 7.5})

#: Every setting that a step can have, and a schema with every keyword that the runtime takes.
PIPELINE = """\
workflow:
  name: wire
  steps:
    - name: outline
      type: gemini
      temperature: 0.2
      max_tokens: 500
      system_prompt: You are brief.
      prompt:
        - {type: static, content: "Outline it. "}
        - {type: variable, name: user_prompt}
        - {type: static, content: " "}
    - name: review
      type: gemini_extract
      repairs: 1
      schema: &schema
        type: object
        required: [score, kind, parts]
        additionalProperties: false
        $defs: {part: {type: object, properties: {text: {type: string, minLength: 1, pattern: "a"}}}}
        properties:
          score: {type: integer, minimum: 1, maximum: 10}
          kind: {const: plan}
          state: {enum: [good, bad], nullable: true, type: string}
          either: {oneOf: [{type: string}, {type: number, exclusiveMinimum: 0}]}
          parts: {type: array, minItems: 1, maxItems: 9, uniqueItems: true, items: {$ref: "#/$defs/part"}}
      prompt: [{type: static, content: Review it.}]
    - name: anything
      type: gemini_extract
      extraction_config: {format: json}
      prompt: [{type: static, content: Three colours.}]
    - name: write
      type: claude
      system_prompt: You write plainly.
      prompt: [{type: previous_response, step: outline}, {type: static, content: " "}]
    - name: forced
      type: claude_extract
      model: claude-haiku-4-5
      temperature: 0.5
      schema: *schema
      prompt: [{type: static, content: Review it.}]
    - name: list
      type: claude_extract
      repairs: 1
      schema: {type: array, items: {type: string}}
      prompt: [{type: static, content: Three colours.}]
    - name: files
      type: claude
      claude_options: {allowed_tools: [Read, Write, Edit, List], max_turns: 5}
      prompt: [{type: static, content: Write a file.}]
    - name: plan
      type: gemini
      prompt: [{type: previous_response, step: files}]
"""

GOOD = {"score": 7, "kind": "plan", "state": None, "either": "x", "parts": [{"text": "a"}]}


@pytest.fixture(scope="module")
def official() -> ModuleType:
    """Return the official types, and what is made of them."""
    from tests.support import official_types

    return official_types


def replies(official: ModuleType) -> list[Answer]:
    """Return the replies to these steps in turn.

    They have thoughts first, several texts, tools beside texts, corrections and reminders.
    """
    return [
        official.candidate("an out", "line"),
        official.candidate('{"score": 70}'),
        official.candidate(json.dumps(GOOD)),
        official.candidate('{"colours": ["red"]}'),
        official.message(*official.thinking(), official.text("A"), official.text("B")),
        official.message(official.tool_use("answer", GOOD), stop="tool_use", model="claude-haiku-4-5"),
        official.message(
            *official.thinking(),
            official.text("Here."),
            official.tool_use("answer", {"value": ["red", 3]}),
            stop="tool_use",
        ),
        official.message(official.tool_use("answer", {"value": ["red"]}), stop="tool_use"),
        official.message(*official.thinking(), official.text("So far."), stop="pause_turn"),
        official.message(
            official.text(" "),
            official.tool_use("Write", {"path": "a.md", "content": "x"}),
            official.tool_use("Read", {"path": "missing.md"}, "toolu_2"),
            stop="tool_use",
        ),
        official.message(stop="end_turn"),
        official.message(*official.thinking(), official.text("done")),
        official.candidate("title: a plan\nstages: []\n"),
    ]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in KNOWN.values():
        monkeypatch.setenv(service.keys[0], "secret-key-of-a-test")


def both(url: str) -> tuple[Provider, ...]:
    return Provider("anthropic", url, "test"), Provider("gemini", url, "test")


@pytest.fixture(scope="module")
def warm() -> Iterator[Engine]:
    """Yield our runtime in a VM that stays."""
    engine = Engine("serve")
    runtime_of(engine).prepare()
    yield engine
    runtime_of(engine).close()


def test_every_request_of_the_runtime_fits_the_official_types(
    warm: Engine, tmp_path: Path, official: ModuleType
) -> None:
    """Text, JSON, schemas, tools with their results, corrections, reminders and continued turns, of both providers."""
    file = tmp_path / "pipeline.yaml"
    # The runtime takes no aliases.
    schema = PIPELINE.partition("schema: &schema\n")[2].partition("      prompt:")[0]
    file.write_text(PIPELINE.replace("&schema", "").replace("schema: *schema\n", f"schema:\n{schema}"))
    with scripted(*replies(official)) as server:
        execution = execute(request(warm, both(server.url), file=file), tmp_path)
    assert (execution.problem, execution.text.split("\n")[0]) == (None, "title: a plan")
    assert not server.script
    problems = [(path, problem) for path, body in server.requests for problem in official.request_problems(path, body)]
    assert not problems
    bodies = [body for _, body in server.requests]
    texts = json.dumps(bodies)
    # Nobody wrote a temperature for these steps, and blank texts are refused.
    assert [body.get("temperature", body.get("generationConfig", {}).get("temperature")) for body in bodies] == [
        0.2, None, None, None, None, 0.5, *[None] * 7,
    ]  # fmt: skip
    assert '{"text": " "}' not in texts
    assert [tool["name"] for tool in bodies[-2]["tools"]] == ["Read", "Write", "Edit", "List"]
    assert '"is_error": true' in texts


@pytest.mark.parametrize("temperature", [None, 0.5])
@pytest.mark.parametrize("name", ["anthropic", "gemini"])
def test_every_request_of_judge_and_proposer_fits_the_official_types(
    name: ProviderName, temperature: float | None, official: ModuleType
) -> None:
    """The requests come with and without a system prompt, a schema, any JSON, a temperature, and earlier turns."""
    model = {"anthropic": "claude-sonnet-5-5", "gemini": "gemini-3.8-flash"}[name]
    reply = (
        official.message(*official.thinking(), official.text(VERDICT))
        if name == "anthropic"
        else official.candidate(VERDICT)
    )
    formats = [None, "{}", json.dumps({"type": "json_schema", "schema": {"type": "object", "properties": {}}})]
    with scripted(*[reply] * 7) as server:
        provider = Provider(name, server.url, server.url)
        judge = Judge(model, provider, "$goal $gold_plans $plan", temperature)
        assert score(ScoreRequest(Goal("g", "goal", ("gold",)), judge), Plan("a: 1")).score == 7.5
        for system in (None, "You are an engineer."):
            for response_format in formats:
                turns = (("user", "Improve it."), ("assistant", "Done."), ("user", "Once more."), ("user", " "))
                proposal = ProposalRequest(
                    f"{name}/{model}", system, turns, temperature, 32_000, response_format, provider, 0, 0
                )
                assert propose(proposal).text == VERDICT
    assert [problem for path, body in server.requests for problem in official.request_problems(path, body)] == []
    assert all(("temperature" in json.dumps(body)) == (temperature is not None) for _, body in server.requests)


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_the_replies_that_tests_and_rehearsals_serve_fit_the_official_types(
    provider: str, official: ModuleType
) -> None:
    """What our stand-ins say is what the providers can say."""
    asked = ModelRequest("m", "system", (Message("user", ("text",)),), None, 1)
    with_tool = ModelRequest("m", "", (Message("user", ("text",)),), {}, 1, "answer")
    bodies = {
        "anthropic": [
            anthropic_reply("x")[1],
            rehearsed_anthropic.reply(asked, "x"),
            rehearsed_anthropic.reply(with_tool, "{}"),
        ],
        "gemini": [gemini_reply("x")[1], rehearsed_gemini.reply(asked, "x")],
    }
    for body in bodies[provider]:
        assert official.reply_problems(provider, body) == []


def test_an_unknown_field_is_refused(official: ModuleType) -> None:
    """The types themselves would accept it."""
    turn = {"role": "user", "content": [{"type": "text", "text": "x"}]}
    good = {"model": "m", "max_tokens": 1, "messages": [turn]}
    assert official.request_problems("/v1/messages", good) == []
    assert official.request_problems("/v1/messages", {**good, "temprature": 1})
    assert official.request_problems("/v1/messages", {**good, "messages": [{**turn, "name": "x"}]})
    assert official.reply_problems("anthropic", {**anthropic_reply("x")[1], "new": 1})
    path = "/v1beta/models/m:generateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}], "generationConfig": {"seed": 1}}
    assert official.request_problems(path, body) == []
    assert official.request_problems(path, {**body, "generationConfig": {"max_output_tokens": 1}})
    assert official.request_problems(path, {**body, "system": "x"})
    assert official.request_problems(f"/v1{path}", body)


def endings(official: ModuleType) -> list[tuple[str, Answer, bool]]:
    """Return every reason that the types name, with a reply that ends with it, and if that reply is complete."""
    verdict = official.text(VERDICT)
    anthropic = [
        (reason, official.message(verdict, stop=reason), reason) for reason in get_args(official.anthropic.StopReason)
    ]
    finished = [
        (reason.value, official.candidate(VERDICT, finish=reason.value), reason.value)
        for reason in official.gemini.FinishReason
    ]
    refused = [(reason.value, official.blocked(reason.value), "") for reason in official.gemini.BlockedReason]
    complete = ("end_turn", "stop_sequence", "STOP")
    return [(name, answer, reason in complete) for name, answer, reason in [*anthropic, *finished, *refused]]


def test_only_a_complete_reply_is_a_plan_or_a_verdict(warm: Engine, tmp_path: Path, official: ModuleType) -> None:
    """This holds for every reason of the types, for a plan by our runtime and for a verdict."""
    file, anthropic_reasons = tmp_path / "pipeline.yaml", get_args(official.anthropic.StopReason)
    # One server for all: our runtime starts a VM for each address.
    with scripted() as server:
        for number, (name, answer, complete) in enumerate(endings(official)):
            provider: ProviderName = "anthropic" if name in anthropic_reasons else "gemini"
            kind, model = ("claude", "claude-sonnet-5-5") if provider == "anthropic" else ("gemini", "gemini-3.8-flash")
            step = f"{{name: a, type: {kind}, retries: 0, prompt: [{{type: variable, name: user_prompt}}]}}"
            file.write_text(f"workflow: {{name: x, steps: [{step}]}}\n")
            # A paused turn is continued, and a reply that is no verdict is asked for again.
            server.script[:] = [answer] * 12
            try:
                execution = execute(request(warm, both(server.url), f"prompt {number}", file=file), tmp_path)
                planned = execution.problem is None
            except OutsideError:
                planned = False
            server.script[:] = [answer] * 3
            try:
                judge = Judge(model, Provider(provider, server.url, server.url), "$goal $gold_plans $plan")
                judged = score(ScoreRequest(Goal("g", "goal", ("gold",)), judge), Plan("a: 1")).score == 7.5
            except NotJudged:
                judged = False
            assert (name, planned, judged) == (name, complete, complete)
