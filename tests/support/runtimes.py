"""All runtimes for the contract suite: a study on each runtime, and worlds in which executions answer, hang or fail."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.checkout import WRITE_TARGET, FakeCheckout, checkout
from tests.support.command_line import study as write_study
from tests.support.scripted_server import gemini_reply, scripted
from workbench.nouns import Study
from workbench.providers import Provider
from workbench.rehearsal.server import start
from workbench.study.opening import RunOptions, load

PLANNER = Path(__file__).with_name("planner.py")
#: The key. The provider repeats it in its error messages, and it must not stand in any file.
SECRET = "sk-very-secret-0123"
#: Seconds until a hanging model answers.
FOREVER = 600.0


@dataclass(frozen=True)
class World:
    """The providers that stand in for the models. `calls` returns how many paid calls were begun."""

    providers: tuple[Provider, ...]
    calls: Callable[[], int]


@dataclass(frozen=True)
class Subject:
    """One runtime.

    Attributes:
        name: the runtime's word in a study.
        write_files: writes the files of a study into a folder, and returns the study keys that name them.
        world: yields a world in which executions "answer", "hang", or "fail" with an error that contains the secret. It
            sets the environment with the patch.
        dependency: the file of the study's folder whose content an execution depends on.
        variable: the variable that executions need from the environment.
        other_keys: study keys. A change of any of them changes the plans.
        needing: study keys that make executions need the variable.
    """

    name: str
    write_files: Callable[[Path], dict[str, object]]
    world: Callable[[Path, pytest.MonkeyPatch, str], AbstractContextManager[World]]
    dependency: str
    variable: str
    other_keys: Mapping[str, object] = field(default_factory=dict)
    needing: Mapping[str, object] = field(default_factory=dict)

    def write(self, folder: Path, **changes: object) -> Path:
        """Write a study on this runtime into a folder, and return the study file."""
        folder.mkdir(parents=True, exist_ok=True)
        return write_study(folder, **{"pipeline": None, **self.write_files(folder), "runtime": self.name, **changes})

    def study(self, folder: Path, **changes: object) -> Study:
        """Write a study on this runtime into a folder, and return the loaded study."""
        return load(RunOptions(self.write(folder, **changes)))


def _own(folder: Path) -> dict[str, object]:
    (folder / "code.txt").write_text("code")
    return {"pipeline": "pipeline.yaml"}


def _program(folder: Path) -> dict[str, object]:
    if not (folder / "planner.py").exists():
        shutil.copy(PLANNER, folder)
    words = [sys.executable, "planner.py", "--prompt", "{prompt_file}", "--output", "{output_file}"]
    return {
        "command": [*words, "--seed", "{replicate}"],
        "files": ["planner.py"],
        "environment": ["GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"],
        "rehearsal": "allowed",
    }


def _checkout(folder: Path) -> dict[str, object]:
    if not (folder / "checkout").exists():
        checkout(folder, "live_ok")
    return {"checkout": "checkout"}


@contextmanager
def _over_http(folder: Path, patch: pytest.MonkeyPatch, behaviour: str) -> Iterator[World]:
    """Yield a world that speaks Gemini's protocol on loopback, for runtimes whose executions call models over HTTP."""
    if behaviour == "hang":
        with start(latency=FOREVER) as running:
            _environment(patch, running.url)
            provider = Provider("gemini", running.url, running.url)
            yield World((provider,), lambda: sum(running.calls.values()))
        return
    refusal = (500, {"error": {"message": f"your key {SECRET} is odd"}})
    # No test makes more than a hundred calls.
    with scripted(*[gemini_reply("stages: [one]\n") if behaviour == "answer" else refusal] * 100) as server:
        _environment(patch, server.url)
        yield World((Provider("gemini", server.url, server.url),), lambda: len(server.requests))


def _environment(patch: pytest.MonkeyPatch, url: str) -> None:
    patch.setenv("GEMINI_API_KEY", SECRET)
    patch.setenv("GOOGLE_GEMINI_BASE_URL", url)


@contextmanager
def _of_recordings(folder: Path, patch: pytest.MonkeyPatch, behaviour: str) -> Iterator[World]:
    """Yield a world with a `mix` first on the PATH that replays recordings of pipeline_ex."""
    fake = FakeCheckout(folder / "checkout", folder / "bin")
    fake.replay(
        "live_rate_limit" if behaviour == "fail" else "live_ok", hang=behaviour == "hang", echo=["GEMINI_API_KEY"]
    )
    patch.setenv("PATH", f"{fake.bin}{os.pathsep}{os.environ['PATH']}")
    patch.setenv("GEMINI_API_KEY", SECRET)
    provider = Provider("gemini", "https://generativelanguage.googleapis.com", "gemini")
    yield World((provider,), lambda: len(fake.calls_of("pipeline.generate.live")))


#: A new runtime is one more entry here.
SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("mix", _own, _over_http, "pipeline.yaml", "GEMINI_API_KEY", {"inputs": {"code": "code.txt"}}),
        Subject("serve", _own, _over_http, "pipeline.yaml", "GEMINI_API_KEY", {"inputs": {"code": "code.txt"}}),
        Subject(
            "pipeline_ex",
            _checkout,
            _of_recordings,
            "checkout/working_genesis.yaml",
            "GEMINI_API_KEY",
            {"target": WRITE_TARGET},
            {"target": WRITE_TARGET},
        ),
        Subject(
            "command",
            _program,
            _over_http,
            "planner.py",
            "GEMINI_API_KEY",
            {"version": "2", "files": ["planner.py", "gold.md"], "command": [sys.executable, "planner.py"]},
        ),
    )
}
