"""A candidate is a prompt text: instructions and demonstrations, named by its content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.providers import digest


@dataclass(frozen=True)
class Candidate:
    """Instructions, and demonstrations as (input, output) pairs: what an optimizer may change, and nothing else."""

    instructions: str
    demos: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, instructions: str, demos: Iterable[Mapping[str, Any]], fields: tuple[str, str]) -> Candidate:
        """From DSPy's demonstrations; those that lack the input or the output show nothing and are left out."""
        given, wanted = fields
        pairs = tuple((str(demo[given]), str(demo[wanted])) for demo in demos if demo.get(given) and demo.get(wanted))
        return cls(instructions, pairs)

    @property
    def name(self) -> str:
        """Twelve hex digits: the same text has the same name in every run."""
        parts = (part for demo in self.demos for part in demo)
        return digest("candidate/1", self.instructions, *parts)[:12]

    @property
    def text(self) -> str:
        """The whole of it as a person reads it, and as the pipeline gets it in front of the goal."""
        shown = (
            f"## Example {number}\n\n### Goal\n\n{given}\n\n### Answer\n\n{wanted}"
            for number, (given, wanted) in enumerate(self.demos, start=1)
        )
        return "\n\n".join([self.instructions.strip(), *shown])

    def prompt(self, goal: str) -> str:
        """The prompt that the pipeline gets for a goal when nobody writes one in between."""
        return addressed(self.text, goal)


#: What stands between a candidate's text and the goal.
HEADING = "\n\n## Goal\n\n"


def addressed(text: str, goal: str) -> str:
    """A candidate's text and the goal, as one prompt."""
    return f"{text}{HEADING}{goal}\n"
