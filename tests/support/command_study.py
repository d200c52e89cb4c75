"""Builds studies whose pipeline is a program, and executes them."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command_line import study as write_study
from tests.support.runtimes import PLANNER
from workbench.errors import StudyError
from workbench.execution.runtimes import execute, runtime_of
from workbench.nouns import Execution, ExecutionRequest, Study
from workbench.providers import Provider
from workbench.study.opening import RunOptions, load

#: Prints as JSON, which is YAML, how it was started.
TELL = """\
import json, os, sys
from pathlib import Path
start = {"arguments": sys.argv[1:], "stdin": sys.stdin.read(), "cwd": os.getcwd(), "environ": dict(os.environ)}
print(json.dumps(start))
"""
REAL = (Provider("gemini", "https://generativelanguage.googleapis.com", "gemini"),)


def study(folder: Path, *command: str, **changes: object) -> Study:
    """Return a study whose program is this command. `tell.py` stands beside it."""
    file = write_study(folder, **{"runtime": "command", "command": list(command), "pipeline": None, **changes})
    (folder / "tell.py").write_text(TELL)
    return load(RunOptions(file))


def telling(folder: Path, *arguments: str, **changes: object) -> Study:
    """Return a study whose program prints how it was started."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tell.py").write_text(TELL)
    return study(folder, sys.executable, "tell.py", *arguments, **{"files": ["tell.py"], **changes})


def shell(folder: Path, script: str, **changes: object) -> Study:
    """Return a study whose program is a script for the shell."""
    return study(folder, "sh", "-c", script, **changes)


def request(study: Study, prompt: str = "Write a plan", providers: tuple[Provider, ...] = REAL) -> ExecutionRequest:
    pipeline = replace(study.pipeline, version=runtime_of(study.pipeline.engine).version())
    return ExecutionRequest(prompt, study.goals[0], 4, pipeline, providers)


def planner_study(folder: Path, **changes: object) -> Path:
    """Write a study whose command is the planner, and return the study file."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PLANNER, folder)
    words = [sys.executable, "planner.py", "--prompt", "{prompt_file}", "--output", "{output_file}"]
    keys = {
        "runtime": "command",
        "command": [*words, "--seed", "{replicate}"],
        "files": ["planner.py"],
        "environment": ["GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"],
        "rehearsal": "allowed",
        "pipeline": None,
    }
    return write_study(folder, **{**keys, **changes})


def executed(
    study: Study, home: Path, prompt: str = "Write a plan", providers: tuple[Provider, ...] = REAL
) -> Execution:
    return execute(request(study, prompt, providers), home)


def problems(folder: Path, *command: str, **changes: object) -> str:
    with pytest.raises(StudyError) as caught:
        study(folder, *command, **changes)
    return str(caught.value)
