"""`workbench run` refuses what it cannot do before it starts a server or pays for anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study
from workbench.commands.run import use_server
from workbench.errors import ServerUnavailable


def test_a_prefect_server_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable that points at it, and no server of our own started in its place."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    with pytest.raises(ServerUnavailable, match=r"PREFECT_API_URL=http://127\.0\.0\.1:9/api: start it, or unset"):
        use_server()
    assert not (tmp_path / "server.json").exists()


@pytest.mark.processes
@pytest.mark.parametrize("home", ["/proc/nope", "file"])
def test_a_home_that_cannot_be_used_is_told(line: CommandLine, tmp_path: Path, home: str) -> None:
    """Before a server is started, or a run begun."""
    (tmp_path / "file").write_text("")
    file = study(tmp_path / "study")
    ended = line.having(WORKBENCH_HOME=str(tmp_path / home)).run("run", file, "--rehearse")
    assert (ended.exit_code, "set WORKBENCH_HOME to a folder" in ended.stderr) == (2, True), ended.stderr


@pytest.mark.processes
def test_without_a_key_nothing_was_paid_for(line: CommandLine, tmp_path: Path) -> None:
    """So nothing is said of what was."""
    ended = line.run("run", study(tmp_path / "study"))
    assert (ended.exit_code, "GEMINI_API_KEY" in ended.stderr, "paid" in ended.stderr) == (3, True, False)
