"""The runtime of this repository, as a process for each execution: `mix pipeline.generate.live`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from workbench.errors import ExecutionFailed
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.execution.own import project
from workbench.execution.own.failure import blame
from workbench.execution.own.study import OwnKeys, OwnRuntime, pipeline_of
from workbench.execution.pipeline_source import unchanged_pipeline
from workbench.execution.runtime import StudyFile
from workbench.fields import Form
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline

SUCCESS = re.compile(r"^✅ Pipeline generated at (?P<path>.+)$")
FAILURE = re.compile(r"^❌ (?P<kind>[a-z ]+): (?P<message>.*)$")


class Mix(OwnRuntime):
    """Starts a VM for every execution: executions share nothing, and nothing stays between them."""

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

    def execute(self, request: ExecutionRequest, folder: Path) -> Execution:
        variables = program.provider_variables(request.providers)
        output = folder / "plan.yaml"
        ended = program.run_logged(
            _command(request, folder, output),
            folder=folder,
            cwd=folder,
            env=project.environment(variables),
            secrets=program.secret_values(variables),
            timeout=request.pipeline.timeout_seconds,
            advice=INSTALL_ELIXIR,
        )
        if ended.exit_code != 0:
            text, problem = "", _blame(ended.exit_code, ended.stderr, folder)
        else:
            text, problem = _plan(ended.stdout, output), None
        return Execution(request.key, text, output, ended.seconds, problem)

    def close(self) -> None:
        """Nothing is kept."""


def _command(request: ExecutionRequest, folder: Path, output: Path) -> list[str]:
    file, _ = unchanged_pipeline(request.pipeline)
    command = ["mix", "pipeline.generate.live", "--prompt-file", str(folder / "prompt.md"), "--output", str(output)]
    command += ["--pipeline", str(file), "--seed", str(request.replicate)]
    for item in request.pipeline.inputs:
        command += ["--input", f"{item.name}={item.path}"]
    return command


def _blame(exit_code: int, err: str, folder: Path) -> str:
    lines = [line for line in err.splitlines() if line.strip()]
    said = FAILURE.match(lines[-1]) if lines else None
    if said is None:
        last = lines[-1] if lines else "it said nothing"
        raise ExecutionFailed(
            f"the pipeline ended with exit code {exit_code}: {last[:300]}; its output is in {folder}", kind="crashed"
        )
    return blame(said["kind"], said["message"].replace(" | ", "\n"), folder)


def _plan(out: str, output: Path) -> str:
    """The text of the file that a successful run wrote. A success line alone is not believed."""
    said = [found["path"] for line in out.splitlines() if (found := SUCCESS.match(line.strip()))]
    if not said or Path(said[-1]) != output or output.is_symlink() or not output.is_file():
        raise ExecutionFailed(f"the pipeline ended well, but wrote no plan to {output}", kind="no file")
    if output.stat().st_size > program.PLAN_BYTES:
        raise ExecutionFailed(f"{output} has more than {program.PLAN_BYTES} bytes", kind="no file")
    text = output.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        raise ExecutionFailed(f"the pipeline ended well, but {output} is empty", kind="no file")
    return text
