"""Finds and compiles our Elixir runtime, and makes the environment of its processes."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import ExecutionFailed
from workbench.execution import elixir, program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.execution.own import build
from workbench.nouns import Pipeline
from workbench.system import process
from workbench.system.environment import passed_environment

#: In the checkout a link to the folder beside the package; in an installed package the folder itself.
RUNTIME = (Path(__file__).parents[2] / "runtime").resolve()
#: The pipeline that comes with Workbench. Every study may name it; `workbench init` copies it beside a new study.
SHIPPED_PIPELINE = RUNTIME / "priv" / "pipelines" / "genesis.yaml"

#: Seconds after which a compilation, a check of a pipeline, or a question for the version is ended.
COMPILE_SECONDS = 300.0
VERSION_SECONDS = 60.0


def version() -> str:
    """Return the text that stands for this runtime in an execution's key. It is the same for `mix` and `serve`."""
    match = re.search(r'@version "([^"]+)"', (RUNTIME / "mix.exs").read_text(encoding="utf-8"))
    return f"pipeline {match[1] if match else 'unknown'}"


def compile_once() -> None:
    """Compile the runtime if its sources or Elixir have changed since the last compilation.

    Raises:
        ExecutionFailed: there is no mix, or the runtime does not compile.
        UserError: no folder for the build can be written into.
    """
    if shutil.which("mix") is None:
        raise program.not_on_path("mix", INSTALL_ELIXIR)
    build.compile_once(build.folder(RUNTIME, _elixir()), _compile)
    # The sources may have changed since this process compiled them before. From now on, execute the new build.
    build_folder.cache_clear()


def _compile(folder: Path) -> None:
    env = {**environment({}), "MIX_BUILD_PATH": str(folder)}
    finished = run(["mix", "compile"], folder, env, COMPILE_SECONDS)
    if finished.exit_code != 0:
        output = (finished.stderr + finished.stdout).decode(errors="replace").strip()[-2000:]
        raise ExecutionFailed(f"the runtime does not compile:\n{output}", kind="not started", lasting=True)


@functools.cache
def build_folder() -> Path:
    """Return the folder that the runtime is compiled into."""
    return build.folder(RUNTIME, _elixir())


@functools.cache
def _elixir() -> str:
    """Return the versions of Elixir and OTP that `mix` runs with."""
    script = "IO.write(System.version() <> System.otp_release())"
    finished = run(["elixir", "-e", script], _user_folder(), _tools(), VERSION_SECONDS)
    if finished.exit_code != 0:
        output = (finished.stderr + finished.stdout).decode(errors="replace").strip()[-2000:]
        raise ExecutionFailed(f"elixir does not tell its version:\n{output}", kind="not started", lasting=True)
    return finished.stdout.decode(errors="replace")


def problems(pipeline: Pipeline) -> str | None:
    """Return what the runtime says is wrong with a pipeline file and its inputs, or None. Execute nothing.

    Raises:
        ExecutionFailed: the runtime did not answer.
    """
    inputs = [word for item in pipeline.inputs for word in ("--input", f"{item.name}={item.path}")]
    command = ["mix", "pipeline.check", "--generate", *inputs, str(pipeline.file)]
    finished = run(command, build_folder(), environment({}), COMPILE_SECONDS)
    if finished.timed_out:
        raise ExecutionFailed(
            f"the runtime did not check {pipeline.file} within {COMPILE_SECONDS:.0f} s", kind="timeout"
        )
    return None if finished.exit_code == 0 else finished.stderr.decode(errors="replace").strip()


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float) -> process.Finished:
    """Run `mix` or `elixir`, as `program.run` does."""
    return program.run(command, cwd=cwd, env=env, timeout=timeout, advice=INSTALL_ELIXIR)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a mix process. Add `variables`, the providers' keys and addresses."""
    return {
        **_tools(),
        "MIX_ENV": "prod",
        "MIX_EXS": str(RUNTIME / "mix.exs"),
        "MIX_BUILD_PATH": str(build_folder()),
        # Without +Bd, an interrupted VM asks what to do, and waits for an answer.
        "ELIXIR_ERL_OPTIONS": "+Bd",
        # A dump of a VM that ran out of memory would hold keys, prompts and plans.
        "ERL_CRASH_DUMP_BYTES": "0",
        **variables,
    }


def _tools() -> dict[str, str]:
    """Return the environment in which `mix` and `elixir` are found, as the user's own folder chooses them."""
    return {**passed_environment(), **elixir.search_path(_user_folder())}


def _user_folder() -> Path:
    """Return the folder that the user started us in, or the root folder if it was removed since."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")
