"""`workbench run` reports wrong settings before it starts a server or spends money."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study
from workbench.commands.prefect_api import use_server
from workbench.errors import ServerUnavailable


def test_a_prefect_server_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names PREFECT_API_URL. No other server is started instead."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    with pytest.raises(ServerUnavailable, match=r"PREFECT_API_URL=http://127\.0\.0\.1:9/api: start it, or unset"):
        use_server()
    assert not (tmp_path / "server.json").exists()


@pytest.mark.parametrize("home", ["/proc/nope", "file"])
def test_an_unwritable_home_is_reported(line: CommandLine, tmp_path: Path, home: str) -> None:
    """This happens before a server or a run is started."""
    (tmp_path / "file").write_text("")
    file = study(tmp_path / "study")
    result = line.having(WORKBENCH_HOME=str(tmp_path / home)).call("run", file, "--rehearse")
    assert (result.exit_code, "set WORKBENCH_HOME to a folder" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("verb", ["run", "calibrate", "rubric"])
def test_a_missing_key_is_reported_without_words_about_paid_results(tmp_path: Path, verb: str) -> None:
    """Without a key, nothing can have been paid for. The key is missed before a server starts."""
    line = CommandLine(tmp_path / "home")
    result = line.call(verb, study(tmp_path / "study"))
    assert (result.exit_code, "GEMINI_API_KEY" in result.stderr, "paid" in result.stderr) == (3, True, False)
    assert not (line.home / "server.json").exists()
