"""Executes pipelines in the user's own checkout of pipeline_ex, with one process for each execution."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from workbench.errors import ExecutionFailed, PipelineRejected
from workbench.execution import program
from workbench.execution.elixir import INSTALL_ELIXIR
from workbench.execution.pipeline_ex import output_files, readiness, variant
from workbench.execution.pipeline_ex.checkout import Checkout, environment
from workbench.execution.pipeline_ex.cost import meter_run, tells_cost
from workbench.execution.pipeline_ex.outcome import Outcome, classify
from workbench.execution.pipeline_ex.study import CheckoutKeys, CheckoutSettings, pipeline_of, unreached_output
from workbench.execution.pipeline_source import unchanged_pipeline
from workbench.execution.runtime import Check, IntoStep, ModelCalls, Needs, NotWritten, StudyFile, TellsCost, WriteBack
from workbench.fields import Form
from workbench.money.meter import Meter
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline, Target
from workbench.pipeline_file import needs
from workbench.pipeline_file.document import read_file
from workbench.pipeline_file.parsers import YAMERL
from workbench.system.environment import secret_values
from workbench.system.temporary import remove_abandoned

#: The name of the plan's file in the output folder.
PLAN = "workbench_plan"
#: The most bytes of a log that are kept. The proof of a good run may stand anywhere in it.
LOG_BYTES = 16_000_000

#: Kinds of failure that the user has to mend.
BY_USER = ("pipeline", "unknown model", "usage")
#: pipeline.run.live needs this variable, even if no step of the pipeline asks Gemini.
NO_KEY = {"GEMINI_API_KEY": "no-key-needed"}


class PipelineEx:
    """Starts `mix` in the checkout, or in a copy of it if the pipeline writes files."""

    Keys: ClassVar[type[Form]] = CheckoutKeys
    instead: ClassVar[Mapping[str, str]] = {"pipeline": "the checkout's own pipeline is executed: see target"}
    real_in_rehearsal: ClassVar[str] = ""

    def __init__(self, engine: Engine) -> None:
        if not isinstance(engine.settings, CheckoutSettings):
            raise PipelineRejected("runtime: pipeline_ex needs a checkout")
        self._checkout = Checkout(engine.settings.checkout)
        self._target = engine.settings.target

    @classmethod
    def configure(cls, name: str, keys: Any, study: StudyFile) -> Pipeline:
        return pipeline_of(name, keys, study)

    @classmethod
    def write_back(cls, target: Target | None) -> WriteBack:
        if target is not None:
            return IntoStep(target.step, target.part, variant.INTERPOLATED)
        return NotWritten(
            "the study's prompt is the request of mix pipeline.generate.live, and stands in no pipeline file: give it "
            "{file}, or name a step of a file as the study's target"
        )

    def needs(self, pipeline: Pipeline) -> Needs:
        # pipeline_ex asks the claude program, which needs a login and no key.
        if pipeline.file is None:
            return Needs()
        return Needs(frozenset(needs.providers(read_file(pipeline.file, YAMERL)) - {"anthropic"}))

    def refusal_to_rehearse(self, pipeline: Pipeline) -> str | None:
        return (
            "a rehearsal scripts models that are asked over HTTP, and pipeline_ex asks the claude program, which would "
            "answer for money: rehearse with runtime: mix"
        )

    def refusal(self, pipeline: Pipeline) -> str | None:
        # `configure` has reported to the study everything that can be refused without an execution.
        return None

    def warning(self, pipeline: Pipeline) -> str | None:
        if pipeline.file is None or pipeline.target is None:
            return None
        return unreached_output(read_file(pipeline.file, YAMERL), pipeline.target)

    def checks(self, pipeline: Pipeline, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
        return readiness.checks(self._checkout.path, home, environ)

    def tells_cost(self, pipeline: Pipeline) -> TellsCost:
        return tells_cost(None if pipeline.file is None else read_file(pipeline.file, YAMERL))

    def model_calls(self, pipeline: Pipeline) -> tuple[ModelCalls, ...]:
        return ()

    def version(self) -> str:
        target = self._target
        return self._checkout.version() + (f" {target.step}/{target.part}/{target.output}" if target else "")

    def prepare(self) -> None:
        remove_abandoned()
        self._checkout.check_user()
        self._checkout.compile()

    def close(self) -> None:
        """Remove the workers' copies."""
        self._checkout.close()

    def execute(self, request: ExecutionRequest, folder: Path, meter: Meter) -> Execution:
        folder = folder.absolute()
        _, content = unchanged_pipeline(request.pipeline)
        pipeline = content.decode("utf-8", errors="replace")
        problem = self._write_input(pipeline, request.prompt, folder)
        if problem is not None:
            meter.free()
            return Execution(request.key, "", folder / PLAN, 0.0, problem)
        with self._working_folder(pipeline) as cwd:
            return self._run(request, folder, cwd, meter)

    def _write_input(self, pipeline: str, prompt: str, folder: Path) -> str | None:
        """Write the files that the process reads. Return why the prompt cannot reach the model unchanged, or None."""
        if self._target is not None:
            return variant.write(pipeline, prompt, self._target, folder / "pipeline.yaml", PLAN)
        size = len(prompt.encode("utf-8", errors="replace"))
        if size >= program.ARGUMENT_BYTES:
            return (
                f"the prompt has {size} bytes, and the system passes at most {program.ARGUMENT_BYTES - 1} to a program"
                "; name a target step in the study: it reads a prompt of any length from a file"
            )
        if "\0" in prompt:
            return "the prompt has a zero character, which cannot be passed to a program"
        if marks := variant.interpolated(prompt):
            return (
                f"the prompt has {', '.join(marks)[:300]}, which pipeline_ex would replace by other text or nothing: "
                "write it in other words, or name a target step in the study, which can take it unchanged"
            )
        return None

    @contextlib.contextmanager
    def _working_folder(self, pipeline: str) -> Iterator[Path]:
        """Yield the folder in which the process runs: the checkout, or a copy if the pipeline writes other files."""
        if self._target is None or not variant.writes_files(pipeline):
            yield self._checkout.path
        else:
            with self._checkout.worker() as folder:
                yield folder

    def _run(self, request: ExecutionRequest, folder: Path, cwd: Path, meter: Meter) -> Execution:
        """Run the process, tell the meter its cost, and return the execution.

        Raises:
            ExecutionFailed, PipelineRejected: as `Runtime.execute`.
        """
        variables = program.provider_variables(request.providers)
        old_files = set(output_files.regular(folder))
        env = {**environment({**NO_KEY, **variables}, self._checkout.path), **_folders(folder)}
        ended = program.run_logged(
            self._command(request.prompt, folder),
            folder=folder,
            cwd=cwd,
            env=env,
            secrets=secret_values(env),
            timeout=request.pipeline.timeout_seconds,
            advice=INSTALL_ELIXIR,
            limit=LOG_BYTES,
        )
        old_files |= {folder / "stdout.log", folder / "stderr.log"}
        plan = PLAN if self._target else None
        files = self._new_files(folder, old_files)
        meter_run(ended.stdout, files, meter)
        outcome = classify(ended.exit_code, ended.stdout, ended.stderr, files, plan)
        if outcome.status == "failed":
            raise _failure(outcome, folder)
        path = Path(outcome.path) if outcome.path else folder / PLAN
        return Execution(
            request.key, outcome.text or "", path, ended.seconds, outcome.message if outcome.status != "ok" else None
        )

    def _command(self, prompt: str, folder: Path) -> list[str]:
        if self._target is not None:
            return ["mix", "pipeline.run.live", str(folder / "pipeline.yaml")]
        return ["mix", "pipeline.generate.live", "--output", str(folder / "plan.yaml"), "--", prompt]

    def _new_files(self, folder: Path, old_files: set[Path]) -> dict[str, str]:
        """Return the new files of the process. After a run of a pipeline file, these are the outputs of its steps."""
        return output_files.files(folder if self._target is None else folder / "outputs", old_files)


def _folders(folder: Path) -> dict[str, str]:
    """Return the variables with which pipeline_ex writes into this folder."""
    names = {
        "PIPELINE_OUTPUT_DIR": "outputs",
        "PIPELINE_WORKSPACE_DIR": "workspace",
        "PIPELINE_CHECKPOINT_DIR": "checkpoint",
    }
    return {variable: str(folder / name) for variable, name in names.items()}


def _failure(outcome: Outcome, folder: Path) -> ExecutionFailed | PipelineRejected:
    message = f"{outcome.message}; its output is in {folder}"
    if outcome.kind in BY_USER:
        return PipelineRejected(message)
    return ExecutionFailed(message, kind=outcome.kind, lasting=outcome.lasting)
