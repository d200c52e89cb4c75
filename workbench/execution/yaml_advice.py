"""Says how to mend a plan that is no YAML, in words that an optimizer can put into the next prompt.

The parser's own words name the rule that was broken. They do not say what to write instead.
"""

from __future__ import annotations

import re

import yaml

#: The end of most advice. A block text takes every character as it is.
QUOTE = "put the text in quotes, or write it as a block text (| and the text below, indented)"
#: Characters with a meaning of their own at the beginning of a text, with the name of each.
NAMES = {"`": "a backtick", "@": "an @", "%": "a %", "*": "a * (an alias in YAML)", "&": "an & (an anchor in YAML)"}
#: The character that a parser's message names.
CHARACTER = re.compile(r"found character '(?P<character>\\?.)'")
#: A key, with or without a list's dash before it.
KEY = re.compile(r"[ \t]*(?:- +)*(?P<key>[^\s:#'\"\[{][^:#]*|\"[^\"]*\"|'[^']*'):(?:\s|\Z)")
#: A line whose text begins with a bracket, with or without a key or a list's dash before it.
BRACKET = re.compile(r"[ \t]*(?:- +)*(?:[^:#]*: +)?[\[{]")
#: A line that begins or ends with markdown's emphasis.
EMPHASIS = re.compile(r"[ \t]*(?:- +)*(?:[^:#]*: +)?\*{1,3}[^\s*]")


def advice(text: str, error: yaml.MarkedYAMLError) -> str:
    """Return what to do about a parser's error, or an empty text if nothing is known about the error."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark
    lines = text.splitlines()
    number = mark.line if mark is not None and mark.line < len(lines) else len(lines) - 1
    line = lines[number] if lines else ""
    if (match := CHARACTER.search(problem)) is not None:
        return _character(match["character"])
    if "expected alphabetic or numeric character" in problem:
        return _beginning(line, context)
    if "mapping values are not allowed" in problem:
        return _colon(line, mark.column if mark is not None else 0)
    return _by_words(problem, context, line)


def _character(character: str) -> str:
    """Return advice on a character that no text may begin with, or on a tab."""
    if character in ("\t", "\\t"):
        return "a tab indents this line: indent with spaces only"
    return f"no text may begin with {NAMES.get(character, character)}: {QUOTE}"


def _beginning(line: str, context: str) -> str:
    """Return advice on a *, an & or a % that begins a text, and means an alias, an anchor or a directive there."""
    if EMPHASIS.match(line):
        return f"a text that begins with * is an alias in YAML: leave out markdown's emphasis, or {QUOTE}"
    sign = "*" if "alias" in context else "&" if "anchor" in context else "%" if "directive" in context else None
    return f"no text may begin with {NAMES[sign]}: {QUOTE}" if sign else ""


def _colon(line: str, column: int) -> str:
    """Return advice on a colon where no key may stand."""
    match = KEY.match(line)
    # The parser stops at the key's own colon if the text of the line above goes on in this line.
    if match is not None and match.end("key") >= column:
        return (
            "this key stands where no key may stand: indent it like the keys beside it, and give the line above either "
            "a text or keys below it"
        )
    return f"a text with a colon and a space in it needs quotes: {QUOTE}"


def _by_words(problem: str, context: str, line: str) -> str:
    """Return advice on an error that the words of the parser's message tell, or an empty text."""
    if "sequence entries are not allowed" in problem:
        return (
            "a list begins in a line of its own: put the dash below its key, or put a text that begins with - in quotes"
        )
    if "mapping keys are not allowed" in problem:
        return f"no text may begin with a ? and a space: {QUOTE}"
    if "block scalar" in context:
        return "the rest of the line after | or > stays empty: put the text into the lines below, indented"
    if "quoted scalar" in context:
        if "escape" in problem:
            return "in double quotes a backslash begins an escape: write \\\\ for a backslash, or use single quotes"
        return "a quote is not closed: close it, or write the text as a block text (|)"
    if "flow" in context:
        return "a bracket is not closed, or a text in brackets needs quotes: write one item per line without brackets"
    if "simple key" in context or "could not find expected ':'" in problem:
        return "this line is no key: indent it like the text that it belongs to, or write the text as a block text (|)"
    if "<block end>" in problem and "<scalar>" in problem:
        if BRACKET.match(line):
            return f"a text that begins with a bracket needs quotes: {QUOTE}"
        return (
            "a text goes on after its closing quote: in single quotes write '' for ', in double quotes write \\\" for "
            '", or write the text as a block text (|)'
        )
    if "<block end>" in problem:
        return "the lines are not indented alike: indent all keys of a mapping, and all dashes of a list, by one width"
    if "expected the node content" in problem:
        return f"no text may begin with this character: {QUOTE}"
    if "tag" in context:
        return f"a text that begins with ! is a tag in YAML: {QUOTE}"
    return ""
