"""`workbench server` reports a home that cannot be written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.mark.parametrize("home", ["/proc/nope", "file"])
def test_an_unwritable_home_is_reported(line: CommandLine, tmp_path: Path, home: str) -> None:
    """This happens before a server is started."""
    (tmp_path / "file").write_text("")
    result = line.having(WORKBENCH_HOME=str(tmp_path / home)).call("server")
    assert (result.exit_code, "set WORKBENCH_HOME to a folder" in result.stderr) == (2, True), result.stderr
