"""Our Elixir runtime: where it is, how it is compiled, and what a process of it may see of our environment."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import ExecutionFailed
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.system import process
from workbench.system.files import alone

#: In the checkout a link to the folder beside the package; in an installed package the folder itself.
RUNTIME = (Path(__file__).parents[2] / "runtime").resolve()
#: The pipeline that comes with Workbench. Every study may name it; `workbench init` copies it beside a new study.
SHIPPED_PIPELINE = RUNTIME / "priv" / "pipelines" / "genesis.yaml"
#: Apart from the developer's own `_build`, which may be of another Mix environment.
BUILD = RUNTIME / "_build" / "workbench"

COMPILE_SECONDS = 300.0


def version() -> str:
    """What stands in an execution's key for this runtime, however it is started."""
    found = re.search(r'@version "([^"]+)"', (RUNTIME / "mix.exs").read_text(encoding="utf-8"))
    return f"pipeline {found[1] if found else 'unknown'}"


def compile_once() -> None:
    """Compile it, unless that was done since it last changed.

    Raises:
        ExecutionFailed: there is no mix, or it does not compile.
    """
    if shutil.which("mix") is None:
        raise program.not_on_path("mix", INSTALL_ELIXIR)
    sources = [RUNTIME / "mix.exs", *sorted((RUNTIME / "lib").rglob("*.ex"))]
    stamp = BUILD / "compiled"
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    BUILD.mkdir(parents=True, exist_ok=True)
    # Two runs that begin together compile once.
    with alone(BUILD / "lock"):
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        done = run(["mix", "compile"], BUILD, environment({}), COMPILE_SECONDS)
        if done.exit_code != 0:
            said = (done.stderr + done.stdout).decode(errors="replace").strip()[-2000:]
            raise ExecutionFailed(f"the runtime does not compile:\n{said}", kind="not started", lasting=True)
        stamp.write_text(wanted, encoding="utf-8")


def problems(pipeline: Path) -> str | None:
    """What the runtime says is wrong with a pipeline file; nothing is executed."""
    done = run(["mix", "pipeline.check", str(pipeline)], BUILD, environment({}), COMPILE_SECONDS)
    return None if done.exit_code == 0 else done.stderr.decode(errors="replace").strip()


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float) -> process.Finished:
    """Run a mix command, as `program.run` does."""
    return program.run(command, cwd=cwd, env=env, timeout=timeout, advice=INSTALL_ELIXIR)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a mix process, with the provider's variables that are `given`."""
    return {
        **program.passed_environment(),
        "MIX_ENV": "prod",
        "MIX_EXS": str(RUNTIME / "mix.exs"),
        "MIX_BUILD_PATH": str(BUILD),
        # Without it the VM waits for an answer when it is interrupted.
        "ELIXIR_ERL_OPTIONS": "+Bd",
        # A dump of a VM that ran out of memory would hold keys, prompts and plans.
        "ERL_CRASH_DUMP_BYTES": "0",
        **given,
    }
