"""A checkout of pipeline_ex: which version it is, its environment, its compilation, and copies of it for workers."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.errors import ExecutionFailed
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.providers import KNOWN
from workbench.system import process

COMPILE_SECONDS = 900.0
GIT_SECONDS = 30.0

#: What its plans depend on, in it.
CODE = ("mix.exs", "mix.lock", "lib", "config", "priv", "working_genesis.yaml")
#: What workers share; everything else that a pipeline may read or write they have a copy of.
SHARED = ("mix.exs", "mix.lock", ".formatter.exs", "lib", "config", "deps", "priv")
LEFT_OUT = (".git", "_build", "outputs", "workspace", "checkpoints", "logs", "evolved_pipelines", "node_modules")
#: The claude program's own variables: its login, its folder, the services that it can be told to use.
CLAUDE_VARIABLES = ("CLAUDE_", "ANTHROPIC_", "AWS_", "GOOGLE_APPLICATION_", "CLOUD_ML_")
SECRETS = ("KEY", "TOKEN", "SECRET", "PASSWORD")
WORKERS = "workbench-checkout-"


class Checkout:
    """The user's own folder. Nothing in it is changed, but for what Mix compiles."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._workers: list[Path] = []
        self._making = threading.Lock()
        atexit.register(self.close)

    def version(self) -> str:
        """Its commit, and a hash of what differs from that; of all its code where there is no git."""
        commit = self._git("rev-parse", "--short=12", "HEAD")
        if commit is None:
            return f"pipeline_ex {self._hash(self._sources())}"
        changed = self._git("diff", "HEAD", "--binary", "--", *CODE) or ""
        new = (self._git("ls-files", "--others", "--exclude-standard", "-z", "--", *CODE) or "").split("\0")
        dirt = self._hash([self.path / name for name in new if name], changed) if changed or any(new) else ""
        return f"pipeline_ex {commit.strip()}{f'+{dirt}' if dirt else ''}"

    def compile(self, folder: Path | None = None) -> None:
        """Compile it where it is, or a worker's copy. Mix does only what is missing.

        Raises:
            ExecutionFailed: it does not compile here.
        """
        done = program.run(
            ["mix", "compile"],
            cwd=folder or self.path,
            env=environment({}),
            timeout=COMPILE_SECONDS,
            advice=INSTALL_ELIXIR,
        )
        if done.exit_code != 0 or done.timed_out:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()[-2000:]
            raise ExecutionFailed(
                f"{self.path} does not compile; `mix deps.get && mix compile` there tells more:\n{said}",
                kind="not started",
                lasting=True,
            )

    @contextlib.contextmanager
    def worker(self) -> Iterator[Path]:
        """A copy of it that nobody else uses meanwhile, as the checkout is now but for what was compiled."""
        try:
            folder = self._free.get_nowait()
        except queue.Empty:
            folder = self._made()
        try:
            self._refresh(folder)
            yield folder
        finally:
            self._free.put(folder)

    def close(self) -> None:
        """Remove the workers' copies."""
        with self._making:
            for folder in self._workers:
                shutil.rmtree(folder, ignore_errors=True)
            self._workers.clear()
            self._free = queue.SimpleQueue()

    def _made(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"{WORKERS}{os.getpid()}-"))
        with self._making:
            self._workers.append(folder)
        if (self.path / "_build").is_dir():
            shutil.copytree(self.path / "_build", folder / "_build", symlinks=True)
        self._refresh(folder)
        self.compile(folder)
        return folder

    def _refresh(self, folder: Path) -> None:
        """Put back what an execution may have changed."""
        for there in folder.iterdir():
            if there.name != "_build":
                _remove(there)
        for item in self.path.iterdir():
            copy = folder / item.name
            if item.name in SHARED:
                copy.symlink_to(item)
            elif item.name not in LEFT_OUT and item.is_dir() and not item.is_symlink():
                shutil.copytree(item, copy, symlinks=True)
            elif item.name not in LEFT_OUT and (item.is_file() or item.is_symlink()):
                shutil.copy2(item, copy, follow_symlinks=False)

    def _sources(self) -> list[Path]:
        named = (self.path / name for name in CODE)
        return sorted(file for one in named for file in ([one] if one.is_file() else one.rglob("*")) if file.is_file())

    def _hash(self, files: list[Path], more: str = "") -> str:
        sha = hashlib.sha256(more.encode())
        for file in files:
            sha.update(f"\0{file.relative_to(self.path)}\0".encode())
            sha.update(file.read_bytes())
        return sha.hexdigest()[:12]

    def _git(self, *arguments: str) -> str | None:
        """What git says; None where there is no git, or no repository."""
        env = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), "GIT_OPTIONAL_LOCKS": "0"}
        try:
            done = process.run(["git", *arguments], cwd=self.path, env=env, timeout=GIT_SECONDS)
        except (FileNotFoundError, PermissionError):
            return None
        return done.stdout.decode(errors="replace") if done.exit_code == 0 else None


def environment(keys: Mapping[str, str]) -> dict[str, str]:
    """What a process of pipeline_ex may see: an address only if it is not the provider's usual one."""
    usual = {override: default for default, _, override in KNOWN.values()}
    given = {name: value for name, value in keys.items() if usual.get(name) != value}
    claude = {name: value for name, value in os.environ.items() if name.startswith(CLAUDE_VARIABLES)}
    return {
        # Its locale is UTF-8: without one the prompt is encoded twice.
        **program.passed_environment(),
        **claude,
        "SHELL": os.environ.get("SHELL", "/bin/sh"),
        # Its log proves what it did only at this environment's level, and with its lines uncut.
        "MIX_ENV": "dev",
        "ELIXIR_ERL_OPTIONS": "+Bd -logger truncate infinity",
        **given,
    }


def secrets_in(env: Mapping[str, str]) -> list[str]:
    """Return the values of variables that are named like secrets. A value of few characters hides nothing."""
    return [value for name, value in env.items() if len(value) > 7 and any(word in name for word in SECRETS)]


def remove_left_behind(folder: Path | None = None) -> None:
    """Workers' copies of processes that were killed."""
    for left in (folder or Path(tempfile.gettempdir())).glob(f"{WORKERS}*-*"):
        number = left.name.removeprefix(WORKERS).partition("-")[0]
        if number.isdigit() and not Path("/proc", number).exists():
            shutil.rmtree(left, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
