"""What proves an answer where pipeline_ex's log is cut off, imitated, or silent.

The logs are composed as its source composes them, at ff625ec (claude_provider.ex, enhanced_claude_provider.ex,
gemini_provider.ex, gemini_instructor.ex, loop.ex, pipeline.generate.ex) with claude_agent_sdk 0.5.3 and Elixir 1.18.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.execution.pipeline_ex.test_outcome import (
    ASKED,
    REQUEST,
    SAVED,
    TYPES,
    classified,
    plan,
    recording,
    run_log,
    saved,
)
from workbench.execution.pipeline_ex.outcome import Outcome, classify
from workbench.execution.pipeline_ex.runtime import LASTING

NOW = "22:25:30.000"
PLAN = "workflow:\n  name: x\n  steps:\n    - name: a\n"
NO_RESULT = "system:init, assistant:nil"
UNREAD = "system:init, assistant:nil, assistant:nil"
INIT = '%ClaudeAgentSDK.Message{type: :system, subtype: :init, data: %{session_id: "s"}, raw: %{"type" => "system"}}'


def literal(text: str) -> str:
    """As Elixir's `inspect` prints a text, which it cuts off at 4,096 characters."""
    shown = text[:4096].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{shown}"' + (" <> ..." if len(text) > 4096 else "")


def parsed(text: str) -> str:
    content = f'%{{"content" => [%{{"text" => {literal(text)}, "type" => "text"}}], "role" => "assistant"}}'
    return (
        f"%ClaudeAgentSDK.Message{{type: :assistant, subtype: nil, data: %{{message: {content}, "
        f'session_id: "s"}}, raw: %{{"message" => {content}, "type" => "assistant"}}}}'
    )


def unparsed(line: str) -> str:
    """A line of claude's that pipeline_ex's JSON reader could not read."""
    return (
        f'%ClaudeAgentSDK.Message{{type: :assistant, subtype: nil, data: %{{message: %{{"content" => {literal(line)}, '
        '"role" => "assistant"}, session_id: "unknown"}, raw: nil}'
    )


def success(text: str = "x", is_error: bool = False) -> str:
    data = f'is_error: {json.dumps(is_error)}, num_turns: 1.0, result: {literal(text)}, session_id: "s"'
    return f"%ClaudeAgentSDK.Message{{type: :result, subtype: :success, data: %{{{data}}}, raw: %{{}}}}"


def message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))


def said(text: str) -> str:
    return message("assistant", message={"content": [{"type": "text", "text": text}]})


def ended(text: str, is_error: bool = False) -> str:
    return message("result", subtype="success", is_error=is_error, result=text)


def ended_late(text: str, is_error: bool = False) -> str:
    return message("result", result=text, subtype="success", is_error=is_error)


def dump(*messages: str, cut: bool = False) -> str:
    """The line with the messages; a logger that was not told otherwise cuts it off at 8,192 bytes."""
    line = f"ClaudeAgentSDK messages: [{', '.join(messages)}]"
    return f"{NOW} [debug] {line[:8192]} (truncated)" if cut else f"{NOW} [debug] {line}"


def ran(*lines: str, files: dict[str, str] | None = None) -> Outcome:
    return classify(0, run_log(*lines, *SAVED), "", saved(PLAN) if files is None else files)


def generated(messages: str, types: str, text: str = PLAN, preview: str = "") -> Outcome:
    """The recording of a good generate run, with other messages in its log."""
    run = recording("live_ok")
    lines = []
    for line in run["stdout"].split("\n"):
        if "ClaudeAgentSDK messages:" in line:
            lines.append(messages)
        elif "result preview:" in line:
            lines.append(f"🐛 Debug - Simple pipeline result preview: %{{cost: 0, text: {literal(preview)}}}")
        else:
            lines.append(line.replace(TYPES, f"Message types: {types}"))
    return classified(run, stdout="\n".join(lines), files=plan(text))


LONG = "steps:\n" + '  - name: "a, b"\n' * 400
GOOD = "system:init, assistant:nil, result:success"


@pytest.mark.parametrize(
    ("messages", "types", "status", "kind"),
    [
        # Cut off: the types tell that there was a success,
        (dump(INIT, parsed("x" * 9000), parsed("x" * 9000), success(), cut=True), GOOD, "ok", "ok"),
        # … and, as long as it is short enough, the line shows whether it was an error.
        (dump(INIT, parsed("x" * 3000), success(is_error=True)), GOOD, "failed", "no result"),
        (dump(INIT, parsed("x"), success("API Error: 529", True), "x" * 9000, cut=True), GOOD, "failed", "rate limit"),
        # Messages that were not read: the head of the result is enough.
        (dump(INIT, unparsed(said(LONG)), unparsed(ended(LONG)), cut=True), UNREAD, "ok", "ok"),
        (dump(INIT, unparsed(said(LONG)), unparsed(ended(LONG, True)), cut=True), UNREAD, "failed", "no result"),
        (dump(INIT, unparsed(said(LONG)), unparsed(said(LONG)), cut=True), UNREAD, "failed", "no result"),
        # Nothing was cut off but the result's own text, and its fields come after that.
        (dump(INIT, unparsed(said("a, b")), unparsed(ended_late("a, b"))), UNREAD, "ok", "ok"),
        (dump(INIT, unparsed(said("a, b")), unparsed(ended_late(LONG))), UNREAD, "failed", "no result"),
        (dump(INIT, unparsed(said("a, b")), unparsed(ended_late(LONG, True))), UNREAD, "failed", "no result"),
        (dump(INIT, unparsed(said("a, b"))), NO_RESULT, "failed", "no result"),
        # With the output format json, all is one document.
        (dump(unparsed(f"[{said('x')},{ended('x')}]")), "assistant:nil", "ok", "ok"),
        (dump(unparsed(f"[{said('x')},{ended('API Error: 529', True)}]")), "assistant:nil", "failed", "rate limit"),
        (dump(unparsed(f"[{said('run as root')}")), "assistant:nil", "failed", "no result"),
        (dump(unparsed(f"[{said(LONG)},{ended(LONG)}]")), "assistant:nil", "failed", "no result"),
    ],
)
def test_what_a_cut_off_log_still_proves(messages: str, types: str, status: str, kind: str) -> None:
    """No more than it shows: a result that cannot be seen is none."""
    made = generated(messages, types)
    assert (made.status, made.kind) == (status, kind), made.message


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (f"{said(LONG)}\n{ended_late(LONG)}", "ok"),
        (f"{said(LONG)}\n{ended_late(LONG, True)}", "failed"),
        (f"{said(LONG)}\n{said(LONG)}", "failed"),
        (f"[{said(LONG)},{ended(LONG)}]", "ok"),
        (f"[{said(LONG)},{ended(LONG, True)}]", "failed"),
        (f"[{said(LONG)}]", "failed"),
    ],
)
def test_what_a_step_saved_proves_what_its_log_does_not_show(answer: str, status: str) -> None:
    """The lines that were not read are all in the text, uncut; one answer proves one question."""
    lines = (*ASKED, dump(INIT, unparsed("x" * 9000), cut=True), f"{NOW} [debug] 📋 Message types: {UNREAD}")
    assert ran(*lines, files=saved(answer)).status == status
    assert ran(*lines, *lines, files=saved(answer)).kind == "no result"


def test_a_preview_of_the_reply_proves_what_the_log_does_not_show() -> None:
    """pipeline.generate prints the reply's first 4,096 characters."""
    unseen = dump(INIT, "x" * 9000, cut=True)
    assert generated(unseen, UNREAD, preview=f"{said('a, b')}\n{ended('a, b')}").status == "ok"
    assert generated(unseen, UNREAD, preview=f"{said('a, b')}\n{ended('a, b', True)}").kind == "no result"
    assert generated(unseen, UNREAD, preview=said("a, b")).kind == "no result"


@pytest.mark.parametrize(
    "text",
    [
        "401 unauthorized for bad tokens",
        "run as root",
        "if command not found install it",
        "Bill by the billing service",
    ],
)
def test_what_a_model_wrote_is_no_reason_to_stop_the_study(text: str) -> None:
    """A stream that broke off is tried again, whatever was said in it."""
    for broken in (parsed(f"Here is the plan: {text}"), unparsed(said(f"a, b {text}")), unparsed(said(text)[:-9])):
        made = generated(dump(INIT, broken), NO_RESULT)
        assert (made.status, made.kind) == ("failed", "no result")
    failed = dump(INIT, parsed("x"), success(f"{text}\n" * 60, True))
    assert generated(failed, GOOD).kind == "no result"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("5-hour limit reached ∙ resets 3pm", "rate limit"),
        ("You've hit your limit · resets 3pm", "rate limit"),
        ("Claude usage limit reached. Your limit will reset at 5pm.", "rate limit"),
        ("Failed to authenticate. API Error: 401 x", "authentication"),
        ("Error: 529 overloaded", "rate limit"),
        ("API Error: Connection error.", "crashed"),
        ("API Error (us.model): 500", "crashed"),
        ("Request timed out.", "timeout"),
        ("Connection error", "crashed"),
        ("API Error handling:\n  name: x\n  steps: []\n", "ok"),
        ("Rate limit reached:\n  steps: [back off]\n", "ok"),
    ],
)
def test_an_error_that_passed_for_an_answer(reply: str, kind: str) -> None:
    """In the words of claude's program; a plan that begins like one is a plan."""
    lines = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    assert ran(*lines, files=saved(reply)).kind == kind


def smart(name: str = "Smart") -> tuple[str, ...]:
    return (
        f"{NOW} [info] 🎯 Executing Claude {name} step: s",
        f"{NOW} [debug] 💪 Enhanced Claude Provider querying with prompt length: 5",
        f"{NOW} [debug] 📋 Received 1 messages from Claude SDK",
        f"{NOW} [info] ✅ Claude {name} step completed successfully",
    )


def debugged(*types: tuple[str, str | None]) -> dict[str, Any]:
    return {"debug_info": {"message_types": [{"type": kind, "subtype": subtype} for kind, subtype in types]}}


MAX_TURNS = message("result", subtype="error_max_turns", is_error=False, num_turns=5)
ASSISTANT = ("assistant", None)
RESULT = ("result", "success")


@pytest.mark.parametrize(
    ("fields", "text", "kind"),
    [
        ({"session_id": "s", "cost": 0.01}, PLAN, "ok"),
        ({"session_id": "unknown-session-7", "cost": 0.01}, PLAN, "ok"),
        ({"session_id": "s", "cost": 0}, PLAN, "no result"),
        ({"session_id": "s", "cost": 0, **debugged(ASSISTANT, RESULT)}, PLAN, "ok"),
        ({"session_id": "s", "cost": 0, **debugged(("system", "init"), ASSISTANT)}, PLAN, "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT, ASSISTANT)}, PLAN, "no result"),
        # All of the output was one document of JSON, of which pipeline_ex keeps the text and drops the result.
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)}, PLAN, "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)}, "fatal: bad key", "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, "extraction_applied": True}, PLAN, "no result"),
        (
            {"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)},
            "## Extracted Content\n\nfatal: bad key\n",
            "no result",
        ),
        # Without `verbose` the document is the result alone.
        ({"session_id": "unknown-session-7", "cost": 0}, ended(PLAN), "ok"),
        ({"session_id": "unknown-session-7", "cost": 0}, ended(PLAN, True), "no result"),
        # The output format stream_json: the last result counts.
        (
            {"session_id": "s", "cost": 0, **debugged(("system", "init"), ASSISTANT)},
            f"{said(PLAN)}\n{ended(PLAN)}",
            "ok",
        ),
        ({"session_id": "s", "cost": 0}, f"{said(PLAN)}\n{ended(PLAN, True)}", "no result"),
        ({"session_id": "s", "cost": 0}, f"{said(PLAN)}\n{ended(PLAN)}\n{ended(PLAN, True)}", "no result"),
        ({"session_id": "s", "cost": 0}, f"{said(PLAN)}\n{MAX_TURNS}", "turn limit"),
        ({"session_id": "s", "cost": 0}, said(PLAN), "no result"),
        (
            {"session_id": "s", "cost": 0, **debugged(ASSISTANT, RESULT, ("result", "error_max_turns"))},
            PLAN,
            "no result",
        ),
        # An error after the texts of earlier turns.
        ({"session_id": "s", "cost": 0.1}, f"Plan:\n```yaml\n{PLAN}```\nAPI Error: 529 overloaded", "rate limit"),
        # claude_extract with the format json puts the answer into JSON.
        (
            {"session_id": "s", "cost": 0},
            json.dumps({"content": f"{said(PLAN)}\n{ended(PLAN)}", "format": "json"}),
            "ok",
        ),
        ({"session_id": "s", "cost": 0}, json.dumps({"content": PLAN, "format": "json"}), "no result"),
    ],
)
def test_steps_whose_questions_are_not_logged(fields: dict[str, Any], text: str, kind: str) -> None:
    """What they saved proves the answer, or does not."""
    assert ran(*smart(), files=saved(text, **fields)).kind == kind


def test_parts_of_messages_that_are_no_text_are_left_out_of_a_plan() -> None:
    """A claude step prints a use of a tool between the texts; what the messages say is the plan."""
    run = recording("run_tool_use")
    made = classified(run)
    assert made.text is not None
    assert made.text.startswith("Here is the pipeline:")
    assert "tool_use" not in made.text


def test_every_step_has_to_be_proved() -> None:
    """A failed claude_smart step before a good one is a failed run, and so is one of which nothing is known."""
    answered = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    first = f"{NOW} [info] 💾 Saved step output to: /run/out/first"
    good = {"/run/out/first": json.dumps({"success": True, "text": "An idea.", "session_id": "s", "cost": 0.01})}
    bad = {
        "/run/out/first": json.dumps({"success": True, "text": "fatal", "session_id": "unknown-session-1", "cost": 0})
    }
    limit = {"/run/out/first": good["/run/out/first"].replace("An idea.", "5-hour limit reached")}
    assert ran(*smart(), *answered).kind == "no result"
    assert ran(*smart(), first, *answered, files={**saved(PLAN), **good}).kind == "ok"
    assert ran(*smart(), first, *answered, files={**saved(PLAN), **bad}).kind == "no result"
    assert ran(*smart(), first, *answered, files={**saved(PLAN), **limit}).kind == "rate limit"


def test_answers_of_a_loop_and_of_a_batch_are_in_what_it_saved() -> None:
    """As loop.ex and claude_batch.ex put them together: each counts, and each has to be good."""
    good = {"success": True, "text": "An idea.", "session_id": "s", "cost": 0.01}
    limit, silent = {**good, "text": "5-hour limit reached"}, {**good, "cost": 0}
    answered = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    first = f"{NOW} [info] 💾 Saved step output to: /run/out/first"
    batched = f"{NOW} [info] ✅ Claude Batch step completed successfully: 2 tasks processed"
    for answers, kind in (((good, good), "ok"), ((good, limit), "rate limit"), ((silent, good), "no result")):
        loop = {
            "success": True,
            "iterations": [{"index": 0, "success": True, "results": {"s": one}} for one in answers],
        }
        batch = {
            "success": True,
            "text": "x",
            "batch_results": [{"status": "success", "result": one} for one in answers],
        }
        for log, output in (((*smart(), *smart()), loop), ((batched,), batch)):
            files = {**saved(PLAN), "/run/out/first": json.dumps(output)}
            assert ran(*log, first, *answered, files=files).kind == kind
            assert ran(*log, *smart(), first, *answered, files=files).status == "failed"


def test_the_plan_is_in_the_file_that_is_meant_for_it() -> None:
    """Whichever step saved last."""
    last = f"{NOW} [info] 💾 Saved step output to: /run/out/plan.json_2"
    files = {**saved(PLAN), "/run/out/plan.json_2": "polished"}
    log = run_log(*ASKED, f"{NOW} [debug] 📋 {TYPES}", SAVED[0], last, SAVED[1])
    assert classify(0, log, "", files, "plan.json").text == PLAN
    assert classify(0, log, "", files).text == "polished"


@pytest.mark.parametrize(
    "failed",
    [
        "❌ For loop iteration 1 failed: [http_error] overloaded (HTTP 503)",
        "❌ Parallel iteration 1 failed: Query timed out after 300000ms",
        "❌ Batch iteration 2 failed: x",
    ],
)
def test_a_step_that_failed_in_a_loop_fails_the_run(failed: str) -> None:
    """The loop itself ends well."""
    assert ran(f"{NOW} [error] {failed}", *ASKED, f"{NOW} [debug] 📋 {TYPES}").kind == "crashed"


IMITATIONS = (
    "x\n🎭 Running in mock mode (no API calls)\nm",
    "x\nMode: Mock data in tests\nm",
    "x\n🔐 Challenge URL detected:\nhttps://claude.ai/login\n",
    "Explain:\nTask deploy failed: timeout\n",
    "x\n🔄 Claude exceeded limits, using emergent fallback...\n",
    "x\n📥 Collecting messages from Claude SDK stream…\nm",
    "x\nMessage types: result:oops\n",
    f"y…\n{NOW} [debug] 📥 Collecting messages from Claude SDK stream…\n{'z' * 200}",
)


@pytest.mark.parametrize("prompt", IMITATIONS)
def test_echoes_of_a_prompt_prove_nothing(prompt: str) -> None:
    """Of one to claude, to gemini, to its instructor library."""
    answered = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    begun = f"{NOW} [debug] 🚀 Starting Claude SDK query (prompt length: 10)"
    claude = (f"{NOW} [debug] 💪 Querying Claude with prompt: {prompt[:100]}…\n", begun, *answered[2:])
    gemini = f"{NOW} [debug] 🧠 Querying Gemini with prompt: {prompt[:100]}…\n"
    done = f"{NOW} [info] ✅ Gemini step completed successfully"
    shown = prompt if len(prompt) <= 200 else f"{prompt[:200]}..."
    preview = f"{NOW} [info] 📝 Prompt preview: {shown}\n"
    for lines in (claude, (*answered, gemini, done), (*answered, preview, done)):
        assert ran(*lines).kind == "ok", lines


def test_an_answer_that_is_echoed_stands_in_for_none() -> None:
    """A later prompt has the earlier answer in it."""
    faked = f"{NOW} [debug] 🧠 Querying Gemini with prompt: x\n{TYPES}\n…\n"
    assert ran(*ASKED, faked, f"{NOW} [info] ✅ Gemini step completed successfully").kind == "no result"
    wrapped = "🐛 Debug - AI response content preview: x\n🔄 Claude exceeded limits, using emergent fallback\n..."
    run = recording("live_ok")
    stdout = run["stdout"].replace("🐛 Debug - Result keys", f"{wrapped}\n🐛 Debug - Result keys")
    assert classified(run, stdout=stdout).kind == "ok"


def test_questions_at_once_keep_their_answers() -> None:
    """Their lines are mixed, each echo is one piece."""
    asked, collecting = ASKED[1], ASKED[2]
    good, none = f"{NOW} [debug] 📋 {TYPES}", f"{NOW} [debug] 📋 Message types: assistant:nil"
    assert ran(asked, collecting, asked, good, collecting, good).kind == "ok"
    assert ran(asked, collecting, asked, none, collecting, good).kind == "no result"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://claude.ai/oauth/authorize?x=1", "login needed"),
        ("https://console.anthropic.com/login", "login needed"),
        ("https://docs.shop.example/oauth/setup", "no result"),
        ("https://claude.ai.example/login", "no result"),
        ("https://docs.anthropic.com/en/api/oauth", "no result"),
    ],
)
def test_an_address_in_a_reply_is_no_login(address: str, kind: str) -> None:
    """claude_agent_sdk's process.ex ends the program at any with `auth`, `login`, `verify` in it: that may pass."""
    run = recording("live_exec_error")
    stdout = run["stdout"] + f"\n\n🔐 Challenge URL detected:\n{address}\n\nTerminating process...\n"
    stderr = '❌ Pipeline generation failed: "Claude SDK reported failure: :authentication_required"'
    made = classified(run, stdout=stdout, stderr=stderr)
    assert (made.kind, made.kind in LASTING) == (kind, kind == "login needed")


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (
            "❌ Pipeline failed: crashed: boom\nWorkflow: w401\nStacktrace:     lib/pipeline/executor.ex:401: x",
            "crashed",
        ),
        (
            "❌ Pipeline failed: Step 'billing_401' failed: Claude SDK reported failure: :error_during_execution",
            "crashed",
        ),
        (
            "❌ Pipeline failed: Step 'w' failed: API said\n❌ truncated: the reply was cut\nStep type: claude",
            "crashed",
        ),
        ("❌ truncated: the reply was cut", "crashed"),
        ("❌ Pipeline failed: Step 'w' failed: API Error: 401 unauthorized\nStep type: claude", "authentication"),
    ],
)
def test_a_reason_is_read_in_an_errors_own_words(stderr: str, kind: str) -> None:
    """Not in the names of steps, in lines of a stack, in what only looks like our own runtime's."""
    made = classify(1, run_log(*ASKED), stderr, {})
    assert (made.status, made.kind) == ("failed", kind)


def test_a_log_that_is_not_pipeline_exs_is_read_as_well() -> None:
    """A bad answer in it outweighs its success line."""
    bad = "\n".join((*ASKED, f"{NOW} [debug] 📋 Message types: assistant:nil", "✅ Pipeline generated at some/ok.yaml"))
    assert classify(0, bad, "", {"some/ok.yaml": PLAN}).kind == "no result"


@pytest.mark.parametrize(
    ("text", "kind", "begins"),
    [
        (
            "\n".join(f"Let me think {n}" for n in range(40)) + "\n```yaml\\nworkflow:\\n  steps:\\n    - a: 1\\n```",
            "ok",
            "Let",
        ),
        (f"{said('a, b')}\n{ended('a, b')}", "no plan", "a, b"),
        ("Draft:\n```yaml\na: 1\n```\nFinal:\n```yaml\na: 1\nb: [2]\n```\n", "ok", "Draft"),
        ("Sorry: I need more information to do this.", "no plan", "Sorry"),
        ("patterns:\n  - foo\\nbar\\nbaz\n  - x\n  - y\n  - z\n", "ok", "patterns:\n  - foo\\nbar"),
    ],
)
def test_replies_that_the_reader_of_json_spoiled(text: str, kind: str, begins: str) -> None:
    """Each turn of the model's is a line, in which its own lines are still escaped."""
    made = ran(*ASKED, f"{NOW} [debug] 📋 {TYPES}", files=saved(text))
    assert made.kind == kind, made.message
    assert (made.text or "").startswith(begins)


@pytest.mark.parametrize("reply", ["Note: I need more information.", "Error: quota", "https://x.y: z", "- a\n- b"])
def test_prose_in_pipeline_exs_wrapper_is_no_plan(reply: str) -> None:
    """It puts a workflow around whatever it finds no pipeline in."""
    body = "\n".join(f"  {line}" for line in reply.split("\n"))
    head = "workflow:\n  name: generated_pipeline\n  description: AI-generated pipeline\n  version: x\n  \n  steps:\n"
    made = generated(dump(INIT, parsed(reply), success(reply)), GOOD, text=f"{head}{body}\n")
    assert (made.status, made.kind) == ("invalid plan", "no plan")
    steps = generated(dump(INIT, parsed("x"), success()), GOOD, text=f"{head}  - name: a\n    type: claude\n")
    assert steps.status == "ok"


def test_loggers_of_other_formats_are_read() -> None:
    """With a date, metadata, or signs that a wrong locale broke."""
    lines = (*ASKED, f"{NOW} [debug] 📋 {TYPES}", *SAVED)
    for old, new in ((NOW, f"2025-11-25 {NOW}"), ("[debug]", "pid=<0.1.0> [debug]"), ("…", "\\x{2026}"), ("…", "â€¦")):
        assert classify(0, run_log(*lines).replace(old, new), "", saved(PLAN)).kind == "ok", new


def test_mock_mode_is_believed_at_its_place_only() -> None:
    """It is said before anything is asked."""
    run = recording("mock_ok")
    assert classified(run).kind == "mock used"
    assert REQUEST in run["stdout"]
    late = (*ASKED, f"{NOW} [debug] 📋 {TYPES}", "  • think: x", "Mode: Mock data")
    assert ran(*late).kind == "ok"
