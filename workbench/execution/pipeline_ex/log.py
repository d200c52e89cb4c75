"""Reads the standard output of pipeline_ex, and tells what it proves from what it merely repeats.

It prints the prompt before anything else, and the beginning of it once more for each question to a model: a line in
there proves nothing. What stands after these echoes is pipeline_ex's own; what a model wrote is printed there by
Elixir's `inspect`, within one line, or as an echo too.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field, replace

from workbench.execution.pipeline_ex.claude_messages import Answer, by_messages, by_preview, by_types, completed

BLANK_LINES = re.compile(r"\n{3,}")
COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

#: What a logger puts before a line: a date, the time, metadata, the level. Nothing else that is printed begins so.
STAMP = r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+ (?:[^\[\n]{1,200})?\[\w+\] "
#: A sign, and what a wrong locale makes of it.
SIGN = r"(?:\S{1,24}[ \t]{1,3})?"
LEAD = f"^(?:{STAMP})?{SIGN}"
GENERATE_STARTED = re.compile(LEAD + r"Initializing Genesis Pipeline\.\.\.$", re.MULTILINE)
#: The last line before pipeline_ex begins to work: the request was echoed above it.
EXECUTING = re.compile(LEAD + r"Executing Genesis Pipeline\.\.\.$", re.MULTILINE)
RUNNING = re.compile(LEAD + r"Running Pipeline Workflow$", re.MULTILINE)

#: An echo is over where the logger goes on. One that imitates that is read by the length that it has to have.
NEXT = rf"(?=\n+{STAMP}|\n*\Z)"
DOTS = r"(?:…|\\x\{2026\}|â€¦)"
ECHO = rf"(?s:(?:.{{100}}|.{{0,1000}}?){DOTS}{NEXT}|[^\n]*)"
PREVIEW = rf"(?s:.{{200}}\.\.\.{NEXT}|.{{0,1000}}?{NEXT}|[^\n]*)"
#: Printed without a logger, and so is what comes next.
REPLY_PREVIEW = r"(?s:.{200}\.\.\.$|.{0,1000}?\.\.\.$|[^\n]*)"

#: What the logger says.
LOGGED = {
    "asked": rf"Querying (?:Claude|Gemini) with prompt: {ECHO}",
    "preview": rf"Prompt preview: {PREVIEW}",
    "collecting": r"Collecting messages from Claude SDK stream.*",
    # One of more than this, or that was cut off, is read with the types below.
    "messages": r"ClaudeAgentSDK messages: (?P<dump>\[.{0,2000000})",
    "types": r"Message types: (?P<of_messages>.*)",
    "claude": r"Executing Claude step: .*",
    "gemini": r"Gemini step completed successfully.*",
    "unlogged": r"Claude (?:Smart|Session|Extract|Robust|Batch) step completed successfully(?:: (?P<tasks>\d+) .*)?.*",
    "exhausted": r"Claude Robust step failed after all retries: .*",
    "recovered": r"Claude Robust step recovered using fallback.*",
    "task": r"Task .{1,200} (?:failed: .*|timed out after .*|crashed: .*)"
    r"|(?:For loop|While loop|Parallel|Batch) iteration \d+ failed: .*",
    "skipped": r"Skipping step \d+: .*|Condition not met, skipping step: .*",
    "saved": r"Saved (?:step )?output to: (?P<file>.+)",
}
#: What the Mix task and the SDK print.
PRINTED = {
    "reply": rf"Debug - (?:Binary [a-z ]{{1,40}}|AI response content )preview: {REPLY_PREVIEW}",
    "result": r"Debug - (?:\w+ ){1,3}result preview: (?P<of_result>.*)",
    "fallback": r"Claude exceeded limits, using emergent fallback.*"
    r"|Genesis pipeline not found, using fallback generator.*|Debug - Empty result map, using fallback.*",
    "mock": r"Running in mock mode.*|Mode: Mock\b.*",
    "login": r"Challenge URL detected:(?:\n+(?P<address>https?://\S+))?.*",
    "untold": r"Debug - No text field found.*",
    "named": r"Pipeline generated (?P<how>successfully:|at) (?P<path>.+)",
    "completed": r"Pipeline completed successfully!",
}


def _any(marks: dict[str, str]) -> str:
    return "|".join(f"(?P<{name}>{mark})" for name, mark in marks.items())


MARK = re.compile(f"^(?:{STAMP}{SIGN}(?:{_any(LOGGED)})|{SIGN}(?:{_any(PRINTED)}))$", re.MULTILINE)


@dataclass
class Log:
    """`kind` is generate, run, or contract for a log that is not pipeline_ex's; the rest is what it says of itself.

    `asked` counts questions to the `claude` program, `answers` has what came of them; `unlogged` counts those
    that the log does not show, and `result` is what a reply's beginning shows.
    """

    kind: str
    asked: int = 0
    answers: list[Answer] = field(default_factory=list)
    unlogged: int = 0
    result: Answer | None = None
    named: str | None = None
    saved: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    address: str = ""
    #: The success line is pipeline_ex's, whose log has to go with it; ours says all in that line.
    bare: bool = False

    def has(self, mark: str) -> bool:
        return mark in self.seen

    @property
    def begun(self) -> bool:
        """Whether a model was asked. pipeline_ex prints its mock mode before it asks."""
        return self.has("asked") or self.has("preview") or self.has("collecting")

    @property
    def bad(self) -> Answer | None:
        """The first answer that is visible and not good."""
        return next((answer for answer in self.answers if not answer.good and not answer.unseen), None)

    @property
    def unseen(self) -> int:
        """The number of answers that were cut out of the log. Only what the steps saved can prove them."""
        hidden = sum(answer.unseen for answer in self.answers)
        return hidden - 1 if hidden and self.result is not None and self.result.good else hidden

    @property
    def proven(self) -> bool:
        """Every question has an answer, none is bad, and there was a question, or a model's own library answered."""
        if self.bad or len(self.answers) < self.asked:
            return False
        if self.kind == "contract":
            return not self.bare
        if self.has("claude") and not self.asked:
            return False
        return self.asked > 0 or self.kind == "run" or self.has("gemini")


def plain_text(stream: bytes | str) -> str:
    """Return the text without colours and carriage returns, and with at most one empty line in a row."""
    text = stream.decode("utf-8", errors="replace") if isinstance(stream, bytes) else stream
    return BLANK_LINES.sub("\n\n", COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def read_log(stdout: str) -> Log:
    """Return what a log says. Reads it in one pass."""
    log, begin = _begun(stdout)
    #: The answers that types are still to come for; None for one that was seen as a whole.
    shown: deque[int | None] = deque()
    for found in MARK.finditer(stdout, begin):
        mark = found.lastgroup or ""
        if mark == "messages":
            whole = found["dump"].endswith("]")
            shown.append(None if whole else len(log.answers))
            log.answers.append(by_messages(found["dump"]))
        elif mark == "types":
            _typed(log, shown, by_types(found["of_messages"]))
        elif mark != "mock" or not log.begun:
            _note(log, mark, found)
    # What a bounded reader left the types of out.
    for number in shown:
        if number is not None:
            log.answers[number] = replace(log.answers[number], unseen=True)
    return log


def _typed(log: Log, shown: deque[int | None], types: Answer) -> None:
    """Complete an answer with the types of its messages, which pipeline_ex prints after the messages."""
    if not shown:
        log.answers.append(types)
    elif (number := shown.popleft()) is not None:
        log.answers[number] = completed(log.answers[number], types)


def _begun(stdout: str) -> tuple[Log, int]:
    """Return an empty log of the right kind, and the position at which the echo of the request ends."""
    genesis, running = GENERATE_STARTED.search(stdout), RUNNING.search(stdout)
    if genesis and not (running and running.start() < genesis.start()):
        last = max((found.end() for found in EXECUTING.finditer(stdout, genesis.end())), default=len(stdout))
        return Log("generate"), last
    return (Log("run"), running.end()) if running else (Log("contract"), 0)


def _note(log: Log, mark: str, found: re.Match[str]) -> None:
    log.seen[mark] = found[mark]
    if mark == "collecting":
        log.asked += 1
    elif mark == "unlogged":
        log.unlogged += int(found["tasks"] or 1)
    elif mark == "result":
        log.result = by_preview(found["of_result"])
    elif mark == "login":
        log.address = found["address"] or ""
    elif mark == "named":
        log.named = found["path"].strip()
        log.bare = found["how"] != "at"
    elif mark == "saved":
        log.saved.append(found["file"].strip())
