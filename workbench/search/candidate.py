"""Defines candidates: prompt texts of instructions and demonstrations, named by a hash of their content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.providers import digest


@dataclass(frozen=True)
class Candidate:
    """A prompt text: everything that an optimizer may change, and nothing else.

    Attributes:
        instructions: the text in front of the demonstrations.
        demos: the demonstrations, as pairs of input and output.
    """

    instructions: str
    demos: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, instructions: str, demos: Iterable[Mapping[str, Any]], fields: tuple[str, str]) -> Candidate:
        """Return the candidate of a DSPy predictor.

        Args:
            instructions: the instructions of the predictor's signature.
            demos: DSPy's demonstrations. A demonstration without an input or without an output is left out.
            fields: the names of the predictor's input field and output field.
        """
        source, target = fields
        pairs = tuple((str(demo[source]), str(demo[target])) for demo in demos if demo.get(source) and demo.get(target))
        return cls(instructions, pairs)

    @property
    def name(self) -> str:
        """Return the candidate's name: twelve hex digits. The same text has the same name in every run."""
        parts = (part for demo in self.demos for part in demo)
        return digest("candidate/1", self.instructions, *parts)[:12]

    @property
    def text(self) -> str:
        """Return the whole text, as a person reads it and as the pipeline gets it in front of the goal."""
        examples = (
            f"## Example {number}\n\n### Goal\n\n{goal}\n\n### Answer\n\n{answer}"
            for number, (goal, answer) in enumerate(self.demos, start=1)
        )
        return "\n\n".join([self.instructions.strip(), *examples])

    def prompt(self, goal: str) -> str:
        """Return the prompt that the `direct` program sends to the pipeline for this goal."""
        return with_goal(self.text, goal)


#: The text between a candidate's text and the goal.
HEADING = "\n\n## Goal\n\n"


def with_goal(text: str, goal: str) -> str:
    """Return one prompt, made of a candidate's text and the goal."""
    return f"{text}{HEADING}{goal}\n"
