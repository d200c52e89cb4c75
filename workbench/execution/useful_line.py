"""Finds the line of a failed program's output that says best why the program failed.

The last line is often a stack frame, a hint or the place of a crash dump. Every runtime shows the line that this module
chooses.
"""

from __future__ import annotations

import re

#: The most characters of the line that are shown.
SHOWN = 300
#: The characters at the beginning of the output that are searched, and as many at its end. A cause stands near the end,
#: or at the beginning before many stack frames.
PART = 100_000
#: Escape sequences of terminals: colours, and the titles of windows.
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,300}(?:\x07|\x1b\\)|[@-Z\\^_])")
#: In Python, the exception follows the indented frames below this line.
TRACEBACK = "Traceback (most recent call last):"

#: Elixir's and Mix's exceptions. The first exception is the cause of those that follow.
ELIXIR = re.compile(r"\*\* \((?!EXIT\b)[\w.]+\)")
#: The line in which our own runtime says why it failed.
OURS = re.compile(r"❌ ")
#: Lines that begin with the name of an exception, in Python, Java, JavaScript, Ruby, Go and Rust.
EXCEPTION = re.compile(
    r"(?:Caused by: |Uncaught |Unhandled |Exception in thread .{0,80}? )?"
    r"[\w.$:]{0,80}(?:Error|Exception)\b(?: \[\w+\])?:"
    r"|panic: |thread '[^']*' .{0,40}?panicked at |.{1,200}: .{0,300} \(\w+(?:Error|Exception)\)\Z"
)
#: A VM of Erlang that could not start, or broke down.
VM = re.compile(r"(?:Runtime terminating during boot|init terminating in do_boot|eheap_alloc: |.{0,40}no next heap)")
#: Lines that call themselves an error.
ERROR = re.compile(
    r"(?:.{0,100}?[\s:\[(])?(?:fatal|error|failure|panic|critical)(?:\[[^\]]{0,40}\]| \S{1,20})?[\])]?[:\]] ?\S"
    r"|\[?(?:error|fatal|critical)\b",
    re.IGNORECASE,
)
#: Lines with the words of a failure.
FAILURE = re.compile(
    r"\b(?:not found|no such|denied|not permitted|cannot|can't|could not|couldn't|unable to|refused|invalid|missing"
    r"|failed|failure|killed|out of memory|no space left|timed? ?out|unknown|unexpected|unsupported|not set|expired"
    r"|unauthori[sz]ed|forbidden|exceeded|aborted|segmentation fault|terminat"
    r"|no .{1,40} (?:is|are|was|were) (?:set|found|given|installed|available|configured))",
    re.IGNORECASE,
)
#: Lines that do not say why a program failed: stack frames, hints, places of dumps and logs, version notes.
NOISE = re.compile(
    r"(?:at |from |in |note:|hint:|help:|tip:|usage:|see |for (?:more|help)|try |run |full |\(?\w[\w.]* \d[\d.]*\) "
    r"|File \"|goroutine |Node\.js v|Crash dump |npm (?:ERR!|error) (?:A complete|\s|/)|make(?:\[\d+\])?: \*\*\* "
    r"|(?:[\w./-]+\.\w+:\d+: )?\(?(?:elixir|stdlib|kernel|mix|erts)\b.{0,20}\) |stack ?trace|exit (?:code|status)"
    r"|error: recipe|\[?(?:warn(?:ing)?|info|debug|notice)\b|[\d:. -]{5,30}\[?(?:warn(?:ing)?|info|debug)\b)",
    re.IGNORECASE,
)
#: Lines without a word: rulers, and the marks below a place in a program.
WORDLESS = re.compile(r"[\W_]*\Z")


def useful_line(stderr: str, stdout: str = "") -> str:
    """Return the line that says best why a program failed, without colours and of at most `SHOWN` characters.

    Standard output is searched only if nothing was printed to standard error.
    """
    for text in (stderr, stdout):
        if lines := _lines(text):
            return _chosen(lines)[:SHOWN]
    return "it printed nothing"


def _lines(text: str) -> list[str]:
    """Return the lines that are not empty. Indentation stays: it tells frames from exceptions."""
    if len(text) > 2 * PART:
        text = f"{text[:PART]}\n{text[-PART:]}"
    lines = (line.rstrip() for line in re.split(r"[\r\n]", ESCAPES.sub("", text)))
    return [line for line in lines if line.strip()]


def _chosen(lines: list[str]) -> str:
    """Return the line that matches the most telling pattern. If none matches, return the last line with a word."""
    numbers = [number for number in range(len(lines)) if not WORDLESS.match(lines[number])] or [len(lines) - 1]
    stripped = {number: lines[number].strip() for number in numbers}
    for pattern, position in ((OURS, -1), (ELIXIR, 0)):
        if matches := [number for number in numbers if pattern.match(stripped[number])]:
            return _whole(lines, matches[position])
    if (exception := _after_traceback(lines)) is not None:
        return _whole(lines, exception)
    telling = [number for number in numbers if not NOISE.match(stripped[number])]
    for pattern in (EXCEPTION, VM, ERROR):
        if matches := [number for number in telling if pattern.match(stripped[number])]:
            return _whole(lines, matches[-1])
    if matches := [number for number in telling if FAILURE.search(stripped[number])]:
        return _whole(lines, matches[-1])
    return _whole(lines, (telling or numbers)[-1])


def _after_traceback(lines: list[str]) -> int | None:
    """Return the number of the line with the exception of the last Python traceback, or None."""
    starts = [number for number, line in enumerate(lines) if line.strip() == TRACEBACK]
    if not starts:
        return None
    indent = len(lines[starts[-1]]) - len(lines[starts[-1]].lstrip())
    following = range(starts[-1] + 1, len(lines))
    return next((number for number in following if not lines[number][indent:].startswith((" ", "\t"))), None)


def _whole(lines: list[str], number: int) -> str:
    """Return a line, together with the next line if it ends in a colon."""
    line = lines[number].strip()
    if line.endswith(":") and number + 1 < len(lines):
        return f"{line} {lines[number + 1].strip()}"
    return line
