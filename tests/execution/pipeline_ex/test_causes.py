"""Causes of failed runs: only a cause that lies in the prompt is an invalid plan."""

from __future__ import annotations

import pytest

from tests.support.pipeline_ex_log import (
    ANSWERED,
    ASKED,
    SAVED,
    classified,
    good,
    recording,
    run_log,
    saved,
)
from workbench.execution.pipeline_ex.outcome import classify


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
        (
            1,
            "❌ Pipeline failed: Step 'a' failed: models/gemini-1.0 is not found for API version v1beta",
            "unknown model",
        ),
        (
            1,
            "❌ Pipeline failed: Step 'a' failed: models/gemini-2.5-flash is no longer available to new users",
            "unknown model",
        ),
        (1, "❌ Pipeline failed: Step 'a' failed: DEADLINE_EXCEEDED", "timeout"),
        (1, "❌ Pipeline failed: Step 'a' failed: PERMISSION_DENIED: the API is disabled", "authentication"),
        (1, "❌ Pipeline failed: Step 'a' failed: spawn claude ENOENT", "not started"),
        (1, "❌ Pipeline failed: Step 'a' failed: could not open plan.md: permission denied", "crashed"),
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
    ("reason", "kind"),
    [
        ("Your organization has been disabled.", "account disabled"),
        ("This organization is on hold", "account disabled"),
        ("There's an issue with the selected model (claude-opus-4-1)", "unknown model"),
        ('API Error: 404 {"type":"error","error":{"type":"not_found_error","message":"model: x"}}', "unknown model"),
        ("API Error: 400 tools.0.name: invalid", "bad request"),
        ("Opus session ended: weekly usage credit limit reached", "rate limit"),
    ],
)
def test_a_failure_of_the_claude_program_has_the_kind_of_the_shared_list(reason: str, kind: str) -> None:
    """The runtime's own steps and the models that judge and propose read the same list."""
    outcome = classify(1, run_log(*ASKED), f"❌ Pipeline failed: Step 'a' failed: {reason}\nStep type: claude", {})
    assert (outcome.status, outcome.kind) == ("failed", kind)


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


def test_warnings_on_standard_error_are_no_failure() -> None:
    """Locks, warnings and a quoted text of a model do not fail a run."""
    noise = "Waiting for lock on the build directory (held by process 7)\nwarning: ❌ deprecated\n"
    assert good(stderr=noise).status == "ok"


def test_a_login_page_in_the_log_means_that_a_login_is_needed() -> None:
    """This holds even if pipeline_ex went on afterwards."""
    stdout = recording("live_exec_error")["stdout"] + "\n🔐 Challenge URL detected:\nhttps://claude.ai/login\n"
    assert classified(recording("live_exec_error"), stdout=stdout).kind == "login needed"


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


@pytest.mark.parametrize(
    ("step", "error", "lasting"),
    [
        ("daily plan", "429 too many requests", False),
        ("monthly usage limit", "429 too many requests", False),
        ("plan", "429 too many requests, see /home/u/monthly/claude.log", False),
        ("plan", "429 Quota exceeded for GenerateRequestsPerDay", True),
        ("plan", "You've reached your weekly limit", True),
    ],
)
@pytest.mark.parametrize("place", ["\nStep type: claude\n", " ", "\n"])
def test_names_of_steps_and_paths_do_not_make_a_rate_limit_lasting(
    step: str, error: str, lasting: bool, place: str
) -> None:
    """The user names the steps and the folders. The error alone says whether the limit passes soon."""
    stderr = f"❌ Pipeline failed: Step '{step}' failed: {error}{place}Workflow: /home/u/monthly/x.yaml"
    outcome = classify(1, "", stderr, {})
    assert (outcome.kind, outcome.lasting) == ("rate limit", lasting)


@pytest.mark.parametrize(
    ("stderr", "lasting"),
    [
        ("Claude AI usage limit reached|1735\n❌ Pipeline failed: Step 'plan' failed: exit status 1", True),
        ("You've hit your weekly limit · resets Oct 3\nsome trailing line\n** (EXIT) foo", True),
        ("overloaded\nYou've hit your weekly limit\n** (EXIT) foo", True),
        ("a daily report\n429 too many requests\n❌ Pipeline failed: Step 'plan' failed: exit status 1", False),
        ("Step 'daily' failed: 429 too many requests\nWorkflow: /u/monthly/x.yaml\n** (EXIT) foo", False),
    ],
)
def test_the_lines_that_tell_of_a_limit_say_whether_it_lasts(stderr: str, lasting: bool) -> None:
    """These lines may stand in the log and not in the message."""
    outcome = classify(1, "", stderr, {})
    assert (outcome.kind, outcome.lasting) == ("rate limit", lasting)


def test_a_path_is_no_cause() -> None:
    """A folder may be called like an HTTP status. A model in a provider's path is a cause."""
    assert classify(1, "", "❌ Pipeline failed: cannot read /home/u/401/plan.yaml", {}).kind == "crashed"
    unknown = "❌ Pipeline failed: /v1beta/models/gemini-1.0 is not found"
    assert classify(1, "", unknown, {}).kind == "unknown model"
