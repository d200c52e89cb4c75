"""Proofs of an answer when pipeline_ex's log is cut off, is imitated by a prompt, or does not show the question.

The tests compose the logs as pipeline_ex's source does (`tests/support/pipeline_ex_messages.py`).
"""

from __future__ import annotations

import pytest

from tests.support.pipeline_ex_log import (
    ASKED,
    REQUEST,
    SAVED,
    TYPES,
    classified,
    recording,
    run_log,
    saved,
)
from tests.support.pipeline_ex_messages import (
    NOW,
    PLAN,
    dump,
    generated,
    late_result_line,
    parsed,
    ran,
    reply_line,
    result_line,
    success,
    unparsed,
)
from workbench.execution.pipeline_ex.outcome import classify

NO_RESULT = "system:init, assistant:nil"
UNREAD = "system:init, assistant:nil, assistant:nil"
INIT = '%ClaudeAgentSDK.Message{type: :system, subtype: :init, data: %{session_id: "s"}, raw: %{"type" => "system"}}'
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
    first_line = f"{NOW} [debug] 🚀 Starting Claude SDK query (prompt length: 10)"
    claude = (f"{NOW} [debug] 💪 Querying Claude with prompt: {prompt[:100]}…\n", first_line, *answered[2:])
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
    assert (outcome.kind, outcome.lasting) == (kind, kind == "login needed")


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
