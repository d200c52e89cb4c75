"""Executes with our own runtime, in a new process for each execution: `mix pipeline.generate.live`."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any, ClassVar

from workbench.errors import ExecutionFailed
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.execution.own import project
from workbench.execution.own.failure import TOO_LONG, blame
from workbench.execution.own.study import OwnKeys, OwnRuntime, pipeline_of
from workbench.execution.pipeline_source import unchanged_pipeline
from workbench.execution.runtime import StudyFile
from workbench.execution.useful_line import useful_line
from workbench.fields import Form
from workbench.foreign_text import scrubbed
from workbench.money.meter import Meter, use_report
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline
from workbench.system.environment import secret_values

#: The file in which the runtime reports the tokens that the steps used.
REPORT = "report.json"
SUCCESS = re.compile(r"^✅ Pipeline generated at (?P<path>.+)$")
FAILURE = re.compile(r"^❌ (?P<kind>[a-z ]+): (?P<message>.*)$")


class Mix(OwnRuntime):
    """Starts an Erlang VM for every execution. Executions share nothing, and nothing stays between them."""

    Keys: ClassVar[type[Form]] = OwnKeys

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def configure(cls, name: str, keys: Any, study: StudyFile) -> Pipeline:
        return pipeline_of(Engine(name), keys, study)

    def version(self) -> str:
        return project.version()

    def prepare(self) -> None:
        project.compile_once()

    def execute(self, request: ExecutionRequest, folder: Path, meter: Meter) -> Execution:
        variables = program.provider_variables(request.providers)
        env = project.environment(variables)
        secrets = secret_values(env)
        output = folder / "plan.yaml"
        ended = program.run_logged(
            _command(request, folder, output),
            folder=folder,
            cwd=folder,
            env=env,
            secrets=secrets,
            timeout=request.pipeline.timeout_seconds,
            advice=INSTALL_ELIXIR,
        )
        _meter_usage(folder / REPORT, meter)
        if ended.exit_code != 0:
            return Execution(request.key, "", output, ended.seconds, _problem(ended, secrets, folder))
        text = _plan(ended.raw_stdout, output)
        if text is None:
            return Execution(request.key, "", output, ended.seconds, TOO_LONG)
        return Execution(request.key, text, output, ended.seconds)

    def close(self) -> None:
        """Do nothing: nothing is kept between executions."""


def _command(request: ExecutionRequest, folder: Path, output: Path) -> list[str]:
    """Return the command of an execution.

    Raises:
        PipelineRejected: the pipeline file or an input has changed.
    """
    file, _ = unchanged_pipeline(request.pipeline)
    command = ["mix", "pipeline.generate.live", "--prompt-file", str(folder / "prompt.md"), "--output", str(output)]
    command += ["--report", str(folder / REPORT)]
    command += ["--pipeline", str(file), "--seed", str(request.replicate)]
    for item in request.pipeline.inputs:
        command += ["--input", f"{item.name}={item.path}"]
    return command


def _meter_usage(report: Path, meter: Meter) -> None:
    """Tell the meter what the runtime reports. A run that was ended from outside leaves no report."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        use_report(meter, json.loads(report.read_text(encoding="utf-8"))["usage"])


def _problem(ended: program.Ended, secrets: list[str], folder: Path) -> str:
    """Return what is wrong with the prompt of a run that failed.

    Raises:
        PipelineRejected, MissingKey, ExecutionFailed: the prompt is not to blame.
    """
    # Only "\n" ends a line. The message may hold a model's words, in which `splitlines` finds other line breaks.
    lines = [line for line in ended.raw_stderr.split("\n") if line.strip()]
    failure = FAILURE.match(lines[-1]) if lines else None
    if failure is not None:
        # Parse the text as it was printed. Show it without secrets.
        message = scrubbed(failure["message"], secrets)
        return blame(failure["kind"], message.replace(" | ", "\n"), folder)
    lasting = ended.exit_code in program.NOT_STARTED
    raise ExecutionFailed(
        f"the pipeline ended with exit code {ended.exit_code}: {useful_line(ended.stderr, ended.stdout)}; its output "
        f"is in {folder}",
        kind="not started" if lasting else "crashed",
        lasting=lasting,
    )


def _plan(stdout: str, output: Path) -> str | None:
    """Return the text of the file that a successful run wrote, or None if it is longer than a plan may be.

    A success line alone proves nothing.

    Raises:
        ExecutionFailed: the run wrote no file, another file or an empty file.
    """
    paths = [match["path"] for line in stdout.split("\n") if (match := SUCCESS.match(line.strip()))]
    if not paths or Path(paths[-1]) != output or output.is_symlink() or not output.is_file():
        raise ExecutionFailed(f"the pipeline ended with exit code 0 and wrote no plan to {output}", kind="no file")
    if output.stat().st_size > program.PLAN_BYTES:
        return None
    text = output.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        raise ExecutionFailed(f"the pipeline ended with exit code 0, but {output} is empty", kind="no file")
    return text
