"""The `claude` program as judge and proposer: what it is given, and what its output means."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude_program import MODEL, assistant, claude_failure, claude_reply, install, printed, result
from tests.support.scripted_server import Answer, Scripted, scripted
from workbench.errors import NotJudged, OutsideError
from workbench.models.asking import ASKS, Role, ask, largest_cost
from workbench.models.call_failed import CallFailed
from workbench.models.claude_program import complete, require_program
from workbench.models.reply import Ending, ModelCall, Reply
from workbench.models.text import UnusableText
from workbench.money.meter import Meter
from workbench.provider_table import PROGRAM
from workbench.providers import Provider, real, rehearsal

pytestmark = pytest.mark.processes

KEY = "secret-key-of-a-test"
CALL = ModelCall(
    Provider(PROGRAM, PROGRAM, PROGRAM),
    MODEL,
    (("user", "Improve the prompt."), ("assistant", "Done."), ("user", "Once more, with ü.")),
    system="You are an engineer.",
    max_tokens=1000,
    seed=7,
    seconds=60,
)


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", monkeypatch)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("GEMINI_API_KEY", "the-key-of-another-provider")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def called(monkeypatch: pytest.MonkeyPatch, answer: Answer, call: ModelCall = CALL) -> tuple[Reply, Scripted]:
    """Return the reply to a call, and the server behind the stand-in."""
    with scripted(answer) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        return complete(call, ""), server


def failed_call(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> CallFailed:
    """Return the error of a call that fails."""
    with pytest.raises(CallFailed) as caught:
        called(monkeypatch, answer)
    assert KEY not in caught.value.message
    return caught.value


def test_the_program_gets_the_conversation_and_none_of_the_users_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No tool is allowed. The prompt is no argument. The folder holds nothing else. No other key is passed."""
    reply, server = called(monkeypatch, claude_reply("A better prompt."))
    assert reply == Reply("A better prompt.", Ending.COMPLETE, "stop reason end_turn", MODEL, dollars=0.01)
    ((_, request),) = server.requests
    options = ["-p", "--output-format", "stream-json", "--verbose", "--model", MODEL]
    assert request["arguments"] == [*options, "--tools", "", "--setting-sources", "", "--strict-mcp-config"]
    turns = ["You are an engineer.", "Improve the prompt.", "You answered:", "Done.", "Once more, with ü."]
    assert request["prompt"].split("\n\n") == turns
    assert request["folder"] == ["prompt.md"]
    assert (request["environ"]["ANTHROPIC_API_KEY"], request["environ"]["GEMINI_API_KEY"]) == (KEY, None)
    assert not list(tmp_path.glob("workbench-claude-*"))


def test_a_schema_is_sent_as_an_instruction(monkeypatch: pytest.MonkeyPatch) -> None:
    """No option for a schema exists in all versions of the program."""
    for schema in ({"type": "object"}, {}):
        call = ModelCall(CALL.provider, MODEL, (("user", "Judge."),), schema=schema, seconds=60)
        _, server = called(monkeypatch, claude_reply("{}"), call)
        prompt = server.requests[0][1]["prompt"]
        assert "Answer with one JSON value and nothing else" in prompt
        assert (json.dumps(schema) in prompt) == bool(schema)


@pytest.mark.parametrize(
    ("lines", "text", "ending", "model"),
    [
        ([assistant("a"), result("a"), assistant("b"), result("b")], "b", Ending.COMPLETE, MODEL),
        ([assistant("a", "claude-haiku-5-5"), result("a")], "a", Ending.COMPLETE, "claude-haiku-5-5"),
        ([assistant("half"), result("half", stop_reason="max_tokens")], "half", Ending.CUT_OFF, MODEL),
        ([assistant("half"), result("half", stop_reason="refusal")], "half", Ending.REFUSED, MODEL),
        ([assistant("a"), result("a", stop_reason="a_reason_of_tomorrow")], "a", Ending.PASSING, MODEL),
        ([assistant("a"), result("a", stop_reason=None)], "a", Ending.COMPLETE, MODEL),
    ],
)
def test_the_last_result_counts_and_its_stop_reason_comes_first(
    monkeypatch: pytest.MonkeyPatch, lines: list[dict[str, Any]], text: str, ending: Ending, model: str
) -> None:
    """Older versions of the program name no stop reason."""
    reply, _ = called(monkeypatch, printed(*lines))
    assert (reply.text, reply.ending, reply.model) == (text, ending, model)


def test_an_answer_to_an_alias_does_not_count_as_one_of_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise its answers would count as those of another model, and be bought each time."""
    call = ModelCall(CALL.provider, "opus", (("user", "x"),), seconds=60)
    assert called(monkeypatch, claude_reply("a"), call)[0].model == ""


@pytest.mark.parametrize(
    ("answer", "kind", "lasting"),
    [
        (claude_failure("Not logged in · Please run /login", "authentication_failed"), "authentication", True),
        (claude_failure("Credit balance is too low"), "no credit", True),
        (claude_failure("You've hit your session limit"), "rate limit", True),
        (claude_failure("Claude AI usage limit reached|1764090000"), "rate limit", True),
        (claude_failure("Prompt is too long"), "context window", True),
        (claude_failure("API Error: 529 overloaded", "overloaded"), "provider unavailable", False),
        (claude_failure("API Error: Rate limit reached", "rate_limit"), "rate limit", False),
        (claude_failure("There's an issue with the selected model (x)"), "unknown model", True),
        (claude_failure("something", "rate_limit"), "rate limit", False),
        (claude_failure("something new"), "provider unavailable", False),
        (printed(assistant("x"), result("Credit balance is too low")), "no credit", True),
        (
            printed(result(None, subtype="error_during_execution", errors=["billing_error"]), exit_code=1),
            "no credit",
            True,
        ),
        (printed(assistant("x"), result("x"), exit_code=1), "provider unavailable", False),
        (printed(assistant("x"), result(None)), "provider unavailable", False),
        (printed(assistant("x"), stderr="Not logged in", exit_code=1), "authentication", True),
        (printed(stderr="exec: node: not found", exit_code=127), "not started", True),
        ((200, {"stdout": "[" * 100_000 + "\nx", "stderr": f"\n{KEY}", "exit_code": 3}), "provider unavailable", False),
    ],
)
def test_failures_are_told_apart_by_the_list_that_the_runtime_reads_too(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, kind: str, lasting: bool
) -> None:
    """Words decide before codes. An answer that is only an error's text is a failure, whatever the program calls it."""
    failed = failed_call(monkeypatch, answer)
    assert (failed.failure.kind, failed.failure.lasting) == (kind, lasting)
    assert failed.failure.unknown_model == (kind == "unknown model")


@pytest.mark.parametrize(
    ("answer", "dollars"),
    [
        (claude_reply("yes"), 0.01),
        (printed(assistant("yes"), result("yes", total_cost_usd=0.01), result("yes", total_cost_usd=0.25)), 0.25),
        (printed(assistant("no"), result(None, subtype="error_during_execution", is_error=True), exit_code=1), 0.01),
        (claude_reply(""), 0.01),
    ],
)
def test_the_cost_that_the_program_tells_is_counted(
    answer: Answer, dollars: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last result has the sum. A call that failed, or whose answer cannot be used, was paid for, too."""

    def read(text: str) -> str:
        if not text:
            raise UnusableText("no text")
        return text

    meter = Meter()
    with scripted(*[answer] * ASKS) as server, suppress(NotJudged):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ask(Role("judge", NotJudged), CALL, read, meter)
    assert meter.cost is not None
    assert meter.cost.untold == ()
    assert {part.model for part in meter.cost.models} == {f"claude-program/{MODEL}"}
    assert meter.cost.dollars == pytest.approx(dollars * len(meter.cost.models))


@pytest.mark.parametrize("amount", [None, "0.01", True, -1, float("nan")])
def test_a_program_that_tells_no_amount_is_named_as_such(amount: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """An amount is never invented."""
    meter = Meter()
    with scripted(printed(assistant("yes"), result("yes", total_cost_usd=amount))) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        ask(Role("judge", NotJudged), CALL, str, meter)
    assert meter.cost is not None
    assert (meter.cost.dollars, meter.cost.untold) == (None, (f"claude-program/{MODEL}",))


def test_the_largest_cost_counts_the_programs_own_instructions() -> None:
    direct = replace(CALL, provider=Provider("anthropic", "https://api.anthropic.com", "anthropic"))
    program, plain = largest_cost(CALL), largest_cost(direct)
    assert program is not None
    assert plain is not None
    assert program > plain


def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All processes that it started end, too, and its folder is removed."""
    (tmp_path / "bin" / "claude").write_text("#!/bin/sh\nsleep 60\n")
    call = ModelCall(CALL.provider, MODEL, (("user", "x"),), seconds=0.3)
    with pytest.raises(CallFailed) as caught:
        complete(call, "")
    assert caught.value.failure.kind == "timeout"
    assert not list(tmp_path.glob("workbench-claude-*"))


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message says how to install it, before a run begins and during a run."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutsideError, match=r"claude is not on the PATH.*npm install"):
        require_program({"PATH": str(tmp_path)})
    with pytest.raises(CallFailed, match="npm install") as caught:
        complete(CALL, "")
    assert caught.value.failure.lasting


def test_a_rehearsal_plays_the_program_and_real_answers_are_kept_apart() -> None:
    """In a rehearsal, no entry leads to the program. In earnest, its answers have a label of their own."""
    provider = rehearsal("http://127.0.0.1:1", "default", 0)[PROGRAM]
    assert (provider.name, provider.label) == ("anthropic", "rehearsal:default:0")
    assert real({})[PROGRAM].label == "claude-program"
    behind = real({"ANTHROPIC_BASE_URL": "https://gate.example"})
    assert behind[PROGRAM].label not in ("claude-program", behind["anthropic"].label)
