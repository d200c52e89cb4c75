"""Handles a checkout of pipeline_ex: its version, its compilation, its copies for workers, and its environment."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import queue
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.errors import ExecutionFailed
from workbench.execution import elixir, program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.models.claude_program import claude_variables
from workbench.provider_table import GENERATING, KNOWN
from workbench.system import process
from workbench.system.environment import passed_environment
from workbench.system.temporary import OwnedFolder

COMPILE_SECONDS = 900.0
GIT_SECONDS = 30.0

#: The parts of a checkout that are executed. The pipeline file has a hash of its own in an execution's key.
CODE = ("mix.exs", "mix.lock", "lib", "config", "priv")
#: The parts that Mix reads and compiles even if git ignores them, such as config/dev.secret.exs.
COMPILED = ("mix.exs", "mix.lock", ":(glob)lib/**/*.ex", ":(glob)lib/**/*.*eex", ":(glob)config/**/*.exs")
#: The parts that all workers share, by links. Each worker has a copy of everything else that a pipeline may use.
SHARED = ("mix.exs", "mix.lock", ".formatter.exs", "lib", "config", "deps", "priv")
#: The parts that no worker needs.
LEFT_OUT = (".git", "_build", "outputs", "workspace", "checkpoints", "logs", "evolved_pipelines", "node_modules")

#: The library that starts the claude program, and the setting with which it starts programs as root.
STARTER = Path("deps/erlexec")
ALLOWED_AS_ROOT = re.compile(r":erlexec\b(?:(?!\bconfig\b).)*?(?:\broot: true\b|:root, true\b)", re.DOTALL)
COMMENT = re.compile(r"#[^\n]*")
ROOT_ADVICE = "run as another user: the library that starts the claude program refuses to do so as root"


class Checkout:
    """The user's checkout of pipeline_ex. Its methods change nothing in its folder except what Mix compiles."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._free: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._workers: list[OwnedFolder] = []
        self._lock = threading.Lock()
        atexit.register(self.close)

    def version(self) -> str:
        """Return the version: a hash of the committed code, and a hash of the uncommitted changes.

        Sources that git ignores are uncommitted changes, too. Without git, the version is one hash of the code. A
        commit that changes no code does not change the version.
        """
        trees = self._git("ls-tree", "HEAD", "--", *CODE)
        if trees is None:
            return f"pipeline_ex {self._hash(self._sources())}"
        code = hashlib.sha256(trees.encode()).hexdigest()[:12]
        changed = self._git("diff", "HEAD", "--binary", "--", *CODE) or ""
        new_files = [*self._untracked("--", *CODE), *self._untracked("--ignored", "--", *COMPILED)]
        changes = self._hash(new_files, changed) if changed or new_files else ""
        return f"pipeline_ex {code}{f'+{changes}' if changes else ''}"

    def state(self) -> str:
        """Return the commit and the version in words for a person."""
        commit = self._git("rev-parse", "--short=12", "HEAD")
        return f"{f'commit {commit.strip()}' if commit else 'no commit'}, {self.version()}"

    def check_user(self) -> None:
        """Check that the claude program can be started as this user.

        Raises:
            ExecutionFailed: the user is root, and the checkout's library refuses to start the program as root.
        """
        if os.geteuid() == 0 and (self.path / STARTER).is_dir() and not self.allowed_as_root():
            raise ExecutionFailed(
                f"this is the user root; {ROOT_ADVICE} (config :erlexec, root: true in the checkout allows it)",
                kind="not started",
                lasting=True,
            )

    def allowed_as_root(self) -> bool:
        """Return True if the checkout's configuration allows its library to start programs as root."""
        files = sorted((self.path / "config").glob("*.exs"))
        texts = (COMMENT.sub("", file.read_text(encoding="utf-8", errors="replace")) for file in files)
        return any(ALLOWED_AS_ROOT.search(text) for text in texts)

    def compile(self, folder: Path | None = None) -> None:
        """Compile the checkout, or a worker's copy of it. Mix compiles only what has changed.

        Raises:
            ExecutionFailed: the code does not compile on this machine.
        """
        finished = program.run(
            ["mix", "compile"],
            cwd=folder or self.path,
            env=environment({}, self.path),
            timeout=COMPILE_SECONDS,
            advice=INSTALL_ELIXIR,
        )
        if finished.exit_code != 0 or finished.timed_out:
            output = (finished.stdout + finished.stderr).decode(errors="replace").strip()[-2000:]
            raise ExecutionFailed(
                f"{self.path} does not compile; `mix deps.get && mix compile` there shows more:\n{output}",
                kind="not started",
                lasting=True,
            )

    @contextlib.contextmanager
    def worker(self) -> Iterator[Path]:
        """Yield a copy of the checkout as it is now, with compiled code of its own. Nobody else uses it meanwhile."""
        try:
            folder = self._free.get_nowait()
        except queue.Empty:
            folder = self._create_worker()
        try:
            self._refresh(folder)
            yield folder
        finally:
            self._free.put(folder)

    def close(self) -> None:
        """Remove the workers' copies."""
        with self._lock:
            for worker in self._workers:
                worker.remove()
            self._workers.clear()
            self._free = queue.SimpleQueue()

    def _create_worker(self) -> Path:
        """Create a worker's folder with a copy of the compiled code, and compile what has changed since."""
        owned = OwnedFolder("checkout")
        folder = owned.path
        with self._lock:
            self._workers.append(owned)
        if (self.path / "_build").is_dir():
            shutil.copytree(self.path / "_build", folder / "_build", symlinks=True)
        self._refresh(folder)
        self.compile(folder)
        return folder

    def _refresh(self, folder: Path) -> None:
        """Replace everything in a worker's copy that an execution may have changed."""
        for old in folder.iterdir():
            if old.name != "_build":
                _remove(old)
        for item in self.path.iterdir():
            copy = folder / item.name
            if item.name in SHARED:
                copy.symlink_to(item)
            elif item.name not in LEFT_OUT and item.is_dir() and not item.is_symlink():
                shutil.copytree(item, copy, symlinks=True)
            elif item.name not in LEFT_OUT and (item.is_file() or item.is_symlink()):
                shutil.copy2(item, copy, follow_symlinks=False)

    def _untracked(self, *arguments: str) -> list[Path]:
        """Return the files that git does not track. The arguments of `git ls-files` choose among them."""
        names = (self._git("ls-files", "--others", "--exclude-standard", "-z", *arguments) or "").split("\0")
        # A link of an editor may lead nowhere, and a repository within the checkout is a folder.
        return [file for name in names if name and (file := self.path / name).is_file()]

    def _sources(self) -> list[Path]:
        paths = (self.path / name for name in CODE)
        return sorted(
            file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()
        )

    def _hash(self, files: list[Path], text: str = "") -> str:
        sha = hashlib.sha256(text.encode())
        for file in files:
            sha.update(f"\0{file.relative_to(self.path)}\0".encode())
            sha.update(file.read_bytes())
        return sha.hexdigest()[:12]

    def _git(self, *arguments: str) -> str | None:
        """Return git's output, or None if there is no git or no repository."""
        env = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), "GIT_OPTIONAL_LOCKS": "0"}
        try:
            finished = process.run(["git", *arguments], cwd=self.path, env=env, timeout=GIT_SECONDS)
        except (FileNotFoundError, PermissionError):
            return None
        return finished.stdout.decode(errors="replace") if finished.exit_code == 0 else None


def environment(variables: Mapping[str, str], checkout: Path) -> dict[str, str]:
    """Return the environment of a process of pipeline_ex.

    It holds a provider's address only if the address differs from the usual address. If `mix` belongs to a version
    manager, the PATH leads to the version that the manager chooses for the checkout. This is needed because executions
    run in other folders and without the manager's variables.

    Args:
        variables: the providers' keys and addresses, by variable.

    Raises:
        ExecutionFailed: the version manager has no Elixir for the checkout.
    """
    usual = {KNOWN[name].address_variable: KNOWN[name].address for name in GENERATING}
    provider_variables = {name: value for name, value in variables.items() if usual.get(name) != value}
    return {
        # The locale in these variables is UTF-8. Without UTF-8, pipeline_ex encodes the prompt twice.
        **passed_environment(),
        **elixir.search_path(checkout),
        **claude_variables(os.environ),
        "SHELL": os.environ.get("SHELL", "/bin/sh"),
        # The log proves an answer only at dev's log level, and only if its lines are not cut.
        "MIX_ENV": "dev",
        "ELIXIR_ERL_OPTIONS": "+Bd -logger truncate infinity",
        **provider_variables,
    }


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
