"""Decides where our Elixir runtime is compiled, compiles it once for each user, and removes old builds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from workbench.system.files import why_unwritable
from workbench.system.home import ensure_usable, home
from workbench.system.locks import exclusive_lock, is_in_use, shared_lock

#: Seconds after which a build that no process uses is removed. A user who alternates between versions keeps all builds.
UNUSED_SECONDS = 7 * 86_400.0
#: The file in a build's folder that says that the compilation has ended well.
STAMP = "compiled"
#: The file in a build's folder that every process which uses the build holds locked until it ends.
IN_USE = "in_use"

_held: dict[Path, contextlib.ExitStack] = {}


def folder(runtime: Path, elixir: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the build of these sources by this Elixir. Any other combination has another folder.

    Args:
        runtime: the folder of the sources. A build refers to this folder, so a copy elsewhere has a build of its own.
        elixir: the versions of Elixir and OTP.
    """
    sources = [runtime / "mix.exs", *sorted((runtime / "lib").rglob("*.ex"))]
    digest = hashlib.sha256(f"{runtime}\0{elixir}".encode())
    for file in sources:
        content = file.read_bytes()
        digest.update(f"\0{file.relative_to(runtime)}\0{len(content)}\0".encode() + content)
    return root(runtime, environ) / digest.hexdigest()[:16]


def root(runtime: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder for all builds: in a checkout beside the sources, else in the user's cache or WORKBENCH_HOME.

    Raises:
        UserError: no such folder can be written into.
    """
    candidates = [runtime / "_build" / "workbench"] if (runtime.parent / "pyproject.toml").is_file() else []
    if cache := _cache(environ):
        candidates.append(cache / "workbench" / "runtime")
    usable = (candidate for candidate in candidates if why_unwritable(candidate) is None)
    return next(usable, None) or ensure_usable(home(environ) / "runtime")


def compile_once(build: Path, compile_into: Callable[[Path], None]) -> None:
    """Compile into this folder unless it holds a build, and keep other processes from removing it.

    Removes builds that nobody has used for `UNUSED_SECONDS`.
    """
    # One lock for all builds: processes that start together compile once, and nobody removes what another compiles.
    with exclusive_lock(build.parent / "lock"):
        # Other users must not be able to change code that this user executes.
        build.mkdir(mode=0o700, exist_ok=True)
        if not (build / STAMP).exists():
            compile_into(build)
            (build / STAMP).touch()
        _hold(build)
        for other in build.parent.iterdir():
            if other != build and other.is_dir() and _unused(other):
                shutil.rmtree(other, ignore_errors=True)


def _cache(environ: Mapping[str, str]) -> Path | None:
    """Return the user's cache folder; None if the environment names no home."""
    if cache := environ.get("XDG_CACHE_HOME"):
        return Path(cache).expanduser().absolute()
    return Path(environ["HOME"]).absolute() / ".cache" if environ.get("HOME") else None


def _hold(build: Path) -> None:
    """Mark a build as used now, and as in use until this process ends."""
    if build not in _held:
        _held[build] = contextlib.ExitStack()
        _held[build].enter_context(shared_lock(build / IN_USE))
    os.utime(build / IN_USE)


def _unused(build: Path) -> bool:
    """Return True if no process uses a build, and none has used it for `UNUSED_SECONDS`."""
    last_use = build / IN_USE if (build / IN_USE).exists() else build
    return time.time() - last_use.stat().st_mtime > UNUSED_SECONDS and not is_in_use(build / IN_USE)
