"""Defines the two DSPy programs that can be optimised, and the pipeline as a DSPy language model.

direct   makes one prompt of the candidate's instructions, its demonstrations and the goal. The pipeline itself is the
         language model of a plain `dspy.Predict`.
writer   asks a model to write the prompt for each goal (`high_level_goal -> prompt`). The model gets the candidate's
         instructions and demonstrations, and the pipeline gets the prompt that the model wrote.

The file of a program that DSPy has saved holds only the candidate. It can also be loaded into a program without an
executor.
"""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, Self

import dspy
from dspy import lm15
from dspy.utils.exceptions import AdapterParseError

from workbench.nouns import Goal, Plan, ProgramName
from workbench.search.candidate import Candidate
from workbench.search.models import Rollouts, current_rollout, reply, rollout_of


class Executor(Protocol):
    """Executes a program's prompts with the pipeline. This is the only part of a program that DSPy does not save."""

    def execute(self, candidate: Candidate, prompt: str, goal: str, replicate: int) -> Plan: ...


@dataclass(frozen=True)
class _Call:
    """The candidate and the goal of the program call that runs in this thread."""

    candidate: Candidate
    goal: str


_current_call: ContextVar[_Call] = ContextVar("workbench_current_call")


class GoalText(str):
    """A goal's text as a program's input. It carries the goal's name, because two goals may have the same text.

    For DSPy it is a plain text, so the name reaches no model and no cache key.
    """

    __slots__ = ("name",)
    name: str

    @classmethod
    def of(cls, goal: Goal) -> GoalText:
        """Return the text of a goal of the study."""
        text = cls(goal.text)
        text.name = goal.name
        return text


class Program(dspy.Module):  # type: ignore[misc]  # DSPy has no type information
    """A DSPy program with one predictor, which holds one candidate.

    `forward` returns a Prediction with `plan` (the text), `candidate` (the name) and `replicate`.

    Attributes:
        input_field: the predictor's input, which is the goal.
        output_field: the predictor's output.
    """

    input_field: str
    output_field: str

    def __init__(self, instructions: str, executor: Executor | None = None) -> None:
        super().__init__()
        self.predict = dspy.Predict(dspy.Signature(f"{self.input_field} -> {self.output_field}", instructions))
        self.executor = executor

    @property
    def candidate(self) -> Candidate:
        """Return the candidate that the predictor holds."""
        predictor = self.predict
        return Candidate.of(predictor.signature.instructions, predictor.demos, (self.input_field, self.output_field))

    def candidate_of(self, instructions: str) -> Candidate:
        """Return the candidate that a copy of this program holds if it gets these instructions.

        This makes no copy. DSPy makes a class for each copy, which takes milliseconds.
        """
        demos = self.candidate.demos
        if not instructions:
            # DSPy puts instructions of its own in the place of empty ones.
            return self.with_candidate(Candidate("", demos)).candidate
        # DSPy reads instructions as a docstring, without its indentation.
        return Candidate(inspect.cleandoc(instructions), demos)

    def with_candidate(self, candidate: Candidate) -> Self:
        """Return a copy of this program that holds another candidate."""
        program: Self = self.deepcopy()
        program.predict.signature = program.predict.signature.with_instructions(candidate.instructions)
        program.predict.demos = [
            dspy.Example({self.input_field: goal, self.output_field: answer}).with_inputs(self.input_field)
            for goal, answer in candidate.demos
        ]
        return program

    def example(self, goal: str) -> dspy.Example:
        """Return the goal as a DSPy example, which is the program's input."""
        return dspy.Example({self.input_field: goal}).with_inputs(self.input_field)


class Direct(Program):
    """Use the pipeline as the language model, with the candidate and the goal as its prompt."""

    input_field, output_field = "goal", "plan"

    def forward(self, goal: str) -> dspy.Prediction:
        call = _Call(self.candidate, goal)
        token = _current_call.set(call)
        try:
            with dspy.context(adapter=_PromptText()):
                prediction = self.predict(goal=goal)
        finally:
            _current_call.reset(token)
        replicate = rollout_of(self.predict.lm)
        return dspy.Prediction(plan=prediction.plan, candidate=call.candidate.name, replicate=replicate)


class Writer(Program):
    """Ask a model to write the prompt for the goal, and send this prompt to the pipeline."""

    input_field, output_field = "high_level_goal", "prompt"

    def forward(self, high_level_goal: str) -> dspy.Prediction:
        candidate, replicate = self.candidate, rollout_of(self.predict.lm)
        try:
            with dspy.context(adapter=dspy.ChatAdapter(use_json_adapter_fallback=False)):
                prompt = self.predict(high_level_goal=high_level_goal).prompt
        except AdapterParseError:
            # The candidate's instructions led the model to an answer without a prompt, so the candidate scores 0.
            prompt = ""
        if prompt and self.executor is not None:
            plan = output_text(self.executor.execute(candidate, prompt, high_level_goal, replicate))
        else:
            plan = NO_PROMPT
        return dspy.Prediction(prompt=prompt, plan=plan, candidate=candidate.name, replicate=replicate)


PROGRAMS: dict[ProgramName, type[Program]] = {"direct": Direct, "writer": Writer}

#: The text in the place of the plan if the writer's answer had no prompt in it.
NO_PROMPT = "(no plan: the writer's answer had no prompt in it)"


def output_text(plan: Plan) -> str:
    """Return a plan's text as a program's output.

    The output is never empty, because DSPy treats an empty reply as a failure.
    """
    return plan.text if plan.text.strip() else f"(no plan: {plan.problem})"


class _PromptText(dspy.Adapter):  # type: ignore[misc]  # DSPy has no type information
    """Send the candidate and the goal as one prompt text, and take the whole reply as the one output.

    DSPy's own adapters try another format if they cannot read a reply. This adapter never does, because a second try
    would be a second paid execution.
    """

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        call = _current_call.get()
        return [{"role": "user", "content": call.candidate.prompt(call.goal)}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        return {Direct.output_field: completion}


class PipelineEngine:
    """The pipeline as a language model: the request is a prompt, and the response is a plan."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def complete(self, request: lm15.Request) -> lm15.Response:
        """Execute the request's messages as one prompt, and return the plan."""
        call = _current_call.get()
        prompt = "\n\n".join(message.text or "" for message in request.messages)
        plan = self.executor.execute(call.candidate, prompt, call.goal, current_rollout())
        return reply(request.model, output_text(plan))


def pipeline_lm(executor: Executor) -> dspy.LM:
    """Return the pipeline as a DSPy model."""
    return dspy.LM(
        "elixir/pipeline", engine=PipelineEngine(executor), cache=False, num_retries=0, callbacks=[Rollouts()]
    )
