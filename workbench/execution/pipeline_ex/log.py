"""Reads the standard output of pipeline_ex, and separates what pipeline_ex reports from what it only repeats.

pipeline_ex prints the prompt before anything else. For each question to a model it prints the beginning of the prompt
again. A line within such an echo proves nothing. The lines after these echoes are pipeline_ex's own. It prints a
model's text there by Elixir's `inspect`, within one line, or as another echo.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field, replace

from workbench.execution.pipeline_ex.claude_messages import Answer, by_messages, by_preview, by_types, completed

BLANK_LINES = re.compile(r"\n{3,}")
COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

#: The beginning of a line that a logger prints: a date, the time, metadata, the level. No other line begins like this.
STAMP = r"(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+ (?:[^\[\n]{1,200})?\[\w+\] "
#: A sign such as an emoji. A wrong locale turns the sign into several wrong characters.
SIGN = r"(?:\S{1,24}[ \t]{1,3})?"
LEAD = f"^(?:{STAMP})?{SIGN}"
GENERATE_STARTED = re.compile(LEAD + r"Initializing Genesis Pipeline\.\.\.$", re.MULTILINE)
#: The last line before pipeline_ex begins to work: the request was echoed above it.
EXECUTING = re.compile(LEAD + r"Executing Genesis Pipeline\.\.\.$", re.MULTILINE)
RUNNING = re.compile(LEAD + r"Running Pipeline Workflow$", re.MULTILINE)

#: An echo ends where the logger's next line begins. An echo that imitates such a line is read by its fixed length.
NEXT = rf"(?=\n+{STAMP}|\n*\Z)"
DOTS = r"(?:…|\\x\{2026\}|â€¦)"
ECHO = rf"(?s:(?:.{{100}}|.{{0,1000}}?){DOTS}{NEXT}|[^\n]*)"
PREVIEW = rf"(?s:.{{200}}\.\.\.{NEXT}|.{{0,1000}}?{NEXT}|[^\n]*)"
#: An echo that is printed without the logger, as is the line after it.
REPLY_PREVIEW = r"(?s:.{200}\.\.\.$|.{0,1000}?\.\.\.$|[^\n]*)"

#: The lines that the logger prints, by name.
LOGGED = {
    "asked": rf"Querying (?:Claude|Gemini) with prompt: {ECHO}",
    "preview": rf"Prompt preview: {PREVIEW}",
    "collecting": r"Collecting messages from Claude SDK stream.*",
    # Longer messages, and messages that were cut off, are read together with the types below.
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
#: The lines that the Mix task and the SDK print, by name.
PRINTED = {
    "reply": rf"Debug - (?:Binary [a-z ]{{1,40}}|AI response content )preview: {REPLY_PREVIEW}",
    "result": r"Debug - (?:\w+ ){1,3}result preview: (?P<of_result>.*)",
    "fallback": r"Claude exceeded limits, using emergent fallback.*"
    r"|Genesis pipeline not found, using fallback generator.*|Debug - Empty result map, using fallback.*",
    "mock": r"Running in mock mode.*|Mode: Mock\b.*",
    "login": r"Challenge URL detected:(?:\n+(?P<address>https?://\S+))?.*",
    "no_text": r"Debug - No text field found.*",
    "named": r"Pipeline generated (?P<how>successfully:|at) (?P<path>.+)",
    "completed": r"Pipeline completed successfully!",
}


def _alternatives(marks: dict[str, str]) -> str:
    return "|".join(f"(?P<{name}>{mark})" for name, mark in marks.items())


MARK = re.compile(f"^(?:{STAMP}{SIGN}(?:{_alternatives(LOGGED)})|{SIGN}(?:{_alternatives(PRINTED)}))$", re.MULTILINE)


@dataclass
class Log:
    """The facts in a log.

    Attributes:
        kind: generate, run, or contract for a log that is not pipeline_ex's.
        questions: the number of questions to the `claude` program that the log shows.
        answers: the answers to these questions.
        unlogged: the number of questions that the log does not show.
        result: the answer that the beginning of the reply shows, or None.
        plan_path: the path that the log names for the plan, or None.
        saved: the paths of the outputs that the steps saved, in their order.
        marks: the last text of each kind of line, by the kind's name in `LOGGED` or `PRINTED`.
        address: the address that pipeline_ex took for a login page, or empty.
        needs_proof: True if the success line has pipeline_ex's words, so that only the log's other lines can prove it.
            The success line of our own runtime needs no proof.
    """

    kind: str
    questions: int = 0
    answers: list[Answer] = field(default_factory=list)
    unlogged: int = 0
    result: Answer | None = None
    plan_path: str | None = None
    saved: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    address: str = ""
    needs_proof: bool = False

    def has(self, mark: str) -> bool:
        """Return True if the log has a line of this kind."""
        return mark in self.marks

    @property
    def asked_model(self) -> bool:
        """Return True if a line says that a model was asked."""
        return self.has("asked") or self.has("preview") or self.has("collecting")

    @property
    def bad_answer(self) -> Answer | None:
        """Return the first answer that is visible and not good, or None."""
        return next((answer for answer in self.answers if not answer.good and not answer.unseen), None)

    @property
    def unseen(self) -> int:
        """Return the number of answers that were cut out of the log. Only the steps' saved outputs can prove them."""
        hidden = sum(answer.unseen for answer in self.answers)
        # The beginning of the reply, which pipeline.generate prints, proves one answer.
        return hidden - 1 if hidden and self.result is not None and self.result.good else hidden

    @property
    def proven(self) -> bool:
        """Return True if every question has an answer, and no answer is bad.

        There must have been a question, unless a pipeline file was run or the log reports an answer of Gemini's. For
        our own runtime, the success line is enough.
        """
        if self.bad_answer or len(self.answers) < self.questions:
            return False
        if self.kind == "contract":
            return not self.needs_proof
        if self.has("claude") and not self.questions:
            return False
        return self.questions > 0 or self.kind == "run" or self.has("gemini")


def plain_text(stream: bytes | str) -> str:
    """Return the text without colours and carriage returns, and with at most one empty line in a row."""
    text = stream.decode("utf-8", errors="replace") if isinstance(stream, bytes) else stream
    return BLANK_LINES.sub("\n\n", COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def read_log(stdout: str) -> Log:
    """Return the facts in a log, read in one pass."""
    log, begin = _start(stdout)
    # The positions of the answers whose types have not been printed yet; None for an answer that needs no types.
    pending: deque[int | None] = deque()
    for match in MARK.finditer(stdout, begin):
        mark = match.lastgroup or ""
        if mark == "messages":
            whole = match["dump"].endswith("]")
            pending.append(None if whole else len(log.answers))
            log.answers.append(by_messages(match["dump"]))
        elif mark == "types":
            _add_types(log, pending, by_types(match["of_messages"]))
        # pipeline_ex prints its mock mode before it asks a model. Such a line after a question is only repeated text.
        elif mark != "mock" or not log.asked_model:
            _note(log, mark, match)
    # A bounded reader has left out the types of these answers.
    for number in pending:
        if number is not None:
            log.answers[number] = replace(log.answers[number], unseen=True)
    return log


def _add_types(log: Log, pending: deque[int | None], types: Answer) -> None:
    """Complete an answer with the types of its messages, which pipeline_ex prints after the messages."""
    if not pending:
        log.answers.append(types)
    elif (number := pending.popleft()) is not None:
        log.answers[number] = completed(log.answers[number], types)


def _start(stdout: str) -> tuple[Log, int]:
    """Return an empty log of the kind that this text has, and the position at which the echo of the request ends."""
    genesis, running = GENERATE_STARTED.search(stdout), RUNNING.search(stdout)
    if genesis and not (running and running.start() < genesis.start()):
        last = max((match.end() for match in EXECUTING.finditer(stdout, genesis.end())), default=len(stdout))
        return Log("generate"), last
    return (Log("run"), running.end()) if running else (Log("contract"), 0)


def _note(log: Log, mark: str, match: re.Match[str]) -> None:
    """Add one line of the log to the facts."""
    log.marks[mark] = match[mark]
    if mark == "collecting":
        log.questions += 1
    elif mark == "unlogged":
        log.unlogged += int(match["tasks"] or 1)
    elif mark == "result":
        log.result = by_preview(match["of_result"])
    elif mark == "login":
        log.address = match["address"] or ""
    elif mark == "named":
        log.plan_path = match["path"].strip()
        log.needs_proof = match["how"] != "at"
    elif mark == "saved":
        log.saved.append(match["file"].strip())
