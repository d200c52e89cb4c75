"""Replies in the files and messages of a run: plans, invalid plans, and errors in place of a reply."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.pipeline_ex_log import (
    ANSWERED,
    ASKED,
    SAVED,
    TYPES,
    classified,
    good,
    plan,
    recording,
    run_log,
    saved,
)
from workbench.execution.pipeline_ex.outcome import Outcome, classify


@pytest.mark.parametrize(
    ("text", "kind", "fragment"),
    [
        ("name: x\nsteps: [1", "no plan", "no YAML"),
        ("workflow:\n  name: x\n  steps: [a, b... [TRIMMED: 150000 bytes total]", "truncated", "150000 bytes"),
        (
            'workflow:\n  name: generated_pipeline\n  version: "1"\n  \n  steps:\n  I cannot do that.\n',
            "no plan",
            "put a workflow around it",
        ),
        (
            '{"type":"assistant","message":{"content":[{"text":"workflow:\n  name: x',
            "no plan",
            "JSON of claude's messages",
        ),
    ],
)
def test_a_reply_that_is_no_plan_is_scored(text: str, kind: str, fragment: str) -> None:
    """The model answered, so the prompt is to blame, and the message says what is wrong with the answer."""
    outcome = good(files=plan(text))
    assert (outcome.status, outcome.kind) == ("invalid plan", kind)
    assert fragment in outcome.message
    assert outcome.text == text


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ('API Error: 401 {"type":"error","error":{"type":"authentication_error"}}', "authentication"),
        ("Invalid API key · Please run /login", "authentication"),
        ("Claude AI usage limit reached|1760000000", "rate limit"),
        ("Credit balance is too low", "no credit"),
    ],
)
def test_an_error_in_place_of_a_reply_is_a_failure(reply: str, kind: str) -> None:
    """The claude program prints some of these errors with a result of success."""
    wrapped = f'workflow:\n  name: generated_pipeline\n  version: "1.0.0"\n  \n  steps:\n  {reply}\n'
    assert (good(files=plan(wrapped)).status, good(files=plan(wrapped)).kind) == ("failed", kind)


def unread(*lines: dict[str, Any]) -> Outcome:
    """Return the outcome of a run whose messages pipeline_ex's JSON reader could not read.

    A comma within quotes is enough for that.
    """
    message = (
        "%ClaudeAgentSDK.Message{{type: :assistant, subtype: nil, data: %{{message: %{{{}}}, "
        'session_id: "unknown"}}, raw: nil}}'
    )
    inner = [
        f'"content" => {json.dumps(json.dumps(line, separators=(",", ":")))}, "role" => "assistant"' for line in lines
    ]
    dump = ", ".join(message.format(content) for content in inner)
    stdout = re.sub(
        r"ClaudeAgentSDK messages: .*", lambda _: f"ClaudeAgentSDK messages: [{dump}]", recording("live_ok")["stdout"]
    )
    return classified(recording("live_ok"), stdout=stdout.replace(TYPES, "Message types: assistant:nil, assistant:nil"))


def test_messages_that_pipeline_ex_could_not_read_prove_an_answer() -> None:
    """The result message counts although pipeline_ex's log reports no explicit result."""
    reply = {"type": "assistant", "message": {"content": [{"type": "text", "text": 'say "Hello, world"'}]}}
    result = {"type": "result", "subtype": "success", "is_error": False, "result": 'say "Hello, world"'}
    assert unread(reply, result).status == "ok"
    assert unread(reply).kind == "no result"
    assert unread({"type": "assistant", "message": {"content": [{"input": result}]}}).kind == "no result"
    assert unread(reply, {**result, "is_error": True, "result": "API Error: 429"}).kind == "rate limit"
    assert unread(reply, {**result, "subtype": "error_during_execution"}).status == "failed"


def test_garbage_beside_a_result_is_no_reply() -> None:
    """A result without any message of the model proves no reply."""
    garbage = '%ClaudeAgentSDK.Message{type: :assistant, data: %{message: %{"content" => "oops"}}, raw: nil}'
    result = "%ClaudeAgentSDK.Message{type: :result, subtype: :success, data: %{is_error: false}, raw: %{}}"
    stdout = re.sub(r"(?<=ClaudeAgentSDK messages: ).*", f"[{garbage}, {result}]", recording("live_ok")["stdout"])
    assert classified(recording("live_ok"), stdout=stdout).kind == "no result"


@pytest.mark.parametrize(
    ("lines", "files", "status", "kind", "text"),
    [
        ((*ANSWERED, *SAVED), saved(), "ok", "ok", "a: 1\nb: 2\n"),
        ((*ANSWERED, *SAVED), {"/run/out/plan.json": "a: 1\n"}, "ok", "ok", "a: 1\n"),
        (
            (*ANSWERED, *SAVED),
            saved('Here:\\n\\n```yaml\\na: \\"1\\"\\n```\\n'),
            "ok",
            "ok",
            'Here:\n\n```yaml\na: "1"\n```\n',
        ),
        ((*ANSWERED, *SAVED), {**saved(), "/run/out/z.txt": "other"}, "ok", "ok", "a: 1\nb: 2\n"),
        ((*SAVED,), saved(session_id="s-1", cost=0.01), "ok", "ok", "a: 1\nb: 2\n"),
        ((*ANSWERED, *SAVED), saved("nothing"), "invalid plan", "no plan", "nothing"),
        ((*ASKED, *SAVED), saved(), "failed", "no result", None),
        ((*ANSWERED, *ASKED, *SAVED), saved(), "failed", "no result", None),
        ((ASKED[0], *SAVED), saved(), "failed", "no result", None),
        (
            (*ASKED, "22:25:30.000 [debug] 📋 Message types: assistant:nil", *SAVED),
            saved(),
            "failed",
            "no result",
            None,
        ),
        ((*ANSWERED, SAVED[1]), saved(), "failed", "no file", None),
        ((*ANSWERED, SAVED[0]), saved(), "failed", "no file", None),
        ((*SAVED,), saved("a: 1", session_id="unknown-session-12", cost=0), "failed", "no result", None),
        ((*SAVED,), saved(session_id="s-1", cost=0), "failed", "no result", None),
        ((*SAVED,), saved(degraded_mode=True, original_error="boom"), "failed", "fallback used", None),
        ((*SAVED,), saved(mock_mode=True), "failed", "mock used", None),
        ((*SAVED,), saved(failed_tasks=1), "failed", "crashed", None),
        ((*SAVED,), saved(success=False, error="rate limit"), "failed", "rate limit", None),
        (
            ("22:25:30.000 [info] 🔄 Claude Robust step recovered using fallback", *SAVED),
            saved(),
            "failed",
            "fallback used",
            None,
        ),
        (("22:25:30.000 [warning] ⚠️ Task t failed: boom", *SAVED), saved(), "failed", "crashed", None),
        (("22:25:30.000 [info] ⏭️  Skipping step 1: a (already completed)", SAVED[1]), {}, "failed", "no file", None),
    ],
)
def test_a_run_of_a_pipeline_file_has_its_outcome_in_the_last_envelope(
    lines: tuple[str, ...], files: dict[str, str], status: str, kind: str, text: str | None
) -> None:
    """The envelope that was saved last holds the plan, or the failure."""
    outcome = classify(0, run_log(*lines), "", files)
    assert (outcome.status, outcome.kind, outcome.text) == (status, kind, text), outcome.message


def test_a_reply_is_taken_out_of_unread_messages() -> None:
    """A reply whose result is an error is a failure."""
    reply = json.dumps({"type": "assistant", "message": {"content": [{"type": "text", "text": "a: 1\nb: 2"}]}})
    result = {"type": "result", "subtype": "success", "is_error": False, "result": "a: 1\nb: 2"}
    lines = (*SAVED,)
    outcome = classify(0, run_log(*lines), "", saved(f"{reply}\n{json.dumps(result)}", session_id="s", cost=0))
    assert (outcome.status, outcome.text) == ("ok", "a: 1\nb: 2")
    assert "unread" in outcome.message
    bad = json.dumps({**result, "is_error": True, "result": "429"})
    assert classify(0, run_log(*lines), "", saved(f"{reply}\n{bad}", session_id="s", cost=0)).kind == "rate limit"


@pytest.mark.parametrize(
    ("text", "status", "kind"),
    [
        ("```yaml\nworkflow:\n  name: g\n", "invalid plan", "truncated"),
        ("Draft:\n```yaml\na: 1\n```\nFinal:\n~~~\na: 1\n", "invalid plan", "truncated"),
        ("```yaml\nworkflow:\n  name: g\n```\n", "ok", "ok"),
        ("a: |\n  ```elixir\n  x\n", "ok", "ok"),
        ("API Error: 500 internal", "failed", "crashed"),
    ],
)
def test_a_reply_of_gemini_is_cut_off_if_its_block_is_open(text: str, status: str, kind: str) -> None:
    """An open block is the only sign of a cut-off reply. The message does not name the claude program."""
    answered = "22:25:30.000 [info] ✅ Gemini step completed successfully"
    outcome = classify(0, run_log(answered, *SAVED), "", saved(text, tokens={"input": 7}, model="gemini-x"))
    assert (outcome.status, outcome.kind) == (status, kind)
    assert "claude" not in outcome.message


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("generate_crlf", "literal \\r at the end of lines, as pipeline_ex leaves them"),
        ("generate_quotes", "pipeline_ex turned a \\n or \\t within a text into a line break or a tab"),
    ],
)
def test_feedback_names_what_pipeline_ex_rewrote(name: str, fragment: str) -> None:
    """The feedback does not blame prose, because the model wrote none."""
    message = classified(recording(name)).message
    assert fragment in message
    assert "prose" not in message
