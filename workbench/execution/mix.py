"""The runtime of this repository, as a process: `mix pipeline.generate.live`."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey, PipelineRejected
from workbench.execution import process
from workbench.files import alone
from workbench.providers import KNOWN
from workbench.trial import Execution, ExecutionRequest

RUNTIME = Path(__file__).resolve().parents[2] / "runtime"
#: Apart from the developer's own `_build`, which may be of another Mix environment.
BUILD = RUNTIME / "_build" / "workbench"

COMPILE_SECONDS = 300.0
PLAN_BYTES = 5_000_000

#: What a child may see of our environment; keys and addresses are added for the providers of the request.
PASSED = (
    "PATH", "HOME", "SHELL", "USER", "TMPDIR", "TZ", "MIX_HOME", "HEX_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

SUCCESS = re.compile(r"^✅ Pipeline generated at (?P<path>.+)$")
FAILURE = re.compile(r"^❌ (?P<kind>[a-z ]+): (?P<message>.*)$")

#: Kinds of failure for which the prompt is to blame: they are scored, as plans that are none.
BY_PROMPT = ("truncated", "blocked")
BY_USER = ("usage", "pipeline")
#: Kinds that another try cannot mend.
LASTING = ("authentication", "bad request")


class Mix:
    """One process for each execution."""

    def version(self) -> str:
        found = re.search(r'@version "([^"]+)"', (RUNTIME / "mix.exs").read_text(encoding="utf-8"))
        return found[1] if found else "unknown"

    def prepare(self) -> None:
        if shutil.which("mix") is None:
            raise _not_started()
        sources = [RUNTIME / "mix.exs", *sorted((RUNTIME / "lib").rglob("*.ex"))]
        stamp = BUILD / "compiled"
        wanted = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        BUILD.mkdir(parents=True, exist_ok=True)
        # Two runs that begin together compile once.
        with alone(BUILD / "lock"):
            if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
                return
            done = self._run(["mix", "compile"], BUILD, _environment({}), COMPILE_SECONDS)
            if done.exit_code != 0:
                said = (done.stderr + done.stdout).decode(errors="replace").strip()[-2000:]
                raise ExecutionFailed(f"the runtime does not compile:\n{said}", kind="not started", lasting=True)
            stamp.write_text(wanted, encoding="utf-8")

    def execute(self, request: ExecutionRequest, folder: Path) -> Execution:
        keys = _keys(request)
        output = folder / "plan.yaml"
        done = self._run(
            self._command(request, folder, output), folder, _environment(keys), request.pipeline.timeout_seconds
        )
        out, err = (_scrubbed(stream, keys) for stream in (done.stdout, done.stderr))
        (folder / "stdout.log").write_text(out, encoding="utf-8")
        (folder / "stderr.log").write_text(err, encoding="utf-8")
        if done.timed_out:
            raise ExecutionFailed(
                f"the pipeline did not end within {request.pipeline.timeout_seconds:.0f} s and was ended; its output: "
                f"{folder}; raise `timeout` in the study if it needs longer",
                kind="timeout",
            )
        text, problem = ("", _blame(done.exit_code, err, folder)) if done.exit_code != 0 else (_plan(out, output), None)
        return Execution(request.key, text, output, done.seconds, problem)

    def _command(self, request: ExecutionRequest, folder: Path, output: Path) -> list[str]:
        pipeline = request.pipeline
        command = ["mix", "pipeline.generate.live", "--prompt-file", str(folder / "prompt.md"), "--output", str(output)]
        command += ["--pipeline", str(pipeline.file), "--seed", str(request.replicate)]
        _unchanged(pipeline.file, pipeline.sha256)
        for item in pipeline.inputs:
            _unchanged(item.path, item.sha256)
            command += ["--input", f"{item.name}={item.path}"]
        return command

    def _run(self, command: list[str], cwd: Path, env: Mapping[str, str], timeout: float) -> process.Finished:
        try:
            return process.run(command, cwd=cwd, env=env, timeout=timeout)
        except (FileNotFoundError, PermissionError) as error:
            raise _not_started() from error


def _not_started() -> ExecutionFailed:
    return ExecutionFailed("mix is not on the PATH: script/bootstrap installs Elixir", kind="not started", lasting=True)


def _keys(request: ExecutionRequest) -> dict[str, str]:
    """Keys and addresses, by variable. A key that is missing is left out: the runtime says if a step needs it."""
    given: dict[str, str] = {}
    for provider in request.providers:
        _, variables, address = KNOWN[provider.name]
        given[address] = provider.base_url
        try:
            given[variables[0]] = provider.key()
        except MissingKey:
            continue
    return given


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    return {
        **passed,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "MIX_ENV": "prod",
        "MIX_EXS": str(RUNTIME / "mix.exs"),
        "MIX_BUILD_PATH": str(BUILD),
        # Without it the VM waits for an answer when it is interrupted.
        "ELIXIR_ERL_OPTIONS": "+Bd",
        **given,
    }


def _scrubbed(stream: bytes, given: Mapping[str, str]) -> str:
    text = stream.decode("utf-8", errors="replace")
    for name, value in given.items():
        if name.endswith("_KEY"):
            text = text.replace(value, "…")
    return text


def _unchanged(file: Path, sha256: str) -> None:
    """What is executed must be what stands in the key, or a result would be kept under another's name."""
    if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
        raise PipelineRejected(f"{file} was changed while the study ran: run it again with the file as it is now")


def _blame(exit_code: int, err: str, folder: Path) -> str:
    """The sentence for a failed run that the prompt is to blame for; for any other, raise what it was."""
    lines = [line for line in err.splitlines() if line.strip()]
    said = FAILURE.match(lines[-1]) if lines else None
    if said is None:
        last = lines[-1] if lines else "it said nothing"
        raise ExecutionFailed(
            f"the pipeline ended with exit code {exit_code}: {last[:300]}; its output is in {folder}", kind="crashed"
        )
    kind, message = said["kind"], said["message"]
    if kind in BY_PROMPT:
        return message
    if kind in BY_USER:
        raise PipelineRejected(message.replace(" | ", "\n"))
    if kind == "authentication" and message.endswith("is not set"):
        raise MissingKey(f"{message}; or rehearse with --rehearse", kind="missing key", lasting=True)
    raise ExecutionFailed(
        f"the pipeline failed ({kind}): {message}; its output is in {folder}", kind=kind, lasting=kind in LASTING
    )


def _plan(out: str, output: Path) -> str:
    """The text of the file that a successful run wrote. A success line alone is not believed."""
    said = [found["path"] for line in out.splitlines() if (found := SUCCESS.match(line.strip()))]
    if not said or Path(said[-1]) != output or output.is_symlink() or not output.is_file():
        raise ExecutionFailed(f"the pipeline ended well, but wrote no plan to {output}", kind="no file")
    if output.stat().st_size > PLAN_BYTES:
        raise ExecutionFailed(f"{output} has more than {PLAN_BYTES} bytes", kind="no file")
    text = output.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        raise ExecutionFailed(f"the pipeline ended well, but {output} is empty", kind="no file")
    return text
