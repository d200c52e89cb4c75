"""Why a run failed, in one of the words that failures are counted under, from what programs say of their failures."""

from __future__ import annotations

import re

#: In order: the first that is found counts.
CAUSES = {
    "not started": r"Claude CLI not (?:found|available)|erlexec|SHELL environment variable|as root\b|\(Mix\)"
    r"|command not found|Compilation ?Error",
    "rate limit": r"rate.?limit|\b429\b|too many requests|overloaded|\b529\b|usage limit|resource.?exhausted|quota",
    "no credit": r"credit balance|billing",
    "authentication": r"invalid.{0,12}api.?key|api.?key.{0,20}(?:invalid|not valid|missing|expired)|\b401\b|\b403\b"
    r"|unauthori[sz]ed|authentication.?(?:error|failed)|permission.?error|oauth token"
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

NOT_FOUND = (126, 127)


def cause(text: str) -> str | None:
    """The first of the causes that these words speak of."""
    text = text[:ENOUGH]
    return next((kind for kind, words in WORDS.items() if words.search(text)), None)


def failure(exit_code: int, stderr: str) -> tuple[str, str] | None:
    """A failed run's kind and what it says; None for one that does not call itself failed."""
    if (ours := OURS.findall(stderr)) and (last := ours[-1]):
        return last[0], last[1].replace(" | ", "\n")
    if (refused := REFUSED.search(stderr)) is not None:
        said = " ".join(refused["said"].replace("\\n", " ").split())[:600]
        before = stderr[max(0, refused.start() - ENOUGH // 2) : refused.start()]
        return cause(said) or cause(before) or "crashed", f"pipeline_ex failed: {said}"
    if exit_code == 0:
        return None
    return _ended(exit_code, stderr)


def _ended(exit_code: int, stderr: str) -> tuple[str, str]:
    lines = [line.strip() for line in stderr[-ENOUGH:].split("\n") if line.strip()]
    telling = next((line for line in lines if line.startswith(("** (", "Error:", "== Compilation"))), None)
    said = (telling or (lines[-1] if lines else "it said nothing"))[:300]
    if exit_code < 0 or exit_code > 128:
        number = -exit_code if exit_code < 0 else exit_code - 128
        return "crashed", f"the pipeline was ended by signal {number}: {said}"
    kind = "not started" if exit_code in NOT_FOUND else cause("\n".join(lines)) or "crashed"
    return kind, f"the pipeline ended with exit code {exit_code}: {said}"
