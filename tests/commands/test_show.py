"""`workbench show` shows old runs as well, and tells what it cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.old_run import OLD_RUN, old_run

pytestmark = pytest.mark.processes


def test_an_old_run_is_shown(line: CommandLine) -> None:
    """In words, and as JSON with every key that it had then."""
    old_run(line.home)
    ended = line.run("show", "--json", line.home / "report.json")
    assert (ended.exit_code, "8.20 instead of 2.50" in ended.stdout) == (0, True), ended.stderr
    then = json.loads((OLD_RUN / "report.json").read_text())
    assert line.report().keys() - then.keys() == {"schema", "real_in_rehearsal"}
    assert not then.keys() - line.report().keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [('{"schema": 9}', "has schema 9; expected at most 1"), ("{", "is no JSON"), ("{}", "does not fit its format")],
)
def test_a_folder_that_cannot_be_read_is_the_users_to_mend(line: CommandLine, content: str, words: str) -> None:
    """Exit code 2, with the file and what to do, no traceback."""
    folder: Path = old_run(line.home).path
    (folder / "run.json").write_text(content)
    ended = line.run("show")
    assert (ended.exit_code, words in ended.stderr, "Traceback" in ended.stderr) == (2, True, False), ended.stderr
