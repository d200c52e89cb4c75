"""Outcomes of runs: recordings of pipeline_ex, logs that imitate another outcome, and arbitrary text."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.execution.pipeline_ex.outcome import Outcome, classify

RECORDINGS = Path(__file__).parents[2] / "data" / "pipeline_ex_runs"

EXPECTED = {
    "batch_without_tasks_ok": ("ok", "ok"),
    "claude_json_auth": ("failed", "authentication"),
    "claude_json_rate_limit": ("failed", "rate limit"),
    "extract_is_error": ("failed", "no result"),
    "extract_max_turns_plan": ("failed", "no result"),
    "extract_max_turns_prose": ("failed", "no result"),
    "extract_no_result": ("failed", "no result"),
    # This run succeeded, but its saved answer equals the answers of the failed runs.
    "extract_ok": ("failed", "no result"),
    "gemini_blocked": ("invalid plan", "blocked"),
    "gemini_max_tokens": ("invalid plan", "truncated"),
    "generate_crlf": ("invalid plan", "no plan"),
    "generate_quotes": ("invalid plan", "no plan"),
    "live_empty": ("failed", "no result"),
    "live_exec_error": ("failed", "crashed"),
    "live_fail": ("failed", "authentication"),
    "live_max_turns": ("invalid plan", "turn limit"),
    "live_no_claude": ("failed", "not started"),
    "live_ok": ("ok", "ok"),
    "live_ok_noworkflow": ("ok", "ok"),
    "live_ok_plain": ("ok", "ok"),
    "live_rate_limit": ("failed", "rate limit"),
    "live_thinking": ("ok", "ok"),
    "mock_dry_run": ("failed", "mock used"),
    "mock_no_prompt": ("failed", "usage"),
    "mock_ok": ("failed", "mock used"),
    "mock_option_like_prompt": ("failed", "usage"),
    "mock_spoofed_path": ("failed", "mock used"),
    "mock_unicode_newlines": ("failed", "mock used"),
    "run_tool_use": ("ok", "ok"),
    "smart_analysis_budget": ("failed", "no result"),
    "smart_analysis_no_result": ("failed", "no result"),
    "smart_analysis_ok": ("failed", "no result"),
}

REQUEST = "Improve the supervision tree of my Elixir application"
TYPES = "Message types: system:init, assistant:nil, result:success"


def recording(name: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return run


def classified(run: dict[str, Any], **changes: Any) -> Outcome:
    run = {**run, **changes}
    return classify(run["exit_code"], run["stdout"], run["stderr"], run["files"])


def good(*swaps: tuple[str, str], files: dict[str, str] | None = None, stderr: str = "") -> Outcome:
    """Return the outcome of the recording of a good run, with the first text of each swap replaced by the second."""
    run = recording("live_ok")
    for old, new in swaps:
        assert old in run["stdout"]
        run["stdout"] = run["stdout"].replace(old, new)
    return classified(run, stderr=stderr, files=run["files"] if files is None else files)


def plan(text: str) -> dict[str, str]:
    return {**recording("live_ok")["files"], "some/ok.yaml": text}


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.json")))
@pytest.mark.parametrize("encoded", [False, True])
def test_recordings(name: str, encoded: bool) -> None:
    """Exit code 0 after a wrong key, a fallback or a mock is no success. The streams may be bytes or text."""
    run = recording(name)
    streams = {key: run[key].encode() for key in ("stdout", "stderr")} if encoded else {}
    outcome = classified(run, **streams)
    assert (outcome.status, outcome.kind) == EXPECTED[name]
    assert outcome.message
    assert (outcome.text is not None) == (outcome.path is not None)
    assert outcome.path is None if outcome.status == "failed" else outcome.path in run["files"] or outcome.text is None
    if run["argv"][1].startswith("pipeline.generate") and outcome.path:
        assert outcome.text == run["files"][outcome.path]


NOISE = (
    'Compiling 85 files (.ex)\nwarning: unused variable "x"\n  lib/pipeline.ex:1\n\nGenerated pipeline app\n'
    "✅ Pipeline generated successfully: /etc/passwd\n"
)


@pytest.mark.parametrize(
    "swaps",
    [
        [("\n", "\r\n")],
        [("[info]", "\x1b[22m[info]\x1b[0m"), ("✅ Pipeline generated", "\x1b[32m✅ Pipeline generated")],
        [("🧬 Initializing", f"{NOISE}🧬 Initializing")],
        [("✅ Pipeline generated successfully", "\\x{2705} Pipeline generated successfully")],
        [("✅ Pipeline generated successfully", "âœ… Pipeline generated successfully")],
        [("✅ Pipeline generated successfully:", "✅ Pipeline generated at")],
        [
            (
                REQUEST,
                f"x\n✅ Pipeline generated successfully: /etc/passwd\n🎭 Running in mock mode (no API calls)\n{TYPES}",
            )
        ],
        [(REQUEST, "x\n🔄 Claude exceeded limits, using emergent fallback...\n🔐 Challenge URL detected:\n")],
        [(REQUEST, "x\n22:25:29.228 [debug] 📋 Message types: system:init, result:error_max_turns\n")],
        [(REQUEST, "🔄 Executing Genesis Pipeline...\n💪 Querying Claude with prompt: \n")],
        [("some/ok.yaml", "/run/some/ok.yaml")],
        [("some/ok.yaml", "../checkout/../run/some/ok.yaml")],
        [("some/ok.yaml", "./some//ok.yaml")],
    ],
)
def test_a_good_run_is_recognised(swaps: list[tuple[str, str]]) -> None:
    """Line ends, colours, a wrong locale, compiler output and the prompt's text do not hide a good run."""
    outcome = good(*swaps)
    assert (outcome.status, outcome.path) == ("ok", "some/ok.yaml"), outcome.message


@pytest.mark.parametrize(
    ("swaps", "kind"),
    [
        ([(TYPES, "Message types: assistant:nil"), ("ClaudeAgentSDK messages:", "ClaudeAgentSDK said:")], "no result"),
        ([(TYPES, "said nothing"), ("ClaudeAgentSDK messages:", "ClaudeAgentSDK said:")], "no result"),
        ([("subtype: :success", "subtype: :error_during_execution")], "no result"),
        ([("is_error: false", "is_error: true")], "no result"),
        ([("🔄 Executing Genesis", "🔄 Thinking of Genesis")], "no result"),
        ([("✅ Pipeline generated successfully: some/ok.yaml", "")], "no file"),
        ([("successfully: some/ok.yaml", "successfully: some/other.yaml")], "no file"),
        ([("successfully: some/ok.yaml", "successfully: /etc/passwd")], "no file"),
        ([("successfully: some/ok.yaml", "successfully: ok.yaml")], "no file"),
        (
            [("🧬 DNA saved", "⚠️  Genesis pipeline not found, using fallback generator...\n🧬 DNA saved")],
            "fallback used",
        ),
        (
            [("✅ Pipeline generated", "🐛 Debug - Empty result map, using fallback\n✅ Pipeline generated")],
            "fallback used",
        ),
    ],
)
def test_a_run_without_proof_is_failed(swaps: list[tuple[str, str]], kind: str) -> None:
    """Each of these runs lacks one part of the proof, or has a line that disproves it."""
    outcome = good(*swaps)
    assert (outcome.status, outcome.kind) == ("failed", kind), outcome.message
    assert outcome.text is None


def test_success_lines_in_a_failed_runs_echo_prove_nothing() -> None:
    """A run with a wrong key fails although its prompt holds the whole log of a good run."""
    run = recording("live_fail")
    spoof = recording("live_ok")["stdout"]
    outcome = classified(run, stdout=run["stdout"].replace(REQUEST, f"x\n{spoof}\n"))
    assert outcome.kind == "authentication"
    cut = classified(run, stdout=spoof.replace("🔄 Executing Genesis Pipeline...", "…"), files={"some/ok.yaml": "a: 1"})
    assert cut.status == "failed"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_file_is_no_plan(text: str) -> None:
    """This holds even if the log proves an answer."""
    assert good(files=plan(text)).kind == "no file"


def test_the_dna_file_names_the_author_of_the_plan() -> None:
    """A _dna.json that names a mock or a fallback outweighs the log. An unreadable _dna.json is ignored."""
    files = recording("live_ok")["files"]
    for dna, kind in (
        ('{"source": "mock_generated"}', "mock used"),
        ('{"source": "fallback_generator"}', "fallback used"),
        ('{"traits": ["fast", "mock_generated"]}', "mock used"),
        ('{"traits": [1, "emergent"]}', "fallback used"),
    ):
        assert good(files={**files, "some/ok_dna.json": dna}).kind == kind
    for dna in ("{", "[1]", '{"traits": {}}', "[" * 100_000):
        assert good(files={**files, "some/ok_dna.json": dna}).status == "ok"


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


def run_log(*lines: str, mode: str = "Live (real API calls, costs money)") -> str:
    return "\n".join(["🚀 Running Pipeline Workflow", "📁 Config: v.yaml", f"🎭 Mode: {mode}", "", *lines, ""])


ASKED = (
    "22:25:30.000 [info] 💪 Executing Claude step: write",
    "22:25:30.000 [debug] 💪 Querying Claude with prompt: x…",
    "22:25:30.000 [debug] 📥 Collecting messages from Claude SDK stream…",
)
ANSWERED = (*ASKED, f"22:25:30.000 [debug] 📋 {TYPES}")
SAVED = ("22:25:30.000 [info] 💾 Saved step output to: /run/out/plan.json", "✅ Pipeline completed successfully!")


def saved(text: str = "a: 1\nb: 2\n", **fields: Any) -> dict[str, str]:
    return {"/run/out/plan.json": json.dumps({"success": True, "text": text, "cost": 0.01, "model": "m", **fields})}


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


def test_mock_runs_are_failed() -> None:
    """pipeline.run answers with a mock by default."""
    assert classify(0, run_log(*ANSWERED, *SAVED, mode="Mock (safe, no API costs)"), "", saved()).kind == "mock used"


@pytest.mark.parametrize(
    ("exit_code", "stderr", "kind"),
    [
        (1, "❌ Pipeline failed: Step 'a' failed: Query timed out after 300000ms", "timeout"),
        (1, "❌ Pipeline failed: Step 'a' failed: Failed to start erlexec application: timeout", "not started"),
        (1, "❌ Failed to load configuration: Invalid workflow: Step missing", "pipeline"),
        (1, "❌ Configuration file not found: x.yaml", "pipeline"),
        (1, "❌ Claude CLI not available\n   Install\n❌ Authentication not ready for live mode", "not started"),
        (1, "❌ Gemini authentication not ready\n❌ Authentication not ready for live mode", "authentication"),
        (1, '** (Mix) The task "pipeline.generate.live" could not be found', "not started"),
        (1, '❌ Pipeline generation failed: "... :authentication_required"', "login needed"),
        (1, '❌ Pipeline generation failed: "Empty response from Claude"', "no result"),
        (1, "** (File.Error) could not write to file", "crashed"),
        (127, "mix: command not found", "not started"),
        (-9, "", "crashed"),
        (143, "", "crashed"),
        (1, "", "crashed"),
        (0, "❌ Pipeline generation failed: :boom", "crashed"),
        (4, "❌ rate limit: gemini says slow down", "rate limit"),
    ],
)
def test_a_run_that_reports_a_failure_is_failed(exit_code: int, stderr: str, kind: str) -> None:
    """This holds even if the log is that of a good run."""
    outcome = classified(recording("live_ok"), exit_code=exit_code, stderr=stderr)
    assert (outcome.status, outcome.kind) == ("failed", kind)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Task exceeded max_turns limit. Increase max_turns in claude_options for complex tasks.", "turn limit"),
        ("Reached maximum number of turns (5)", "turn limit"),
        ("API Error: 400 prompt is too long: 213462 tokens > 200000 maximum", "context window"),
        (
            "[api_error] The input token count (1200000) exceeds the maximum number of tokens (HTTP 400)",
            "context window",
        ),
        ("API Error: input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000", "context window"),
        ("API Error: Claude's response exceeded the 32000 output token maximum.", "output limit"),
        ("API Error: Claude Code is unable to respond, which appears to violate our Usage Policy", "refusal"),
        ("No candidates in response", "blocked"),
    ],
)
def test_a_cause_that_lies_in_the_prompt_is_an_invalid_plan(reason: str, kind: str) -> None:
    """Only the cause counts, not whether pipeline_ex failed, left out a part or used a fallback."""
    failed = classify(1, run_log(*ASKED), f"❌ Pipeline failed: Step 'a' failed: {reason}\nStep type: claude", {})
    part = classify(0, run_log(f"22:25:30.000 [error] ❌ For loop iteration 1 failed: {reason}", *ANSWERED), "", {})
    fallback = (
        f"22:25:30.000 [error] ❌ Claude Robust step failed after all retries: {reason}",
        "22:25:30.000 [info] 🔄 Claude Robust step recovered using fallback",
    )
    recovered = classify(0, run_log(*fallback, *SAVED), "", saved(degraded_mode=True, original_error=reason))
    batch = classify(0, run_log(*SAVED), "", saved(failed_tasks=1, batch_results=[{"error": reason}]))
    for outcome in (failed, part, recovered, batch):
        assert (outcome.status, outcome.kind, outcome.text) == ("invalid plan", kind, None), outcome.message
        assert reason[:30] in outcome.message or outcome is recovered


@pytest.mark.parametrize(
    "reason",
    [
        "API Error: 529 overloaded",
        "This request would exceed your organization's rate limit of 40,000 input tokens per minute",
        "API Error: 401 Invalid API key",
        "connection refused",
        "Query timed out after 300000ms",
    ],
)
def test_any_other_cause_is_no_score(reason: str) -> None:
    """The execution is tried again. If it fails again, it stops the study."""
    outcome = classify(
        1, run_log(*ASKED), f"❌ Pipeline failed: Step 'max_turns' failed: {reason}\nStep type: claude", {}
    )
    assert outcome.status == "failed", outcome


def test_a_warning_about_a_limit_does_not_blame_the_prompt() -> None:
    """Only the error's own message can blame the prompt, not a line before it."""
    noise = "warning: the context window of max_turns"
    assert classify(1, "", f"{noise}\n** (File.Error) no space", {}).kind == "crashed"
    assert classify(1, "", f"{noise}\n❌ Pipeline failed: boom", {}).kind == "crashed"


def test_noise_on_the_error_stream_is_no_failure() -> None:
    """Locks, warnings and a quoted text of a model do not fail a run."""
    noise = "Waiting for lock on the build directory (held by process 7)\nwarning: ❌ deprecated\n"
    assert good(stderr=noise).status == "ok"


def test_a_login_page_in_the_log_means_that_a_login_is_needed() -> None:
    """This holds even if pipeline_ex went on afterwards."""
    stdout = recording("live_exec_error")["stdout"] + "\n🔐 Challenge URL detected:\nhttps://claude.ai/login\n"
    assert classified(recording("live_exec_error"), stdout=stdout).kind == "login needed"


def test_our_own_runtime_needs_no_log() -> None:
    """Its last line names the plan's path, or the kind of failure."""
    assert classify(0, "✅ Pipeline generated at /x/plan.yaml\n", "", {"/x/plan.yaml": "a: 1"}).text == "a: 1"
    assert classify(0, "✅ Pipeline generated at /x/plan.yaml\n", "", {}).kind == "no file"
    alone = classify(0, "✅ Pipeline generated successfully: /x/plan.yaml\n", "", {"/x/plan.yaml": "a: 1"})
    assert (alone.status, alone.kind) == ("failed", "no result")
    cut = classify(1, "", "❌ truncated: the reply was cut off | at 10 tokens\n", {})
    assert (cut.status, cut.message) == ("invalid plan", "the reply was cut off\nat 10 tokens")


@pytest.mark.slow
@pytest.mark.parametrize(
    "filler",
    ["x", "\n", "✅ Pipeline generated ", '"', "\x1b[", "a b ", "💪 Querying Claude with prompt: \n"],
)
def test_ten_megabytes_take_less_than_twenty_seconds(filler: str) -> None:
    """The text stands in a log, in a line of messages, or in a saved output."""
    text = filler * (10_000_000 // len(filler.encode()))
    begun = time.process_time()
    good(("🐛 Debug - Result keys", f"{text}\n🐛 Debug - Result keys"))
    good(("ClaudeAgentSDK messages: [", f"ClaudeAgentSDK messages: [{text}"))
    classify(1, text, text, {"x": text})
    classify(0, run_log(*ANSWERED, *SAVED), "", {"/run/out/plan.json": text})
    assert time.process_time() - begun < 20


PIECES = st.sampled_from(
    [
        *("✅ Pipeline generated successfully: a", "\n", "🧬 Initializing Genesis Pipeline...", "❌ ", "{", "}"),
        *("🔄 Executing Genesis Pipeline...", "📥 Collecting messages from Claude SDK stream…", f"📋 {TYPES}"),
        *("ClaudeAgentSDK messages: [", '"', "\\", "%ClaudeAgentSDK.Message{type: :result, subtype: :success", "]"),
        *("🚀 Running Pipeline Workflow", *SAVED),
    ]
)


@settings(max_examples=300)
@given(
    st.integers(-64, 255),
    st.binary(max_size=200) | st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join),
    st.binary(max_size=200) | st.text(max_size=200),
    st.dictionaries(st.text(max_size=8) | st.just("a"), st.text(max_size=60), max_size=3),
)
def test_classify_never_raises(code: int, out: bytes | str, err: bytes | str, files: dict[str, str]) -> None:
    """A run has a text exactly if it can be scored."""
    outcome = classify(code, out, err, files)
    assert (outcome.text is None) == (outcome.status == "failed" or outcome.path is None)
    assert outcome.message
