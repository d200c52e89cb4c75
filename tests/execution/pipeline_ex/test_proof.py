"""Proofs of an answer when pipeline_ex's log is cut off, is imitated by a prompt, or does not show the question.

The tests compose the logs as pipeline_ex's source does, at commit ff625ec (claude_provider.ex,
enhanced_claude_provider.ex, gemini_provider.ex, gemini_instructor.ex, loop.ex, pipeline.generate.ex) with
claude_agent_sdk 0.5.3 and Elixir 1.18.
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
    """Return a text as Elixir's `inspect` prints it, cut off at 4,096 characters."""
    escaped = text[:4096].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"' + (" <> ..." if len(text) > 4096 else "")


def parsed(text: str) -> str:
    content = f'%{{"content" => [%{{"text" => {literal(text)}, "type" => "text"}}], "role" => "assistant"}}'
    return (
        f"%ClaudeAgentSDK.Message{{type: :assistant, subtype: nil, data: %{{message: {content}, "
        f'session_id: "s"}}, raw: %{{"message" => {content}, "type" => "assistant"}}}}'
    )


def unparsed(line: str) -> str:
    """Return the message for a line of claude's output that pipeline_ex's JSON reader could not read."""
    return (
        f'%ClaudeAgentSDK.Message{{type: :assistant, subtype: nil, data: %{{message: %{{"content" => {literal(line)}, '
        '"role" => "assistant"}, session_id: "unknown"}, raw: nil}'
    )


def success(text: str = "x", is_error: bool = False) -> str:
    data = f'is_error: {json.dumps(is_error)}, num_turns: 1.0, result: {literal(text)}, session_id: "s"'
    return f"%ClaudeAgentSDK.Message{{type: :result, subtype: :success, data: %{{{data}}}, raw: %{{}}}}"


def message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))


def reply_line(text: str) -> str:
    return message("assistant", message={"content": [{"type": "text", "text": text}]})


def result_line(text: str, is_error: bool = False) -> str:
    return message("result", subtype="success", is_error=is_error, result=text)


def late_result_line(text: str, is_error: bool = False) -> str:
    return message("result", result=text, subtype="success", is_error=is_error)


def dump(*messages: str, cut: bool = False) -> str:
    """Return the log's line with the messages. A logger with its default settings cuts it off at 8,192 bytes."""
    line = f"ClaudeAgentSDK messages: [{', '.join(messages)}]"
    return f"{NOW} [debug] {line[:8192]} (truncated)" if cut else f"{NOW} [debug] {line}"


def ran(*lines: str, files: dict[str, str] | None = None) -> Outcome:
    return classify(0, run_log(*lines, *SAVED), "", saved(PLAN) if files is None else files)


def generated(messages: str, types: str, text: str = PLAN, preview: str = "") -> Outcome:
    """Return the outcome of the recording of a good generate run, with other messages in its log."""
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
        # The messages are cut off, and the types show a success.
        (dump(INIT, parsed("x" * 9000), parsed("x" * 9000), success(), cut=True), GOOD, "ok", "ok"),
        # If the line is short enough, it shows whether the result was an error.
        (dump(INIT, parsed("x" * 3000), success(is_error=True)), GOOD, "failed", "no result"),
        (dump(INIT, parsed("x"), success("API Error: 529", True), "x" * 9000, cut=True), GOOD, "failed", "rate limit"),
        # The messages were not read. The head of the result is enough.
        (dump(INIT, unparsed(reply_line(LONG)), unparsed(result_line(LONG)), cut=True), UNREAD, "ok", "ok"),
        (
            dump(INIT, unparsed(reply_line(LONG)), unparsed(result_line(LONG, True)), cut=True),
            UNREAD,
            "failed",
            "no result",
        ),
        (dump(INIT, unparsed(reply_line(LONG)), unparsed(reply_line(LONG)), cut=True), UNREAD, "failed", "no result"),
        # Only the result's own text was cut off, and its fields come after that text.
        (dump(INIT, unparsed(reply_line("a, b")), unparsed(late_result_line("a, b"))), UNREAD, "ok", "ok"),
        (dump(INIT, unparsed(reply_line("a, b")), unparsed(late_result_line(LONG))), UNREAD, "failed", "no result"),
        (
            dump(INIT, unparsed(reply_line("a, b")), unparsed(late_result_line(LONG, True))),
            UNREAD,
            "failed",
            "no result",
        ),
        (dump(INIT, unparsed(reply_line("a, b"))), NO_RESULT, "failed", "no result"),
        # With the output format json, all messages are one document.
        (dump(unparsed(f"[{reply_line('x')},{result_line('x')}]")), "assistant:nil", "ok", "ok"),
        (
            dump(unparsed(f"[{reply_line('x')},{result_line('API Error: 529', True)}]")),
            "assistant:nil",
            "failed",
            "rate limit",
        ),
        (dump(unparsed(f"[{reply_line('run as root')}")), "assistant:nil", "failed", "no result"),
        (dump(unparsed(f"[{reply_line(LONG)},{result_line(LONG)}]")), "assistant:nil", "failed", "no result"),
    ],
)
def test_a_cut_off_log_proves_only_a_visible_result(messages: str, types: str, status: str, kind: str) -> None:
    """A result that was cut out of the log proves nothing."""
    outcome = generated(messages, types)
    assert (outcome.status, outcome.kind) == (status, kind), outcome.message


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (f"{reply_line(LONG)}\n{late_result_line(LONG)}", "ok"),
        (f"{reply_line(LONG)}\n{late_result_line(LONG, True)}", "failed"),
        (f"{reply_line(LONG)}\n{reply_line(LONG)}", "failed"),
        (f"[{reply_line(LONG)},{result_line(LONG)}]", "ok"),
        (f"[{reply_line(LONG)},{result_line(LONG, True)}]", "failed"),
        (f"[{reply_line(LONG)}]", "failed"),
    ],
)
def test_a_saved_output_proves_an_answer_that_the_log_does_not_show(answer: str, status: str) -> None:
    """The saved text holds all unread lines uncut. One saved answer proves only one question."""
    lines = (*ASKED, dump(INIT, unparsed("x" * 9000), cut=True), f"{NOW} [debug] 📋 Message types: {UNREAD}")
    assert ran(*lines, files=saved(answer)).status == status
    assert ran(*lines, *lines, files=saved(answer)).kind == "no result"


def test_a_preview_of_the_reply_proves_an_answer_that_the_log_does_not_show() -> None:
    """pipeline.generate prints the reply's first 4,096 characters."""
    unseen = dump(INIT, "x" * 9000, cut=True)
    assert generated(unseen, UNREAD, preview=f"{reply_line('a, b')}\n{result_line('a, b')}").status == "ok"
    assert generated(unseen, UNREAD, preview=f"{reply_line('a, b')}\n{result_line('a, b', True)}").kind == "no result"
    assert generated(unseen, UNREAD, preview=reply_line("a, b")).kind == "no result"


@pytest.mark.parametrize(
    "text",
    [
        "401 unauthorized for bad tokens",
        "run as root",
        "if command not found install it",
        "Bill by the billing service",
    ],
)
def test_a_text_of_the_model_does_not_stop_the_study(text: str) -> None:
    """An answer that broke off is tried again, even if its text reads like an error."""
    for broken in (
        parsed(f"Here is the plan: {text}"),
        unparsed(reply_line(f"a, b {text}")),
        unparsed(reply_line(text)[:-9]),
    ):
        outcome = generated(dump(INIT, broken), NO_RESULT)
        assert (outcome.status, outcome.kind) == ("failed", "no result")
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
def test_an_error_of_the_claude_program_is_no_answer(reply: str, kind: str) -> None:
    """A plan that begins like an error is a plan."""
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
        # All output was one JSON document. pipeline_ex keeps its text and drops the result.
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)}, PLAN, "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)}, "fatal: bad key", "no result"),
        ({"session_id": "unknown-session-7", "cost": 0, "extraction_applied": True}, PLAN, "no result"),
        (
            {"session_id": "unknown-session-7", "cost": 0, **debugged(ASSISTANT)},
            "## Extracted Content\n\nfatal: bad key\n",
            "no result",
        ),
        # Without `verbose`, the document holds only the result.
        ({"session_id": "unknown-session-7", "cost": 0}, result_line(PLAN), "ok"),
        ({"session_id": "unknown-session-7", "cost": 0}, result_line(PLAN, True), "no result"),
        # The output format stream_json: the last result counts.
        (
            {"session_id": "s", "cost": 0, **debugged(("system", "init"), ASSISTANT)},
            f"{reply_line(PLAN)}\n{result_line(PLAN)}",
            "ok",
        ),
        ({"session_id": "s", "cost": 0}, f"{reply_line(PLAN)}\n{result_line(PLAN, True)}", "no result"),
        (
            {"session_id": "s", "cost": 0},
            f"{reply_line(PLAN)}\n{result_line(PLAN)}\n{result_line(PLAN, True)}",
            "no result",
        ),
        ({"session_id": "s", "cost": 0}, f"{reply_line(PLAN)}\n{MAX_TURNS}", "turn limit"),
        ({"session_id": "s", "cost": 0}, reply_line(PLAN), "no result"),
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
            json.dumps({"content": f"{reply_line(PLAN)}\n{result_line(PLAN)}", "format": "json"}),
            "ok",
        ),
        ({"session_id": "s", "cost": 0}, json.dumps({"content": PLAN, "format": "json"}), "no result"),
    ],
)
def test_a_step_whose_questions_are_not_logged_is_proved_by_its_saved_output(
    fields: dict[str, Any], text: str, kind: str
) -> None:
    """The output proves the answer by its cost, its messages or their types."""
    assert ran(*smart(), files=saved(text, **fields)).kind == kind


def test_parts_of_messages_that_are_no_text_are_left_out_of_a_plan() -> None:
    """A claude step prints the use of a tool between the texts. Only the texts belong to the plan."""
    run = recording("run_tool_use")
    outcome = classified(run)
    assert outcome.text is not None
    assert outcome.text.startswith("Here is the pipeline:")
    assert "tool_use" not in outcome.text


def test_every_step_has_to_be_proved() -> None:
    """A run fails if a claude_smart step before the good step failed or saved nothing."""
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


def test_a_loop_and_a_batch_save_all_their_answers() -> None:
    """Each answer counts and has to be good. loop.ex and claude_batch.ex save them in this form."""
    good = {"success": True, "text": "An idea.", "session_id": "s", "cost": 0.01}
    limit, silent = {**good, "text": "5-hour limit reached"}, {**good, "cost": 0}
    answered = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    first = f"{NOW} [info] 💾 Saved step output to: /run/out/first"
    batched = f"{NOW} [info] ✅ Claude Batch step completed successfully: 2 tasks processed"
    for answers, kind in (((good, good), "ok"), ((good, limit), "rate limit"), ((silent, good), "no result")):
        loop = {
            "success": True,
            "iterations": [{"index": 0, "success": True, "results": {"s": answer}} for answer in answers],
        }
        batch = {
            "success": True,
            "text": "x",
            "batch_results": [{"status": "success", "result": answer} for answer in answers],
        }
        for log, output in (((*smart(), *smart()), loop), ((batched,), batch)):
            files = {**saved(PLAN), "/run/out/first": json.dumps(output)}
            assert ran(*log, first, *answered, files=files).kind == kind
            assert ran(*log, *smart(), first, *answered, files=files).status == "failed"


def test_the_plan_is_in_the_named_file() -> None:
    """Without a name, the file that was saved last is the plan."""
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
    """This holds although the loop itself ends well."""
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
    """This holds for prompts to claude, to gemini and to gemini's instructor library."""
    answered = (*ASKED, f"{NOW} [debug] 📋 {TYPES}")
    begun = f"{NOW} [debug] 🚀 Starting Claude SDK query (prompt length: 10)"
    claude = (f"{NOW} [debug] 💪 Querying Claude with prompt: {prompt[:100]}…\n", begun, *answered[2:])
    gemini = f"{NOW} [debug] 🧠 Querying Gemini with prompt: {prompt[:100]}…\n"
    gemini_answered = f"{NOW} [info] ✅ Gemini step completed successfully"
    echo = prompt if len(prompt) <= 200 else f"{prompt[:200]}..."
    preview = f"{NOW} [info] 📝 Prompt preview: {echo}\n"
    for lines in (claude, (*answered, gemini, gemini_answered), (*answered, preview, gemini_answered)):
        assert ran(*lines).kind == "ok", lines


def test_an_echoed_answer_answers_no_question() -> None:
    """A later prompt may contain an earlier answer."""
    faked = f"{NOW} [debug] 🧠 Querying Gemini with prompt: x\n{TYPES}\n…\n"
    assert ran(*ASKED, faked, f"{NOW} [info] ✅ Gemini step completed successfully").kind == "no result"
    wrapped = "🐛 Debug - AI response content preview: x\n🔄 Claude exceeded limits, using emergent fallback\n..."
    run = recording("live_ok")
    stdout = run["stdout"].replace("🐛 Debug - Result keys", f"{wrapped}\n🐛 Debug - Result keys")
    assert classified(run, stdout=stdout).kind == "ok"


def test_parallel_questions_keep_their_answers() -> None:
    """The lines of the questions are mixed, and each echo is one piece."""
    question, collecting = ASKED[1], ASKED[2]
    good, no_result = f"{NOW} [debug] 📋 {TYPES}", f"{NOW} [debug] 📋 Message types: assistant:nil"
    assert ran(question, collecting, question, good, collecting, good).kind == "ok"
    assert ran(question, collecting, question, no_result, collecting, good).kind == "no result"


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
    """claude_agent_sdk's process.ex ends the program at any address with `auth`, `login` or `verify` in it.

    Another try may succeed, so the failure is not lasting.
    """
    run = recording("live_exec_error")
    stdout = run["stdout"] + f"\n\n🔐 Challenge URL detected:\n{address}\n\nTerminating process...\n"
    stderr = '❌ Pipeline generation failed: "Claude SDK reported failure: :authentication_required"'
    outcome = classified(run, stdout=stdout, stderr=stderr)
    assert (outcome.kind, outcome.kind in LASTING) == (kind, kind == "login needed")


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
def test_a_cause_is_read_only_from_an_errors_own_message(stderr: str, kind: str) -> None:
    """Names of steps, lines of a stack and imitations of our own runtime's last line are no causes."""
    outcome = classify(1, run_log(*ASKED), stderr, {})
    assert (outcome.status, outcome.kind) == ("failed", kind)


def test_a_bad_answer_outweighs_the_success_line_of_another_runtimes_log() -> None:
    """A log that is not pipeline_ex's is searched for answers, too."""
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
        (f"{reply_line('a, b')}\n{result_line('a, b')}", "no plan", "a, b"),
        ("Draft:\n```yaml\na: 1\n```\nFinal:\n```yaml\na: 1\nb: [2]\n```\n", "ok", "Draft"),
        ("Sorry: I need more information to do this.", "no plan", "Sorry"),
        ("patterns:\n  - foo\\nbar\\nbaz\n  - x\n  - y\n  - z\n", "ok", "patterns:\n  - foo\\nbar"),
    ],
)
def test_escapes_that_the_json_reader_left_are_turned_back(text: str, kind: str, begins: str) -> None:
    """Each turn of the model is a line, in which the turn's line breaks are still escaped."""
    outcome = ran(*ASKED, f"{NOW} [debug] 📋 {TYPES}", files=saved(text))
    assert outcome.kind == kind, outcome.message
    assert (outcome.text or "").startswith(begins)


@pytest.mark.parametrize("reply", ["Note: I need more information.", "Error: quota", "https://x.y: z", "- a\n- b"])
def test_prose_in_pipeline_exs_wrapper_is_no_plan(reply: str) -> None:
    """pipeline_ex puts a workflow around every reply in which it finds no pipeline."""
    body = "\n".join(f"  {line}" for line in reply.split("\n"))
    head = "workflow:\n  name: generated_pipeline\n  description: AI-generated pipeline\n  version: x\n  \n  steps:\n"
    outcome = generated(dump(INIT, parsed(reply), success(reply)), GOOD, text=f"{head}{body}\n")
    assert (outcome.status, outcome.kind) == ("invalid plan", "no plan")
    steps = generated(dump(INIT, parsed("x"), success()), GOOD, text=f"{head}  - name: a\n    type: claude\n")
    assert steps.status == "ok"


def test_other_log_formats_are_read() -> None:
    """A line may have a date, metadata, or signs that a wrong locale broke."""
    lines = (*ASKED, f"{NOW} [debug] 📋 {TYPES}", *SAVED)
    for old, new in ((NOW, f"2025-11-25 {NOW}"), ("[debug]", "pid=<0.1.0> [debug]"), ("…", "\\x{2026}"), ("…", "â€¦")):
        assert classify(0, run_log(*lines).replace(old, new), "", saved(PLAN)).kind == "ok", new


def test_mock_mode_counts_only_before_the_first_question() -> None:
    """pipeline_ex prints it before it asks a model."""
    run = recording("mock_ok")
    assert classified(run).kind == "mock used"
    assert REQUEST in run["stdout"]
    late = (*ASKED, f"{NOW} [debug] 📋 {TYPES}", "  • think: x", "Mode: Mock data")
    assert ran(*late).kind == "ok"
