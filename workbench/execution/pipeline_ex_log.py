"""What the standard output of pipeline_ex proves, and what it merely repeats.

It prints the prompt before anything else, and the first 100 characters of it once more for each question to `claude`: a
line in there proves nothing. What stands after these echoes is pipeline_ex's own; what a model wrote is printed there
by Elixir's `inspect`, within one line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from workbench.execution.claude_messages import Answer, by_messages, by_types

COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
BLANK_LINES = re.compile(r"\n{2,}")

#: Before a line's words: a logger's time and level, a sign, and what a wrong locale makes of that sign.
LEAD = r"^(?:\d\d:\d\d:\d\d\.\d+ \[\w+\] )?(?:\S{1,24}[ \t]{1,3})?"
GENESIS = re.compile(LEAD + r"Initializing Genesis Pipeline\.\.\.$", re.MULTILINE)
#: The last line before pipeline_ex begins to work: the request was echoed above it.
EXECUTING = re.compile(LEAD + r"Executing Genesis Pipeline\.\.\.$", re.MULTILINE)
RUNNING = re.compile(LEAD + r"Running Pipeline Workflow$", re.MULTILINE)

MARKS = {
    "asked": r"Querying Claude with prompt: .*",
    "collecting": r"Collecting messages from Claude SDK stream….*",
    # One that a bounded reader cut off, or of more than this, is not read: the types below tell enough.
    "messages": r"ClaudeAgentSDK messages: (?P<dump>\[.{0,2000000}\])",
    "types": r"Message types: (?P<of_messages>.*)",
    "unlogged": r"Executing Claude step: .*",
    "gemini": r"Gemini step completed successfully.*",
    "enhanced": r"Enhanced Claude Provider querying .*",
    "fallback": r"Claude exceeded limits, using emergent fallback.*|Claude Robust step recovered using fallback.*"
    r"|Genesis pipeline not found, using fallback generator.*|Debug - Empty result map, using fallback.*",
    "mock": r"Running in mock mode.*|Mode: Mock\b.*",
    "login": r"Challenge URL detected:.*",
    "task": r"Task .{1,200} (?:failed: .*|timed out after .*|crashed: .*)",
    "untold": r"Debug - No text field found.*",
    "skipped": r"Skipping step \d+: .*|Condition not met, skipping step: .*",
    "named": r"Pipeline generated (?P<how>successfully:|at) (?P<path>.+)",
    "saved": r"Saved (?:step )?output to: (?P<file>.+)",
    "completed": r"Pipeline completed successfully!",
}
MARK = re.compile(LEAD + "(?:" + "|".join(f"(?P<{name}>{mark})" for name, mark in MARKS.items()) + ")$", re.MULTILINE)


@dataclass
class Log:
    """`kind` is generate, run, or contract for a log that is not pipeline_ex's; the rest is what it says of itself.

    `asked` counts questions to the `claude` program, `answers` has what came of them.
    """

    kind: str
    asked: int = 0
    answers: list[Answer] = field(default_factory=list)
    named: str | None = None
    saved: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    #: The success line is pipeline_ex's, whose log has to go with it; ours says all in that line.
    bare: bool = False

    def has(self, mark: str) -> bool:
        return mark in self.seen

    @property
    def bad(self) -> Answer | None:
        """The first question that was not answered well."""
        return next((answer for answer in self.answers if not answer.good), None)

    @property
    def proven(self) -> bool:
        """Every question that was asked has a good answer, and there was one, or a model's own library answered."""
        if self.kind == "contract":
            return not self.bare
        if self.bad or len(self.answers) < self.asked:
            return False
        if self.has("unlogged") and not self.asked:
            return False
        return self.asked > 0 or self.kind == "run" or self.has("gemini")


def plain(stream: bytes | str) -> str:
    """As text, without colours, carriage returns and empty lines."""
    text = stream.decode("utf-8", errors="replace") if isinstance(stream, bytes) else stream
    return BLANK_LINES.sub("\n", COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def read(stdout: str) -> Log:
    """Read a log in one pass."""
    log, begin = _begun(stdout)
    repeating, dumped = False, 0
    for found in MARK.finditer(stdout, begin):
        mark = found.lastgroup or ""
        if mark == "collecting":
            log.asked += 1
            repeating = False
        elif repeating:
            continue
        elif mark == "asked":
            repeating = True
        elif mark == "messages":
            log.answers.append(by_messages(found["dump"]))
            dumped += 1
        elif mark == "types" and dumped:
            # They repeat the messages that were printed before them,
            dumped -= 1
        elif mark == "types":
            # … unless a bounded reader left those out.
            log.answers.append(by_types(found["of_messages"]))
        else:
            _note(log, mark, found)
    return log


def _begun(stdout: str) -> tuple[Log, int]:
    """What kind of log this is, and where the echo of the request is over."""
    genesis, running = GENESIS.search(stdout), RUNNING.search(stdout)
    if genesis and not (running and running.start() < genesis.start()):
        last = max((found.end() for found in EXECUTING.finditer(stdout, genesis.end())), default=len(stdout))
        return Log("generate"), last
    return (Log("run"), running.end()) if running else (Log("contract"), 0)


def _note(log: Log, mark: str, found: re.Match[str]) -> None:
    log.seen[mark] = found[mark]
    if mark == "named":
        log.named = found["path"].strip()
        log.bare = found["how"] != "at"
    elif mark == "saved":
        log.saved.append(found["file"].strip())
