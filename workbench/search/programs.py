"""What is optimised: two DSPy programs behind one seam.

direct   the candidate's instructions and demonstrations, with the goal, are the prompt: the pipeline itself is the
         language model of a plain `dspy.Predict`
writer   a model writes the prompt for each goal (`high_level_goal -> prompt`), under the candidate's instructions and
         demonstrations, and the pipeline gets what it wrote

A program saved by DSPy holds the candidate and nothing else, and loads again into a program without a stage.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, Self

import dspy
from dspy import lm15
from dspy.utils.exceptions import AdapterParseError

from workbench.nouns import Plan, ProgramName
from workbench.search.candidate import Candidate
from workbench.search.models import Rollouts, current_rollout, reply, rollout_of


class Stage(Protocol):
    """Where a program's prompts are executed: the only thing of a program that is not saved."""

    def execute(self, candidate: Candidate, prompt: str, goal: str, replicate: int) -> Plan: ...


@dataclass(frozen=True)
class _Performing:
    candidate: Candidate
    goal: str


_performing: ContextVar[_Performing] = ContextVar("workbench_performing")


class Program(dspy.Module):  # type: ignore[misc]  # DSPy has no type information
    """One predictor, one candidate. `forward` gives a Prediction with `plan` (text), `candidate`, `replicate`."""

    given: str
    wanted: str

    def __init__(self, instructions: str, stage: Stage | None = None) -> None:
        super().__init__()
        self.predict = dspy.Predict(dspy.Signature(f"{self.given} -> {self.wanted}", instructions))
        self.stage = stage

    @property
    def candidate(self) -> Candidate:
        predictor = self.predict
        return Candidate.of(predictor.signature.instructions, predictor.demos, (self.given, self.wanted))

    def holding(self, candidate: Candidate) -> Self:
        """A copy of this program with that candidate in it."""
        program: Self = self.deepcopy()
        program.predict.signature = program.predict.signature.with_instructions(candidate.instructions)
        program.predict.demos = [
            dspy.Example({self.given: given, self.wanted: wanted}).with_inputs(self.given)
            for given, wanted in candidate.demos
        ]
        return program

    def example(self, goal: str) -> dspy.Example:
        return dspy.Example({self.given: goal}).with_inputs(self.given)


class Direct(Program):
    """The pipeline is the language model; its prompt is the candidate and the goal."""

    given, wanted = "goal", "plan"

    def forward(self, goal: str) -> dspy.Prediction:
        performing = _Performing(self.candidate, goal)
        token = _performing.set(performing)
        try:
            with dspy.context(adapter=_PromptText()):
                predicted = self.predict(goal=goal)
        finally:
            _performing.reset(token)
        replicate = rollout_of(self.predict.lm)
        return dspy.Prediction(plan=predicted.plan, candidate=performing.candidate.name, replicate=replicate)


class Writer(Program):
    """A model writes the prompt for the goal; the pipeline gets what it wrote."""

    given, wanted = "high_level_goal", "prompt"

    def forward(self, high_level_goal: str) -> dspy.Prediction:
        candidate, replicate = self.candidate, rollout_of(self.predict.lm)
        try:
            with dspy.context(adapter=dspy.ChatAdapter(use_json_adapter_fallback=False)):
                prompt = self.predict(high_level_goal=high_level_goal).prompt
        except AdapterParseError:
            # The candidate led the writer to an answer without a prompt in it: that is the candidate's fault.
            prompt = ""
        if prompt and self.stage is not None:
            plan = shown(self.stage.execute(candidate, prompt, high_level_goal, replicate))
        else:
            plan = NOTHING_WRITTEN
        return dspy.Prediction(prompt=prompt, plan=plan, candidate=candidate.name, replicate=replicate)


PROGRAMS: dict[ProgramName, type[Program]] = {"direct": Direct, "writer": Writer}

#: What stands for the plan when the writer's answer had no prompt in it.
NOTHING_WRITTEN = "(no plan: the writer's answer had no prompt in it)"


def shown(plan: Plan) -> str:
    """The plan as a program's output: never empty, since DSPy takes an empty reply for a failure of the model."""
    return plan.text if plan.text.strip() else f"(no plan: {plan.problem})"


class _PromptText(dspy.Adapter):  # type: ignore[misc]  # DSPy has no type information
    """Renders a candidate and its goal to one prompt text, and takes the whole reply as the one output.

    It never falls back to another format: that would be a second paid execution.
    """

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        performing = _performing.get()
        return [{"role": "user", "content": performing.candidate.prompt(performing.goal)}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        return {Direct.wanted: completion}


class PipelineEngine:
    """The pipeline as a language model: a prompt goes in, a plan comes out."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def complete(self, request: lm15.Request) -> lm15.Response:
        performing = _performing.get()
        prompt = "\n\n".join(message.text or "" for message in request.messages)
        plan = self.stage.execute(performing.candidate, prompt, performing.goal, current_rollout())
        return reply(request.model, shown(plan))


def pipeline_lm(stage: Stage) -> dspy.LM:
    return dspy.LM("elixir/pipeline", engine=PipelineEngine(stage), cache=False, num_retries=0, callbacks=[Rollouts()])
