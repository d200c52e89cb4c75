"""Checks that this machine has everything that a study with pipeline_ex needs, with advice for what is missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from workbench.errors import ExecutionFailed
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.execution.pipeline_ex.checkout import ROOT_ADVICE, Checkout, environment
from workbench.execution.runtime import Check
from workbench.system import process
from workbench.system.environment import passed_environment

#: The bytes that must be free on the disk of WORKBENCH_HOME.
FREE_BYTES = 1_000_000_000
#: A file that only a checkout of pipeline_ex has.
TASKS = Path("lib/mix/tasks/pipeline.generate.ex")
#: Files in which the claude program keeps a login, and variables that replace a login. They are never read.
LOGINS = (".claude/.credentials.json", ".claude.json")
TOKENS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_AGENT_OAUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
SERVICES = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")


def checks(checkout: Path, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield one check after the other. Compiling comes last because it takes longest."""
    yield _is_pipeline_ex(checkout)
    yield _program("mix", INSTALL_ELIXIR)
    yield _elixir(checkout)
    yield _program("claude", "npm install -g @anthropic-ai/claude-code")
    yield _login(environ)
    yield _variable("HOME", environ, "the claude program looks for its login there")
    yield _variable("SHELL", environ, "export SHELL=/bin/sh")
    yield _user(Checkout(checkout))
    yield _locale(environ)
    yield _free_disk(home)
    yield _git(checkout)
    yield _compiles(checkout)


def _check(name: str, passed: bool, state: str, advice: str) -> Check:
    return Check(name, passed, state, "" if passed else advice)


def _is_pipeline_ex(checkout: Path) -> Check:
    passed = (checkout / "mix.exs").is_file() and (checkout / TASKS).is_file()
    state = str(checkout) if passed else f"{checkout} has no {TASKS}"
    return _check("checkout", passed, state, "name the folder of a pipeline_ex checkout in the study's `checkout`")


def _program(name: str, advice: str) -> Check:
    path = shutil.which(name)
    return _check(f"{name} program", path is not None, path or "not on the PATH", advice)


def _elixir(checkout: Path) -> Check:
    """Check that `mix` is of the version that the checkout's mix.exs demands, or a later one."""
    try:
        required = re.search(r'elixir:\s*"~>\s*(\d+)\.(\d+)', (checkout / "mix.exs").read_text(errors="replace"))
        finished = program.run(
            ["mix", "--version"], cwd=checkout, env=environment({}, checkout), timeout=60.0, advice=INSTALL_ELIXIR
        )
    except (OSError, ExecutionFailed) as error:
        return Check("Elixir version", False, str(error).splitlines()[0], "install Elixir 1.18 or later")
    version = re.search(r"Mix (\d+)\.(\d+)\S*", finished.stdout.decode(errors="replace"))
    enough = version is not None and (required is None or _number(version) >= _number(required))
    needs = f"{required[1]}.{required[2]}" if required else "any"
    return _check(
        "Elixir version", enough, f"{version[0] if version else 'unknown'}, needed {needs}", f"install Elixir {needs}"
    )


def _number(version: re.Match[str]) -> tuple[int, int]:
    return int(version[1]), int(version[2])


def _login(environ: Mapping[str, str]) -> Check:
    """Check that the claude program finds a login, a key, or the settings of another service."""
    home = Path(environ.get("HOME", "/nonexistent"))
    variable = next((name for name in (*TOKENS, *SERVICES) if environ.get(name)), None)
    file = next((name for name in LOGINS if (home / name).is_file()), None)
    state = f"{variable} is set" if variable else f"~/{file} exists" if file else "no login and no key"
    advice = f"run `claude` once and log in, or set {TOKENS[0]}"
    return _check("claude login", bool(variable or file), state, advice)


def _variable(name: str, environ: Mapping[str, str], advice: str) -> Check:
    return _check(name, bool(environ.get(name)), environ.get(name) or "not set", f"set {name}: {advice}")


def _user(checkout: Checkout) -> Check:
    root = os.geteuid() == 0
    return _check("user", not root or checkout.allowed_as_root(), "root" if root else "not root", ROOT_ADVICE)


def _locale(environ: Mapping[str, str]) -> Check:
    """Check the locale of executions. Without UTF-8, pipeline_ex encodes the prompt twice."""
    user_locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "none"
    try:
        finished = process.run(["locale", "charmap"], cwd=Path("/"), env=passed_environment(), timeout=10.0)
        charmap = finished.stdout.decode(errors="replace").strip()
    except OSError:
        # musl has no `locale` program, and UTF-8 is its only encoding.
        charmap = "UTF-8"
    state = f"executions get C.UTF-8, which is {charmap} here (yours: {user_locale})"
    return _check("locale", charmap == "UTF-8", state, "have the system's C.UTF-8 locale generated")


def _free_disk(home: Path) -> Check:
    folder = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return _check("free disk", free >= FREE_BYTES, f"{free // 1_000_000} MB at {folder}", "make 1 GB of room")


def _git(checkout: Path) -> Check:
    """Check that the commit and the version of the code can be read. A run's results hold the version."""
    return _attempt("git state", lambda: Checkout(checkout).state())


def _compiles(checkout: Path) -> Check:
    def compiled() -> str:
        Checkout(checkout).compile()
        return "it does"

    return _attempt("checkout compiles", compiled)


def _attempt(name: str, check: Callable[[], str]) -> Check:
    """Return a passed check with the text that `check` returns, or a failed check with the error that it raises."""
    try:
        return Check(name, True, check())
    except (ExecutionFailed, OSError) as error:
        first, _, rest = str(error).partition("\n")
        return Check(name, False, rest.strip()[-600:] or first, first)
