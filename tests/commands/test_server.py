"""`workbench server` tells a home that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("home", ["/proc/nope", "file"])
def test_a_home_that_cannot_be_used_is_told(line: CommandLine, tmp_path: Path, home: str) -> None:
    """Before a server is started."""
    (tmp_path / "file").write_text("")
    ended = line.having(WORKBENCH_HOME=str(tmp_path / home)).run("server")
    assert (ended.exit_code, "set WORKBENCH_HOME to a folder" in ended.stderr) == (2, True), ended.stderr
