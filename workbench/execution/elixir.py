"""Finds Elixir on this machine, for the runtimes that start `mix`."""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

from workbench.errors import ExecutionFailed
from workbench.execution import program
from workbench.execution.useful_line import useful_line
from workbench.system import process
from workbench.system.environment import is_secret

#: What to do on a machine without `mix`.
INSTALL_ELIXIR = (
    "on Debian run `apt-get install elixir erlang-p1-yaml erlang-jiffy erlang-mochiweb` as root; elsewhere follow "
    "https://elixir-lang.org/install.html"
)
#: The folder in which version managers (asdf, mise, exenv, vfox, proto) keep one small program for each command. Such a
#: *shim* chooses the version by the folder in which it is started and by variables of its own.
SHIMS = "shims"
#: The programs that a shim may be a link to.
MANAGERS = ("asdf", "mise", "rtx")
#: An Elixir script that prints the folders of the programs `mix` and `erl`, one per line.
PRINT_PLACES = 'IO.puts(Path.expand("../../bin", :code.lib_dir(:elixir))); IO.puts(Path.join(:code.root_dir(), "bin"))'
RESOLVE_SECONDS = 60.0


def search_path(folder: Path) -> dict[str, str]:
    """Return the variable PATH with which a program finds the `mix` that a version manager chooses for this folder.

    An execution runs in a folder of its own and without the version manager's variables. There a shim would choose
    another version, or none. Therefore this function asks the shim once, in the user's folder and environment. If `mix`
    is no shim, it returns an empty dict.

    Raises:
        ExecutionFailed: the version manager has no Elixir for this folder.
    """
    path = os.environ.get("PATH", "")
    shim = shutil.which("mix", path=path)
    if shim is None or not is_shim(Path(shim)):
        return {}
    return {"PATH": os.pathsep.join([*_places(Path(shim).with_name("elixir"), folder.absolute()), path])}


def is_shim(file: Path) -> bool:
    """Return True if this program belongs to a version manager."""
    return SHIMS in file.parts or file.resolve().name in MANAGERS


@functools.cache
def _places(elixir: Path, folder: Path) -> tuple[str, ...]:
    """Return the folders with the real programs, as the Elixir behind a shim knows them."""
    # The version manager needs variables of its own, whose names nobody can list. It needs no keys.
    env = {name: value for name, value in os.environ.items() if not is_secret(name)}
    command = [str(elixir), "-e", PRINT_PLACES]
    advice = f"install a version of Elixir and Erlang with your version manager, and choose it for {folder}"
    finished = program.run(command, cwd=folder, env=env, timeout=RESOLVE_SECONDS, advice=advice)
    places = tuple(line for line in finished.stdout.decode(errors="replace").splitlines() if _has_program(line))
    if finished.exit_code != 0 or not places:
        raise ExecutionFailed(
            f"the version manager's {elixir} does not start in {folder}: {_reason(finished)}; {advice}",
            kind="not started",
            lasting=True,
        )
    return places


def _has_program(line: str) -> bool:
    return any((Path(line) / name).is_file() for name in ("mix", "erl"))


def _reason(finished: process.Finished) -> str:
    if finished.timed_out:
        return f"it did not end within {RESOLVE_SECONDS:.0f} s"
    return useful_line(finished.stderr.decode(errors="replace"), finished.stdout.decode(errors="replace"))
