"""Finds the cause of a failed run in the output of the programs that failed.

A cause is a kind, which is one of the words under which failures are counted, and whether another try can mend it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workbench.execution.blame import lasts, lies_in_prompt
from workbench.execution.program import NOT_STARTED
from workbench.execution.useful_line import useful_line
from workbench.models.claude_failures import lasting_failures

#: The first cause that matches counts.
CAUSES = {
    "turn limit": r"max_turns|(?:maximum|max) (?:number of )?turns",
    "context window": r"(?:prompt|input|conversation|request) (?:is |was )?too (?:long|large)\b"
    r"|context.(?:window|length|limit)|input token count.{0,40}exceeds",
    "output limit": r"output token maximum|output token limit|finish.?reason.{0,20}MAX_TOKENS",
    "refusal": r"violates? our usage polic|usage policy|stop.?reason.{0,8}refusal",
    "blocked": r"No candidates in response|block.?reason|finish.?reason.{0,20}"
    r"(?:SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII)",
    "unknown model": r"models/\S+ is (?:not found|no longer available)",
    "not started": r"Claude CLI not (?:found|available)|erlexec|SHELL environment variable|as root\b|\(Mix\)"
    r"|command not found|spawn \S+ ENOENT|Compilation ?Error",
    "rate limit": r"rate.?limit|\b429\b|too many requests|overloaded|\b529\b|usage limit|resource.?exhausted|quota"
    r"|limit reached|(?:hit|reached) your .{0,40}limit",
    "no credit": r"credit balance|billing",
    "authentication": r"invalid.{0,12}api.?key|api.?key.{0,20}(?:invalid|not valid|missing|expired)|\b401\b|\b403\b"
    r"|unauthori[sz]ed|authentication.?(?:error|failed)|failed to authenticate|permission.?error|oauth token"
    r"|PERMISSION_DENIED|Gemini authentication not ready|GEMINI_API_KEY",
    "login needed": r"authentication_required|authentication challenge|challenge url|/login\b|not logged in",
    "timeout": r"timed out|timeout|deadline.?exceeded",
    "no result": r"No response from Claude|Empty response from Claude|missing result message",
    "pipeline": r"Failed to load configuration|Configuration file not found|Invalid workflow",
    "usage": r"Pipeline request required|^Usage: mix",
}
#: Kinds of failure for which pipeline_ex has other words than the claude program.
OWN_KINDS = ("authentication", "context window", "rate limit")
PATTERNS = {kind: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for kind, pattern in CAUSES.items()}
#: The patterns of the claude program's messages about lasting failures: of an account, a model, or a request.
SHARED = {kind: words for kind, words in lasting_failures().items() if kind not in OWN_KINDS}
#: Kinds of failure that another try cannot mend, beside those of every runtime.
LASTING = ("login needed", "mock used", "not started")
#: The most characters of a text that are searched for its cause.
SEARCHED_CHARACTERS = 4000

#: The last message of a run of pipeline_ex that failed.
REPORTED_FAILURE = re.compile(
    r"^.{0,12}?(?P<message>(?:Pipeline generation failed|Pipeline failed|Failed to load configuration"
    r"|Configuration file not found|Authentication not ready for live mode)\b.{0,4000})",
    re.MULTILINE | re.DOTALL,
)
#: The last message of a failed run of our own runtime. It names the kind itself.
OWN_FAILURE = re.compile(r"^❌ (?P<kind>[a-z][a-z ]{0,40}): (?P<message>.*)$", re.MULTILINE)

#: The beginning of what follows an error's message: the place in pipeline_ex. A number there, such as 401, is no cause.
ERROR_PLACE = re.compile(r"(?:^|\s)(?:Stacktrace|Workflow|Step type): ")
#: A failed step in a message. The user names the steps, so a step's name says nothing about the cause.
FAILED_STEP = re.compile(r"Step '[^\n]{0,200}?' failed: ")
#: The absolute path of a file. The user names the folders, so a path says nothing about the cause. A provider's path
#: such as /v1beta/models/NAME may say something.
FILE_PATH = re.compile(r"(?<![\w.:/-])/(?!v\d)[\w.-]+/[^\s'\"]*")


@dataclass(frozen=True)
class Cause:
    """The cause of a failed run.

    Attributes:
        kind: the word under which the failure is counted.
        lasting: True if another try cannot mend the failure.
    """

    kind: str
    lasting: bool = False


def cause_of_kind(kind: str, text: str = "") -> Cause:
    """Return the cause of this kind. `text` is the error that names the kind."""
    return Cause(kind, kind in LASTING or lasts(kind, _error_in(text)))


def cause(text: str) -> Cause | None:
    """Return the first cause whose pattern matches this text, or None."""
    return _first_cause(text, _patterns())


def prompt_cause(text: str) -> Cause | None:
    """Return the first cause whose pattern matches this text, if that cause lies in the prompt; else None."""
    first_cause = cause(text)
    return first_cause if first_cause is not None and lies_in_prompt(first_cause.kind) else None


def outside_cause(text: str) -> Cause | None:
    """Return the first cause whose pattern matches this text and that does not lie in the prompt, or None.

    Use it for output that can hold any text: such output never puts the blame on the prompt.
    """
    return _first_cause(text, ((kind, pattern) for kind, pattern in _patterns() if not lies_in_prompt(kind)))


def _patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the kinds with their patterns: first those of pipeline_ex, then those of the claude program."""
    yield from PATTERNS.items()
    yield from SHARED.items()


def _first_cause(text: str, patterns: Iterable[tuple[str, re.Pattern[str]]]) -> Cause | None:
    """Return the first cause whose pattern matches this text, or None. The lines that match tell whether it lasts."""
    text = "\n".join(_error_in(line) for line in text[:SEARCHED_CHARACTERS].split("\n"))
    for kind, pattern in patterns:
        if lines := _matching_lines(pattern, text):
            return Cause(kind, any(cause_of_kind(kind, line).lasting for line in lines))
    return None


def _matching_lines(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the lines of a text that match. A match that spans lines gives these lines as one text."""
    lines: list[str] = []
    end = -1
    for match in pattern.finditer(text):
        if match.start() > end:
            start = text.rfind("\n", 0, match.start()) + 1
            end = f"{text}\n".index("\n", match.end())
            lines.append(text[start:end])
    return lines


def _error_in(line: str) -> str:
    """Return the error in a line of pipeline_ex, without names of steps, the place in pipeline_ex, and paths."""
    return FILE_PATH.sub("/path", FAILED_STEP.sub("", ERROR_PLACE.split(line, maxsplit=1)[0]))


def failure(exit_code: int, stderr: str, from_own_runtime: bool) -> tuple[Cause, str] | None:
    """Return the cause and the message of a run that reports its failure; None for any other run.

    Args:
        from_own_runtime: True if the log can be our own runtime's. pipeline_ex may quote a line of that form.
    """
    if (refused := REPORTED_FAILURE.search(stderr)) is not None:
        message = " ".join(refused["message"].replace("\\n", " ").split())[:600]
        before = stderr[max(0, refused.start() - SEARCHED_CHARACTERS // 2) : refused.start()]
        return cause(message) or outside_cause(before) or Cause("crashed"), f"pipeline_ex failed: {message}"
    if from_own_runtime and (messages := OWN_FAILURE.findall(stderr)):
        kind, message = messages[-1]
        return cause_of_kind(kind, message), message.replace(" | ", "\n")
    if exit_code == 0:
        return None
    return _ended(exit_code, stderr)


def _ended(exit_code: int, stderr: str) -> tuple[Cause, str]:
    """Return the cause and the message of a run that reported no failure and ended with an exit code other than 0."""
    lines = [line.strip() for line in stderr[-SEARCHED_CHARACTERS:].split("\n") if line.strip()]
    line = useful_line(stderr)
    if exit_code < 0 or exit_code > 128:
        number = -exit_code if exit_code < 0 else exit_code - 128
        return Cause("crashed"), f"the pipeline was ended by signal {number}: {line}"
    not_started = cause_of_kind("not started") if exit_code in NOT_STARTED else None
    reason = not_started or outside_cause("\n".join(lines)) or Cause("crashed")
    return reason, f"the pipeline ended with exit code {exit_code}: {line}"
