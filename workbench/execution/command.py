"""Executes any program that takes a prompt and writes a plan, for people whose pipeline is not pipeline_ex.

The prompt reaches the program in a file or on standard input, never as an argument. The plan is the program's output
file, or its standard output.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from workbench.errors import ExecutionFailed, MissingKey
from workbench.execution import program
from workbench.execution.command_study import PLACEHOLDER, CommandKeys, CommandSettings, pipeline_of
from workbench.execution.pipeline_source import check_unchanged
from workbench.execution.runtime import Check, ModelCalls, Needs, NotWritten, StudyFile, TellsCost, WriteBack
from workbench.execution.useful_line import useful_line
from workbench.fields import Form
from workbench.foreign_text import scrubbed
from workbench.money.meter import Meter
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline, Target
from workbench.providers import digest
from workbench.system.environment import passed_environment
from workbench.system.files import write_atomically

#: What to do if there is no such program.
ADVICE = "name an existing program as the first word of the study's `command`"


class Command:
    """Starts the program in a folder of its own for every execution."""

    Keys: ClassVar[type[Form]] = CommandKeys
    instead: ClassVar[Mapping[str, str]] = {
        "pipeline": "the program is the pipeline: see command",
        "inputs": "the program reads its files itself: see files",
    }
    real_in_rehearsal: ClassVar[str] = "the command itself"

    def __init__(self, engine: Engine) -> None:
        if not isinstance(engine.settings, CommandSettings):
            raise ValueError("runtime: command needs CommandSettings")
        self._settings = engine.settings

    @classmethod
    def configure(cls, name: str, keys: Any, study: StudyFile) -> Pipeline:
        return pipeline_of(name, keys, study)

    @classmethod
    def write_back(cls, target: Target | None) -> WriteBack:
        return NotWritten(
            "runtime: command has no pipeline file that the prompt could be written into: give the program {file}"
        )

    def needs(self, pipeline: Pipeline) -> Needs:
        return Needs(variables=self._settings.environment)

    def refusal_to_rehearse(self, pipeline: Pipeline) -> str | None:
        if self._settings.may_rehearse:
            return None
        return (
            f"a rehearsal would start {self._settings.program}, which may call real models for money: say rehearsal: "
            "allowed in the study if it may be started without its keys, or rehearse with runtime: mix"
        )

    def refusal(self, pipeline: Pipeline) -> str | None:
        # Workbench does not know what the user's program accepts.
        return None

    def warning(self, pipeline: Pipeline) -> str | None:
        # Workbench does not know what the user's program does with the prompt.
        return None

    def checks(self, pipeline: Pipeline, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
        path = shutil.which(self._settings.program)
        yield Check("program", path is not None, path or f"{self._settings.program} is missing", "" if path else ADVICE)

    def tells_cost(self, pipeline: Pipeline) -> TellsCost:
        return "never"

    def model_calls(self, pipeline: Pipeline) -> tuple[ModelCalls, ...]:
        return ()

    def version(self) -> str:
        settings = self._settings
        # An execution's key holds the program's content, too: the program is one of the pipeline's files.
        return f"command {digest('command/1', settings.version, *settings.arguments)}"

    def prepare(self) -> None:
        if shutil.which(self._settings.program) is None:
            raise program.not_on_path(self._settings.program, ADVICE)

    def execute(self, request: ExecutionRequest, folder: Path, meter: Meter) -> Execution:
        check_unchanged(request.pipeline)
        output = folder / "plan.yaml"
        env, secrets = self._environment(request)
        ended = program.run_logged(
            self._command(request, folder, output),
            folder=folder,
            cwd=folder,
            env=env,
            secrets=secrets,
            timeout=request.pipeline.timeout_seconds,
            advice=ADVICE,
            limit=2 * program.PLAN_BYTES,
            stdin=Path(os.devnull) if self._takes("prompt_file") else folder / "prompt.md",
        )
        if ended.exit_code != 0:
            raise self._failure(ended, folder)
        text = self._output_text(output, folder) if self._takes("output_file") else ended.raw_stdout
        if not text.strip():
            raise ExecutionFailed(
                f"{self._settings.program} ended with exit code 0 and wrote no plan; its output is in {folder}",
                kind="no file",
            )
        if len(text.encode()) > program.PLAN_BYTES:
            problem = f"the program wrote more than {program.PLAN_BYTES} bytes"
            return Execution(request.key, "", output, ended.seconds, problem)
        text = scrubbed(text, secrets)
        # Keep the plan as it is judged: without secrets, and in this file even if it came from standard output.
        write_atomically(output, text.encode())
        return Execution(request.key, text, output, ended.seconds)

    def close(self) -> None:
        """Do nothing: nothing is kept between executions."""

    def _takes(self, placeholder: str) -> bool:
        return any(f"{{{placeholder}}}" in argument for argument in self._settings.arguments)

    def _command(self, request: ExecutionRequest, folder: Path, output: Path) -> list[str]:
        """Return the program and its arguments, with the placeholders and the names of files filled in."""
        values = {
            "prompt_file": str(folder / "prompt.md"),
            "output_file": str(output),
            "goal": request.goal.text,
            "replicate": str(request.replicate),
        }
        files = dict(self._settings.files)
        arguments = (
            files.get(argument) or PLACEHOLDER.sub(lambda match: values[match[1]], argument)
            for argument in self._settings.arguments
        )
        return [self._settings.program, *arguments]

    def _environment(self, request: ExecutionRequest) -> tuple[dict[str, str], list[str]]:
        """Return the program's environment, and the secrets in it.

        Raises:
            MissingKey: a variable that the study names is not set.
        """
        passed = passed_environment()
        if any(provider.rehearsal for provider in request.providers):
            return {**passed, **program.provider_variables(request.providers)}, []
        missing = [name for name in self._settings.environment if not os.environ.get(name)]
        if missing:
            raise MissingKey(
                f"{missing[0]} is not set, and the study's `environment` names it: set it in the environment",
                kind="missing key",
                lasting=True,
            )
        variables = {name: os.environ[name] for name in self._settings.environment}
        return {**passed, **variables}, list(variables.values())

    def _failure(self, ended: program.Ended, folder: Path) -> ExecutionFailed:
        """Return the error of a program that ended with an exit code other than 0."""
        lasting = ended.exit_code in program.NOT_STARTED
        return ExecutionFailed(
            f"{self._settings.program} ended with exit code {ended.exit_code}: "
            f"{useful_line(ended.stderr, ended.stdout)}; its output is in {folder}",
            kind="not started" if lasting else "crashed",
            lasting=lasting,
        )

    def _output_text(self, output: Path, folder: Path) -> str:
        """Return the text of the output file. Exit code 0 alone does not prove that there is a file.

        Raises:
            ExecutionFailed: the program wrote no such file.
        """
        if output.is_symlink() or not output.is_file():
            raise ExecutionFailed(
                f"{self._settings.program} ended with exit code 0 and wrote no file {output.name} to {folder}",
                kind="no file",
            )
        with output.open("rb") as file:
            return file.read(program.PLAN_BYTES + 1).decode("utf-8", errors="replace")
