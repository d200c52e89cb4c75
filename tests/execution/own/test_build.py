"""The place of the runtime's build, the number of compilations, and the removal of old builds."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from workbench.errors import UserError
from workbench.execution.own import build

ELIXIR = "1.14.0 25"


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """Return sources as in an installed package, without a pyproject.toml beside them."""
    folder = tmp_path / "site-packages" / "workbench" / "runtime"
    (folder / "lib").mkdir(parents=True)
    (folder / "mix.exs").write_text("project")
    (folder / "lib" / "a.ex").write_text("a")
    return folder


def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "user"), "WORKBENCH_HOME": str(tmp_path / "home")}


def test_an_installed_package_builds_in_the_users_cache(runtime: Path, tmp_path: Path) -> None:
    user = environ(tmp_path)
    assert build.root(runtime, user) == tmp_path / "user" / ".cache" / "workbench" / "runtime"
    user["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    assert build.root(runtime, user) == tmp_path / "cache" / "workbench" / "runtime"


def test_a_checkout_builds_beside_its_sources(runtime: Path, tmp_path: Path) -> None:
    (runtime.parent / "pyproject.toml").touch()
    assert build.root(runtime, environ(tmp_path)) == runtime / "_build" / "workbench"


@pytest.mark.parametrize("home", ["/proc/nope", None])
def test_without_a_home_that_can_be_written_into_workbench_home_is_used(
    runtime: Path, tmp_path: Path, home: str | None
) -> None:
    user = {**environ(tmp_path), "HOME": home or ""}
    assert build.root(runtime, user) == tmp_path / "home" / "runtime"
    with pytest.raises(UserError, match="set WORKBENCH_HOME"):
        build.root(runtime, {**user, "WORKBENCH_HOME": "/proc/nope"})


def test_other_sources_or_another_elixir_have_a_build_of_their_own(runtime: Path, tmp_path: Path) -> None:
    """Names of files and the folder of the sources count, too: compiled code refers to that folder."""

    def folder(elixir: str = ELIXIR, of: Path = runtime) -> Path:
        return build.folder(of, elixir, environ(tmp_path))

    folders = [folder()]
    assert folder() == folders[0]
    folders.append(folder("1.18.4 27"))
    (runtime / "lib" / "a.ex").write_text("b")
    folders.append(folder())
    (runtime / "lib" / "a.ex").rename(runtime / "lib" / "b.ex")
    folders.append(folder())
    moved = runtime.rename(runtime.with_name("moved"))
    folders.append(folder(of=moved))
    assert len(set(folders)) == len(folders)


def test_threads_that_start_together_compile_once(tmp_path: Path) -> None:
    """Only the user can read the build."""
    calls: list[Path] = []

    def compile_into(folder: Path) -> None:
        time.sleep(0.1)
        calls.append(folder)

    threads = [threading.Thread(target=build.compile_once, args=(tmp_path / "a", compile_into)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [tmp_path / "a"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_a_compilation_that_fails_is_done_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise RuntimeError("it does not compile")

    with pytest.raises(RuntimeError):
        build.compile_once(tmp_path / "a", fail)
    calls: list[Path] = []
    build.compile_once(tmp_path / "a", calls.append)
    assert len(calls) == 1


def test_builds_that_nobody_has_used_for_long_are_removed(tmp_path: Path) -> None:
    """A build that a process uses stays at any age, and so does a recently used build."""

    def compile_into(folder: Path) -> None:
        (folder / "beam").touch()

    for name in ("recent", "old", "in use"):
        (tmp_path / name).mkdir()
        (tmp_path / name / build.IN_USE).touch()
    build.compile_once(tmp_path / "in use", compile_into)
    long_ago = time.time() - build.UNUSED_SECONDS - 60
    for name in ("old", "in use"):
        os.utime(tmp_path / name / build.IN_USE, (long_ago, long_ago))
    build.compile_once(tmp_path / "new", compile_into)
    assert sorted(folder_entry.name for folder_entry in tmp_path.iterdir() if folder_entry.is_dir()) == [
        "in use",
        "new",
        "recent",
    ]


def test_a_build_that_is_used_again_is_not_old(tmp_path: Path) -> None:
    build.compile_once(tmp_path / "a", lambda folder: None)
    os.utime(tmp_path / "a" / build.IN_USE, (0, 0))
    build.compile_once(tmp_path / "a", lambda folder: None)
    assert time.time() - (tmp_path / "a" / build.IN_USE).stat().st_mtime < 60
