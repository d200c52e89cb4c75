"""Checkouts: copies for workers, versions, compiling, and the environment of a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.checkout import FakeCheckout, checkout, commit
from tests.support.checkout_executions import WRITE, engine, executed
from workbench.errors import ExecutionFailed
from workbench.execution import elixir
from workbench.execution.pipeline_ex.checkout import Checkout, environment
from workbench.execution.pipeline_ex.runtime import PipelineEx
from workbench.foreign_text import scrubbed
from workbench.system.environment import secret_values

pytestmark = pytest.mark.processes


def test_workers_are_copies_that_are_used_again_and_removed(fake: FakeCheckout) -> None:
    """Each copy is compiled once, and the next execution finds nothing of the last one."""
    (fake.folder / "data").mkdir()
    (fake.folder / "data" / "in.txt").write_text("in")
    place = Checkout(fake.folder)
    place.compile()
    with place.worker() as first, place.worker() as second:
        assert first != second
        assert (first / "lib").is_symlink()
        assert not (first / "_build").is_symlink()
        assert (first / "_build" / "dev").is_dir()
        (first / "data" / "in.txt").write_text("changed")
        (first / "new.txt").write_text("new")
    assert (fake.folder / "data" / "in.txt").read_text() == "in"
    with place.worker() as third, place.worker() as fourth:
        assert {third, fourth} == {first, second}
        assert [(worker / "data" / "in.txt").read_text() for worker in (third, fourth)] == ["in", "in"]
        assert not (third / "new.txt").exists()
        assert not (fourth / "new.txt").exists()
    assert len(fake.calls_of("compile")) == 3
    place.close()
    assert not first.exists()
    assert not second.exists()


def test_copies_of_a_killed_process_are_removed(
    fake: FakeCheckout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next study that is prepared removes them; a living process keeps its own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / "workbench-checkout-999999999-x"
    dead.mkdir()
    place = Checkout(fake.folder)
    with place.worker() as worker:
        PipelineEx(engine(fake)).prepare()
        assert (dead.exists(), worker.exists()) == (False, True)
    place.close()
    assert not worker.exists()


@pytest.mark.parametrize(
    ("config", "allowed"),
    [
        ("config :erlexec, root: true", True),
        ("config :erlexec, :root, true", True),
        ('config :erlexec,\n  user: "me", # a user\n  root: true', True),
        ("# config :erlexec, root: true", False),
        ("config :erlexec, root: false # root: true", False),
        ('config :erlexec, user: "me"\nconfig :other, root: true', False),
    ],
)
def test_only_the_librarys_own_setting_allows_the_user_root(fake: FakeCheckout, config: str, allowed: bool) -> None:
    """A comment, or the same word of another application, allows nothing."""
    (fake.folder / "config" / "config.exs").write_text(config)
    assert Checkout(fake.folder).allowed_as_root() is allowed


def test_the_user_root_is_refused_before_compiling(fake: FakeCheckout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout's library refuses to start the claude program as root, unless its configuration allows that."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    PipelineEx(engine(fake)).prepare()
    (fake.folder / "deps" / "erlexec").mkdir()
    with pytest.raises(ExecutionFailed, match="run as another user") as caught:
        PipelineEx(engine(fake)).prepare()
    assert caught.value.lasting
    assert len(fake.calls_of("compile")) == 1
    (fake.folder / "config" / "config.exs").write_text("config :erlexec,\n  root: true,\n  user: 'me'\n")
    PipelineEx(engine(fake)).prepare()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    (fake.folder / "config" / "config.exs").unlink()
    PipelineEx(engine(fake)).prepare()


def test_a_commit_that_touches_no_code_keeps_the_version(fake: FakeCheckout) -> None:
    """A changed pipeline file keeps it, too: the file's content has its own place in the key."""
    version = Checkout(fake.folder).version()
    (fake.folder / "README.md").write_text("# Notes")
    (fake.folder / "working_genesis.yaml").write_text("workflow: {name: other, steps: []}")
    assert Checkout(fake.folder).version() == version
    commit(fake.folder)
    assert Checkout(fake.folder).version() == version
    for name in ("lib/a.ex", "config/a.exs", "mix.exs", "mix.lock", "priv/a.json"):
        (fake.folder / name).parent.mkdir(exist_ok=True)
        (fake.folder / name).write_text("changed")
        commit(fake.folder)
        assert Checkout(fake.folder).version() != version, name
        version = Checkout(fake.folder).version()


def test_the_version_is_the_committed_code_and_the_uncommitted_changes(fake: FakeCheckout, tmp_path: Path) -> None:
    """Files that runs leave in the checkout do not change the version."""

    def version() -> str:
        return PipelineEx(engine(fake)).version()

    clean = version()
    (fake.folder / "outputs").mkdir()
    (fake.folder / "outputs" / "x.yaml").write_text("x")
    assert version() == clean
    assert "+" not in clean
    (fake.folder / "lib" / "new.ex").write_text("1")
    new = version()
    (fake.folder / "mix.exs").write_text("2")
    changed = version()
    commit(fake.folder)
    assert len({clean, new, changed, version()}) == 4
    assert new.startswith(f"{clean}+")
    assert "+" not in version()
    assert PipelineEx(engine(fake, WRITE)).version() == f"{version()} write/1/write"


def test_sources_that_git_ignores_are_uncommitted_changes(fake: FakeCheckout) -> None:
    """Mix compiles them. Other ignored files change nothing, and neither does a link that leads nowhere."""
    version = Checkout(fake.folder).version()
    (fake.folder / ".git" / "info" / "exclude").write_text("*.secret.*\nlocal/\n*.beam\n.#*\nmix.lock\n")
    for name in ("lib/a.beam", "priv/big.secret.json", "lib/notes.secret.md"):
        (fake.folder / name).parent.mkdir(exist_ok=True)
        (fake.folder / name).write_text("ignored")
    (fake.folder / "lib" / ".#a.ex").symlink_to("nobody@nowhere.1")
    assert Checkout(fake.folder).version() == version
    versions = {version}
    for name in ("lib/local/a.ex", "lib/page.secret.html.heex", "config/dev.secret.exs", "mix.lock"):
        for content in ("one", "two"):
            (fake.folder / name).parent.mkdir(exist_ok=True)
            (fake.folder / name).write_text(content)
            versions.add(Checkout(fake.folder).version())
    assert len(versions) == 9
    assert all(other.startswith(f"{version}+") for other in versions - {version})


def test_a_checkout_that_does_not_compile_says_so_before_the_search(fake: FakeCheckout) -> None:
    """The message holds the output of mix."""
    PipelineEx(engine(fake)).prepare()
    (fake.folder / "mix.exs").unlink()
    with pytest.raises(ExecutionFailed, match="Could not find a Mix"):
        PipelineEx(engine(fake)).prepare()


def test_secrets_are_in_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for each variable with a secret. The claude program does not see our other variables."""
    monkeypatch.setenv("CLAUDE_AGENT_OAUTH_TOKEN", "tokentokentoken")
    monkeypatch.setenv("TEST_MODE", "mock")
    env = environment({"GEMINI_API_KEY": "geminikey", "ANTHROPIC_BASE_URL": "https://api.anthropic.com"}, Path("/"))
    assert scrubbed("a tokentokentoken b geminikey c", secret_values(env)) == "a … b … c"
    assert not {"TEST_MODE", "ANTHROPIC_BASE_URL", "WORKBENCH_HOME"} & set(env)


def test_a_version_managers_mix_is_the_one_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executions get none of the manager's variables, so its small program would find no version there."""
    fake = checkout(tmp_path, "live_ok")
    (fake.folder / ".tool-versions").write_text("elixir 1.18\n")
    ask = f'[ -f "$PWD/.tool-versions" ] && [ -n "$ASDF_DATA_DIR" ] && echo {fake.bin} && exit 0\n'
    shims = tmp_path / "shims"
    shims.mkdir()
    for name, script in (("elixir", ask), ("mix", "")):
        (shims / name).write_text(f"#!/bin/sh\n{script}echo No version is set >&2\nexit 126\n")
        (shims / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ASDF_DATA_DIR", str(tmp_path))
    assert executed(fake, tmp_path / "run").problem is None
    Checkout(fake.folder).compile()
    (fake.folder / ".tool-versions").unlink()
    elixir._places.cache_clear()
    with pytest.raises(ExecutionFailed, match=f"choose it for {fake.folder}"):
        executed(fake, tmp_path / "another")
