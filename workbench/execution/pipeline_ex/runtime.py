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
from workbench.execution.pipeline_ex.checkout import Checkout, environment, secrets_in
from workbench.execution.pipeline_ex.cost import meter_run, tells_cost
from workbench.execution.pipeline_ex.outcome import Outcome, classify
from workbench.execution.pipeline_ex.study import CheckoutKeys, CheckoutSettings, pipeline_of
from workbench.execution.pipeline_source import unchanged_pipeline
from workbench.execution.runtime import Check, IntoStep, ModelCalls, Needs, NotWritten, StudyFile, TellsCost, WriteBack
from workbench.fields import Form
from workbench.money.meter import Meter
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline, Target
from workbench.pipeline_file import needs
from workbench.pipeline_file.document import YAMERL, read_file
from workbench.system.temporary import remove_abandoned

#: Linux refuses an argument of this many bytes, with its closing zero.
ARGUMENT_BYTES = 131_072
PLAN = "workbench_plan"
#: The most bytes of a log that are kept. The proof of a good run may stand anywhere in it.
LOG_BYTES = 16_000_000

#: Kinds that another try cannot mend.
LASTING = ("authentication", "login needed", "mock used", "no credit", "not started")
BY_USER = ("pipeline", "usage")
#: pipeline.run.live wants the variable set, even if no step of the pipeline asks Gemini.
NO_KEY = {"GEMINI_API_KEY": "no-key-needed"}


class PipelineEx:
    """Starts `mix` in the checkout, or in a copy of it if the pipeline writes files."""

    Keys: ClassVar[type[Form]] = CheckoutKeys
    instead: ClassVar[Mapping[str, str]] = {"pipeline": "its own pipeline is executed: see target"}
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
        # pipeline_ex asks the claude program, which has a login of its own.
        if pipeline.file is None:
            return Needs()
        return Needs(frozenset(needs.providers(read_file(pipeline.file, YAMERL)) - {"anthropic"}))

    def refusal_to_rehearse(self, pipeline: Pipeline) -> str | None:
        return (
            "a rehearsal scripts models that are asked over HTTP, and pipeline_ex asks the claude program, which would "
            "answer for money: rehearse with runtime: mix"
        )

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
        problem = self._asked(pipeline, request.prompt, folder)
        if problem is not None:
            meter.free()
            return Execution(request.key, "", folder / PLAN, 0.0, problem)
        with self._place(pipeline) as cwd:
            return self._run(request, folder, cwd, meter)

    def _asked(self, pipeline: str, prompt: str, folder: Path) -> str | None:
        """Write what the process reads. Return what is wrong with a prompt that cannot arrive as it is; else None."""
        if self._target is not None:
            return variant.written(pipeline, prompt, self._target, folder / "pipeline.yaml", PLAN)
        size = len(prompt.encode("utf-8", errors="replace"))
        if size >= ARGUMENT_BYTES:
            return (
                f"the prompt has {size} bytes, and the system passes at most {ARGUMENT_BYTES - 1} to a program; a "
                "target step in the study has it read from a file, of any length"
            )
        if "\0" in prompt:
            return "the prompt has a zero character, which cannot be passed to a program"
        if strange := variant.interpolated(prompt):
            return (
                f"the prompt has {', '.join(strange)[:300]}, which pipeline_ex would replace by something else or "
                "nothing: it needs other words for it; a target step in the study can take it as it is"
            )
        return None

    @contextlib.contextmanager
    def _place(self, pipeline: str) -> Iterator[Path]:
        """Yield the folder in which the process runs: the checkout, or a copy if the pipeline writes other files."""
        if self._target is None or not variant.writes_files(pipeline):
            yield self._checkout.path
        else:
            with self._checkout.worker() as folder:
                yield folder

    def _run(self, request: ExecutionRequest, folder: Path, cwd: Path, meter: Meter) -> Execution:
        variables = program.provider_variables(request.providers)
        before = set(output_files.regular(folder))
        env = {**environment({**NO_KEY, **variables}), **_folders(folder)}
        ended = program.run_logged(
            self._command(request.prompt, folder),
            folder=folder,
            cwd=cwd,
            env=env,
            secrets=secrets_in(env),
            timeout=request.pipeline.timeout_seconds,
            advice=INSTALL_ELIXIR,
            limit=LOG_BYTES,
        )
        before |= {folder / "stdout.log", folder / "stderr.log"}
        plan = PLAN if self._target else None
        files = self._left(folder, before)
        meter_run(ended.stdout, files, meter)
        made = classify(ended.exit_code, ended.stdout, ended.stderr, files, plan)
        if made.status == "failed":
            raise _failure(made, folder)
        path = Path(made.path) if made.path else folder / PLAN
        return Execution(
            request.key, made.text or "", path, ended.seconds, made.message if made.status != "ok" else None
        )

    def _command(self, prompt: str, folder: Path) -> list[str]:
        if self._target is not None:
            return ["mix", "pipeline.run.live", str(folder / "pipeline.yaml")]
        return ["mix", "pipeline.generate.live", "--output", str(folder / "plan.yaml"), "--", prompt]

    def _left(self, folder: Path, before: set[Path]) -> dict[str, str]:
        """Return the files that the process left. Of a pipeline file's run, these are the outputs of its steps."""
        return output_files.files(folder if self._target is None else folder / "outputs", before)


def _folders(folder: Path) -> dict[str, str]:
    names = {
        "PIPELINE_OUTPUT_DIR": "outputs",
        "PIPELINE_WORKSPACE_DIR": "workspace",
        "PIPELINE_CHECKPOINT_DIR": "checkpoint",
    }
    return {variable: str(folder / name) for variable, name in names.items()}


def _failure(made: Outcome, folder: Path) -> ExecutionFailed | PipelineRejected:
    message = f"{made.message}; its output is in {folder}"
    if made.kind in BY_USER:
        return PipelineRejected(message)
    return ExecutionFailed(message, kind=made.kind, lasting=made.kind in LASTING)
