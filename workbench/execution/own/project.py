"""Our Elixir runtime: where it is, how it is compiled, and what a process of it may see of our environment."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey, PipelineRejected
from workbench.execution.own import build
from workbench.providers import KNOWN, Provider
from workbench.system import process
from workbench.system.bounded import LIMIT

#: In the checkout a link to the folder beside the package; in an installed package the folder itself.
RUNTIME = (Path(__file__).parents[2] / "runtime").resolve()
#: The pipeline that comes with Workbench. Every study may name it; `workbench init` copies it beside a new study.
SHIPPED_PIPELINE = RUNTIME / "priv" / "pipelines" / "genesis.yaml"
#: What to do on a machine without `mix`.
INSTALL_ELIXIR = (
    "on Debian run `apt-get install elixir erlang-p1-yaml erlang-jiffy erlang-mochiweb` as root; elsewhere follow "
    "https://elixir-lang.org/install.html"
)

COMPILE_SECONDS = 300.0
VERSION_SECONDS = 60.0
#: The most that a plan may have.
PLAN_BYTES = 5_000_000

#: What a child may see of our environment; keys and addresses are added for its providers.
PASSED = (
    "PATH", "HOME", "SHELL", "USER", "TMPDIR", "TZ", "MIX_HOME", "HEX_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "PIPELINE_HTTP_TIMEOUT_MS", "PIPELINE_RETRIES", "PIPELINE_RETRY_BASE_MS",
)  # fmt: skip


def version() -> str:
    """What stands in an execution's key for this runtime, however it is started."""
    found = re.search(r'@version "([^"]+)"', (RUNTIME / "mix.exs").read_text(encoding="utf-8"))
    return f"pipeline {found[1] if found else 'unknown'}"


def compile_once() -> None:
    """Compile the runtime unless that was done since its sources or Elixir changed.

    Raises:
        ExecutionFailed: there is no mix, or the runtime does not compile.
        UserError: no folder for the build can be written into.
    """
    if shutil.which("mix") is None:
        raise not_started()
    build.compile_once(build.folder(RUNTIME, _elixir()), _compile)
    # The sources may be others than when this process compiled them before. From now on the new build is executed.
    _build.cache_clear()


def _compile(folder: Path) -> None:
    env = {**environment({}), "MIX_BUILD_PATH": str(folder)}
    done = run(["mix", "compile"], folder, env, COMPILE_SECONDS)
    if done.exit_code != 0:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()[-2000:]
        raise ExecutionFailed(f"the runtime does not compile:\n{said}", kind="not started", lasting=True)


@functools.cache
def _build() -> Path:
    """Return the folder that the runtime is compiled into."""
    return build.folder(RUNTIME, _elixir())


@functools.cache
def _elixir() -> str:
    """Return the versions of Elixir and OTP, which `mix` runs with."""
    program = "IO.write(System.version() <> System.otp_release())"
    done = run(["elixir", "-e", program], Path.cwd(), _passed(), VERSION_SECONDS)
    if done.exit_code != 0:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()[-2000:]
        raise ExecutionFailed(f"elixir does not tell its version:\n{said}", kind="not started", lasting=True)
    return done.stdout.decode(errors="replace")


def problems(pipeline: Path) -> str | None:
    """What the runtime says is wrong with a pipeline file; nothing is executed."""
    done = run(["mix", "pipeline.check", str(pipeline)], _build(), environment({}), COMPILE_SECONDS)
    return None if done.exit_code == 0 else done.stderr.decode(errors="replace").strip()


def run(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float, limit: int = LIMIT
) -> process.Finished:
    """`process.run`, for a program that may not be installed."""
    try:
        return process.run(command, cwd=cwd, env=env, timeout=timeout, limit=limit)
    except (FileNotFoundError, PermissionError) as error:
        raise not_started() from error
    except OSError as error:
        raise ExecutionFailed(f"mix was not started: {error}", kind="not started") from error


def not_started() -> ExecutionFailed:
    return ExecutionFailed(f"mix is not on the PATH: {INSTALL_ELIXIR}", kind="not started", lasting=True)


def keys(providers: Iterable[Provider]) -> dict[str, str]:
    """Keys and addresses, by variable. A key that is missing is left out: the runtime says if a step needs it."""
    given: dict[str, str] = {}
    for provider in providers:
        _, variables, address = KNOWN[provider.name]
        given[address] = provider.base_url
        try:
            given[variables[0]] = provider.key()
        except MissingKey:
            continue
    return given


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a mix process, with what `keys` gave."""
    return {
        **_passed(),
        "MIX_ENV": "prod",
        "MIX_EXS": str(RUNTIME / "mix.exs"),
        "MIX_BUILD_PATH": str(_build()),
        # Without it the VM waits for an answer when it is interrupted.
        "ELIXIR_ERL_OPTIONS": "+Bd",
        # A dump of a VM that ran out of memory would hold keys, prompts and plans.
        "ERL_CRASH_DUMP_BYTES": "0",
        **given,
    }


def _passed() -> dict[str, str]:
    """Return what every Elixir process may see of our environment."""
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    return {**passed, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def scrubbed(text: str, given: Mapping[str, str]) -> str:
    """Without the keys that `keys` gave."""
    for name, value in given.items():
        if name.endswith("_KEY"):
            text = text.replace(value, "…")
    return text


def unchanged(file: Path, sha256: str) -> bytes:
    """The file's content, which must be what stands in the key: a result would be kept under another's name."""
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PipelineRejected(f"{file} was changed while the study ran: run it again with the file as it is now")
    return content
