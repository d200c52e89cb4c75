"""The environment of a program of `runtime: command`: variables, secrets and rehearsals."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.command_study import REAL, executed, problems, request, shell, study, telling
from workbench.errors import ExecutionFailed, MissingKey, UserError
from workbench.providers import REHEARSAL_KEY, rehearsal
from workbench.study.readiness import examine
from workbench.study.services import services
from workbench.system.environment import PASSED

pytestmark = pytest.mark.processes


REHEARSED = tuple(rehearsal("http://127.0.0.1:9", "default", 0).values())


def test_the_program_gets_the_variables_that_the_study_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It also gets the variables that every program gets, but no other variable and no provider's key."""
    for name in ("PLANNER_KEY", "ANOTHER_KEY", "GEMINI_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, f"value-of-{name}")
    environ = json.loads(executed(telling(tmp_path / "study", environment=["PLANNER_KEY"]), tmp_path).text)["environ"]
    assert environ.pop("PLANNER_KEY") == "…"
    assert set(environ) <= {*PASSED, "LANG", "LC_ALL", "PWD", "SHLVL", "_", "LC_CTYPE"}
    assert environ["LANG"] == "C.UTF-8"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable counts as not set. The program is not started."""
    monkeypatch.setenv("SECOND_KEY", "")
    monkeypatch.setenv("FIRST_KEY", "set")
    loaded = shell(tmp_path / "study", "touch started; echo 'a: 1'", environment=["FIRST_KEY", "SECOND_KEY"])
    with pytest.raises(MissingKey, match="SECOND_KEY is not set") as caught:
        executed(loaded, tmp_path)
    assert (caught.value.exit_code, caught.value.lasting) == (3, True)
    assert not list(tmp_path.rglob("started"))
    with (
        pytest.raises(MissingKey, match="SECOND_KEY"),
        services(loaded, rehearse=False, environ={**os.environ, "GEMINI_API_KEY": "x"}),
    ):
        raise AssertionError("a run began that would cost money")
    checks = {check.name: check for check in examine(loaded, tmp_path / "home", os.environ)}
    assert checks["SECOND_KEY"].advice == "set SECOND_KEY"
    assert checks["FIRST_KEY"].passed
    assert checks["program"].passed


def test_values_of_variables_are_in_no_file_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan in the program's file holds none, either. A short value is no secret, and stays."""
    monkeypatch.setenv("PLANNER_KEY", "sk-very-secret")
    monkeypatch.setenv("LEVEL", "1")
    names = ["PLANNER_KEY", "LEVEL"]
    script = 'echo err $PLANNER_KEY >&2; echo out $PLANNER_KEY; echo "a: [$PLANNER_KEY, 1]" > $0'
    loaded = study(tmp_path / "study", "sh", "-c", script, "{output_file}", environment=names)
    execution = executed(loaded, tmp_path / "home")
    assert execution.text == "a: […, 1]\n"
    assert execution.path.read_text() == execution.text
    with pytest.raises(ExecutionFailed, match="your key … is wrong") as caught:
        executed(
            shell(tmp_path / "failing", "echo your key $PLANNER_KEY is wrong >&2; exit 1", environment=names),
            tmp_path / "home",
        )
    assert "sk-very-secret" not in str(caught.value)
    files = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]
    assert len(files) >= 6
    assert not [file for file in files if b"sk-very-secret" in file.read_bytes()]


def test_a_program_gets_no_proxy_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It always gets a HOME, even if the user's environment has none."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "corp.example")
    monkeypatch.delenv("HOME")
    environ = json.loads(executed(telling(tmp_path / "study"), tmp_path).text)["environ"]
    assert environ["no_proxy"] == environ["NO_PROXY"] == "corp.example,127.0.0.1,localhost,::1"
    assert Path(environ["HOME"]).is_absolute()


def test_a_rehearsal_is_refused_unless_the_study_allows_it(tmp_path: Path) -> None:
    """The program may call real models for money, with means of its own."""
    refused = telling(tmp_path / "study")
    with pytest.raises(UserError, match="rehearsal: allowed") as caught, services(refused, rehearse=True, environ={}):
        raise AssertionError("a rehearsal began")
    assert "for money" in str(caught.value)
    with services(telling(tmp_path / "study", rehearsal="allowed"), rehearse=True, environ={}) as providers:
        assert all(provider.rehearsal for provider in providers.values())
    assert "expected allowed" in problems(tmp_path / "study", "sh", rehearsal="yes")


def test_a_rehearsed_program_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the scripted server's address and a dummy key, and none of the variables that the study names."""
    names = ["PLANNER_KEY", "GEMINI_API_KEY", "ANTHROPIC_BASE_URL"]
    for name in (*names, "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, f"value-of-{name}")
    loaded = telling(tmp_path / "study", environment=names, rehearsal="allowed")
    execution = executed(loaded, tmp_path, providers=REHEARSED)
    environ = json.loads(execution.text)["environ"]
    addresses = {name: environ[name] for name in ("GOOGLE_GEMINI_BASE_URL", "ANTHROPIC_BASE_URL")}
    assert set(addresses.values()) == {"http://127.0.0.1:9"}
    assert (environ["GEMINI_API_KEY"], environ["ANTHROPIC_API_KEY"]) == (REHEARSAL_KEY, REHEARSAL_KEY)
    assert "PLANNER_KEY" not in environ
    assert "value-of-" not in execution.text
    # A missing variable is no problem in a rehearsal.
    monkeypatch.delenv("PLANNER_KEY")
    assert executed(loaded, tmp_path, providers=REHEARSED).problem is None
    assert request(loaded, providers=REHEARSED).key != request(loaded, providers=REAL).key
