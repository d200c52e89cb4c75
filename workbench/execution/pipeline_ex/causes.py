"""Why a run failed, in one of the words that failures are counted under, from what programs say of their failures."""

from __future__ import annotations

import re

from workbench.execution.useful_line import useful_line

#: In order: the first that is found counts.
CAUSES = {
    "not started": r"Claude CLI not (?:found|available)|erlexec|SHELL environment variable|as root\b|\(Mix\)"
    r"|command not found|Compilation ?Error",
    "rate limit": r"rate.?limit|\b429\b|too many requests|overloaded|\b529\b|usage limit|resource.?exhausted|quota"
    r"|limit reached|hit your .{0,20}limit",
    "no credit": r"credit balance|billing",
    "authentication": r"invalid.{0,12}api.?key|api.?key.{0,20}(?:invalid|not valid|missing|expired)|\b401\b|\b403\b"
    r"|unauthori[sz]ed|authentication.?(?:error|failed)|failed to authenticate|permission.?error|oauth token"
    r"|Gemini authentication not ready|GEMINI_API_KEY",
    "login needed": r"authentication_required|authentication challenge|challenge url|/login\b|not logged in",
    "timeout": r"timed out|timeout",
    "no result": r"No response from Claude|Empty response from Claude|missing result message",
    "too many turns": r"max_turns",
    "pipeline": r"Failed to load configuration|Configuration file not found|Invalid workflow",
    "usage": r"Pipeline request required|^Usage: mix",
}
WORDS = {kind: re.compile(words, re.IGNORECASE | re.MULTILINE) for kind, words in CAUSES.items()}
#: More of a text than this says nothing new about its cause.
ENOUGH = 4000

#: The last words of pipeline_ex, and of the runtime that is ours, which has its own kinds.
REFUSED = re.compile(
    r"^.{0,12}?(?P<said>(?:Pipeline generation failed|Pipeline failed|Failed to load configuration"
    r"|Configuration file not found|Authentication not ready for live mode)\b.{0,4000})",
    re.MULTILINE | re.DOTALL,
)
OURS = re.compile(r"^❌ (?P<kind>[a-z][a-z ]{0,40}): (?P<message>.*)$", re.MULTILINE)

#: What follows an error's own words: where in pipeline_ex it happened, whose numbers say nothing.
AFTERWARDS = re.compile(r"(?:^|\s)(?:Stacktrace|Workflow|Step type): ")
#: A step's name is the user's.
STEP = re.compile(r"Step '[^\n]{0,200}?' failed: ")

#: A reply that is only an error's text.
ERROR_REPLY = re.compile(
    r"\A\s*(?:API Error(?: \(|: ?[\dA-Z])|Error: \d{3}\b|Invalid API key\b|Credit balance is too low|Not logged in\b"
    r"|(?:Claude (?:AI |Code )?)?usage limit reached|[\w-]{1,20} limit reached\b"
    r"|You've (?:hit|reached) your .{0,20}limit"
    r"|OAuth token (?:has expired|revoked)|Please run /login|Failed to authenticate\b|Request timed out\b"
    r"|Connection error\b|Execution error\s*\Z|There's an issue with the selected model"
    r"|Your (?:organization|account) (?:has been|does not)|This organization has been)",
    re.IGNORECASE,
)
#: More than this is no error's text.
ERROR_CHARACTERS = 2000

NOT_FOUND = (126, 127)


def cause(text: str) -> str | None:
    """The first of the causes that these words speak of."""
    text = text[:ENOUGH]
    return next((kind for kind, words in WORDS.items() if words.search(text)), None)


def says_error(reply: str) -> bool:
    """Whether a reply is nothing but an error of the claude program's, in the words that it uses."""
    return len(reply) < ERROR_CHARACTERS and ERROR_REPLY.match(reply) is not None


def failure(exit_code: int, stderr: str, ours: bool) -> tuple[str, str] | None:
    """A failed run's kind and what it says; None for one that does not call itself failed.

    Args:
        ours: whether its log can be that of the runtime that is ours; pipeline_ex may quote such a line.
    """
    if (refused := REFUSED.search(stderr)) is not None:
        said = " ".join(refused["said"].replace("\\n", " ").split())[:600]
        before = stderr[max(0, refused.start() - ENOUGH // 2) : refused.start()]
        why = STEP.sub("", AFTERWARDS.split(said, maxsplit=1)[0])
        return cause(why) or cause(before) or "crashed", f"pipeline_ex failed: {said}"
    if ours and (told := OURS.findall(stderr)) and (last := told[-1]):
        return last[0], last[1].replace(" | ", "\n")
    if exit_code == 0:
        return None
    return _ended(exit_code, stderr)


def _ended(exit_code: int, stderr: str) -> tuple[str, str]:
    lines = [line.strip() for line in stderr[-ENOUGH:].split("\n") if line.strip()]
    said = useful_line(stderr)
    if exit_code < 0 or exit_code > 128:
        number = -exit_code if exit_code < 0 else exit_code - 128
        return "crashed", f"the pipeline was ended by signal {number}: {said}"
    kind = "not started" if exit_code in NOT_FOUND else cause("\n".join(lines)) or "crashed"
    return kind, f"the pipeline ended with exit code {exit_code}: {said}"
