"""Our own runtime as a process: the real one, and one that lies."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.scripted_server import said, scripted
from workbench import journal
from workbench.errors import ExecutionFailed, MissingKey, OutsideError, PipelineRejected
from workbench.execution.elixir import RUNTIME
from workbench.execution.runtime import execute, runtime_of
from workbench.providers import Provider, rehearsal
from workbench.rehearsal.server import Rehearsal, start
from workbench.trial import Engine, Execution, ExecutionRequest, Goal, InputFile, Pipeline

GENESIS = RUNTIME / "priv" / "pipelines" / "genesis.yaml"
GOAL = Goal("g", "goal", ("gold",))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def request(providers: tuple[Provider, ...], prompt: str = "Write a plan", **changes: object) -> ExecutionRequest:
    file = changes.pop("file", GENESIS)
    assert isinstance(file, Path)
    pipeline = Pipeline(Engine("mix"), "1", file, sha256(file), **changes)  # type: ignore[arg-type]
    return ExecutionRequest(prompt, GOAL, 4, pipeline, providers)


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    runtime_of(Engine("mix")).prepare()
    with start() as found:
        yield found


def both(running: Rehearsal) -> tuple[Provider, ...]:
    return tuple(rehearsal(running.url, running.world, running.seed).values())


def test_a_plan_is_the_file_that_the_elixir_process_wrote(running: Rehearsal, tmp_path: Path) -> None:
    """In a folder of its own, with prompt and logs beside it."""
    made = execute(request(both(running)), tmp_path)
    assert made.problem is None
    assert made.path.read_text() == made.text
    assert made.path.is_relative_to(tmp_path / "executions" / made.key)
    assert (made.path.parent / "prompt.md").read_text() == "Write a plan"
    assert "✅ Pipeline generated at" in (made.path.parent / "stdout.log").read_text()
    again = execute(request(both(running)), tmp_path)
    assert again.path.parent != made.path.parent
    assert again.text == made.text


def test_prompt_inputs_and_seed_reach_the_model_as_they_are(tmp_path: Path) -> None:
    """A prompt of 300 kB with everything in it that a shell, an option parser or a template would take."""
    code = tmp_path / "code.xml"
    code.write_text("<code>ü</code>")
    prompt = "-- $(touch pwned) `id` {{x}} \"' ü\n" * 10_000
    with scripted(said("a: 1")) as server:
        provider = Provider("gemini", server.url, "rehearsal:test:0")
        execute(request((provider,), prompt, inputs=(InputFile("codebase", code, sha256(code)),)), tmp_path)
    (_, body), (headers,) = server.requests[0], server.headers
    parts = [part["text"] for part in body["contents"][0]["parts"]]
    assert prompt in parts
    assert any("<code>ü</code>" in part and 'name="codebase"' in part for part in parts)
    assert body["generationConfig"]["seed"] == 4
    assert "rehearsal" in str(headers)


@pytest.mark.parametrize(
    ("answer", "kind", "lasting"),
    [
        ((429, {"error": {"message": "slow down"}}), "rate limit", False),
        ((401, {"error": {"message": "who are you"}}), "authentication", True),
        ((400, {"error": {"message": "no such model"}}), "bad request", True),
        ((500, {"error": {"message": "oh"}}), "provider unavailable", False),
        ((200, b"{"), "provider unavailable", False),
        (said("  "), "empty reply", False),
    ],
)
def test_a_failure_of_the_system_is_an_error_with_a_kind(
    tmp_path: Path, answer: tuple[int, object], kind: str, lasting: bool
) -> None:
    """Never a plan."""
    run = tmp_path / "run"
    run.mkdir()
    with scripted(answer) as server, pytest.raises(OutsideError) as caught:
        made = request((Provider("gemini", server.url, "rehearsal:test:0"),))
        execute(ExecutionRequest(made.prompt, GOAL, 0, made.pipeline, made.providers, run=run), tmp_path)
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert [line["kind"] for line in journal.read(run)] == [kind]
    assert not list(tmp_path.rglob("plan.yaml"))


def test_a_reply_that_was_cut_off_is_the_prompts_fault(tmp_path: Path) -> None:
    """Data, with a reason, not an error."""
    cut = (200, {"candidates": [{"content": {"parts": [{"text": "a: ["}]}, "finishReason": "MAX_TOKENS"}]})
    with scripted(cut) as server:
        made = execute(request((Provider("gemini", server.url, "rehearsal:test:0"),)), tmp_path)
    assert made.problem is not None
    assert "cut off" in made.problem


def test_a_pipeline_that_cannot_be_read_is_the_users(running: Rehearsal, tmp_path: Path) -> None:
    """With all that the runtime says of it."""
    file = tmp_path / "wrong.yaml"
    file.write_text("workflow: {name: x, steps: [{name: a, type: gemni, prompt: []}]}")
    with pytest.raises(PipelineRejected, match='did you mean "gemini"'):
        execute(request(both(running), file=file), tmp_path)


def test_a_file_that_changed_meanwhile_is_not_executed(running: Rehearsal, tmp_path: Path) -> None:
    """Its plan would be kept under another's name."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(GENESIS.read_text())
    made = request(both(running), file=file)
    file.write_text(GENESIS.read_text() + "# changed\n")
    with pytest.raises(PipelineRejected, match="was changed"):
        execute(made, tmp_path)


def test_a_missing_key_is_told_by_its_name(tmp_path: Path) -> None:
    """Nothing is sent."""
    with scripted() as server, pytest.raises(MissingKey, match="GEMINI_API_KEY"):
        execute(request((Provider("gemini", server.url, server.url),)), tmp_path)


def test_the_key_is_in_no_file_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the provider says it back."""
    monkeypatch.setenv("GEMINI_API_KEY", "sk-very-secret")
    with (
        scripted((500, {"error": {"message": "your key sk-very-secret"}})) as server,
        pytest.raises(OutsideError) as caught,
    ):
        execute(request((Provider("gemini", server.url, server.url),)), tmp_path)
    assert server.headers[0].get("X-Goog-Api-Key", server.headers[0].get("x-goog-api-key")) == "sk-very-secret"
    assert "sk-very-secret" not in str(caught.value)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"sk-very-secret" in file.read_bytes()]


def lying(folder: Path, script: str) -> None:
    """A program named mix, first on the PATH."""
    mix = folder / "bin" / "mix"
    mix.parent.mkdir()
    mix.write_text(f"#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in --output) out=$2;; esac; shift; done\n{script}\n")
    mix.chmod(mix.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("exit 0", "no file"),
        ('echo "✅ Pipeline generated at $out"', "no file"),
        ('echo "a: 1" > "$out"', "no file"),
        ('echo "a: 1" > "$out"; echo "✅ Pipeline generated at /etc/passwd"', "no file"),
        ('ln -s /etc/passwd "$out"; echo "✅ Pipeline generated at $out"', "no file"),
        (': > "$out"; echo "✅ Pipeline generated at $out"', "no file"),
        ("kill -9 $$", "crashed"),
        ("echo boom >&2; exit 7", "crashed"),
        ("sleep 30", "timeout"),
    ],
)
def test_exit_code_zero_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, kind: str
) -> None:
    """Only a file of its own that is named, there, and not empty."""
    lying(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ExecutionFailed) as caught:
        execute(request((), timeout_seconds=1.0), tmp_path)
    assert caught.value.kind == kind


def test_the_last_success_line_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt that says such a line itself is echoed first by some pipelines."""
    lying(tmp_path, 'echo "a: 1" > "$out"; echo "✅ Pipeline generated at /x"; echo "✅ Pipeline generated at $out"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    made: Execution = execute(request(()), tmp_path)
    assert made.text == "a: 1\n"


def test_without_mix_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExecutionFailed, match="script/bootstrap"):
        runtime_of(Engine("mix")).prepare()
    with pytest.raises(ExecutionFailed, match="script/bootstrap"):
        execute(request(()), tmp_path)
