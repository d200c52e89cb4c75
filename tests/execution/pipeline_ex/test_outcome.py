"""Outcomes of runs: recordings of pipeline_ex, logs that imitate another outcome, and arbitrary text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pipeline_ex_log import (
    ANSWERED,
    RECORDINGS,
    REQUEST,
    SAVED,
    TYPES,
    classified,
    good,
    plan,
    recording,
    run_log,
)
from workbench.execution.pipeline_ex.outcome import classify

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


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.json")))
@pytest.mark.parametrize("encoded", [False, True])
def test_a_recorded_run_has_the_expected_outcome(name: str, encoded: bool) -> None:
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
    start = time.process_time()
    good(("🐛 Debug - Result keys", f"{text}\n🐛 Debug - Result keys"))
    good(("ClaudeAgentSDK messages: [", f"ClaudeAgentSDK messages: [{text}"))
    classify(1, text, text, {"x": text})
    classify(0, run_log(*ANSWERED, *SAVED), "", {"/run/out/plan.json": text})
    assert time.process_time() - start < 20


PIECES = st.sampled_from(
    [
        *("✅ Pipeline generated successfully: a", "\n", "🧬 Initializing Genesis Pipeline...", "❌ ", "{", "}"),
        *("🔄 Executing Genesis Pipeline...", "📥 Collecting messages from Claude SDK stream…", f"📋 {TYPES}"),
        *("ClaudeAgentSDK messages: [", '"', "\\", "%ClaudeAgentSDK.Message{type: :result, subtype: :success", "]"),
        *("🚀 Running Pipeline Workflow", *SAVED),
    ]
)


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
