"""Find out which role a request is for, and answer it in that role: judge, proposer or generator."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

from workbench.rehearsal import generator, judge, proposer, rubric
from workbench.rehearsal.model_request import ModelRequest

Generator = Callable[[ModelRequest, random.Random], str]

#: The generator of each world. In `default` the plan follows the wording of the prompt. In `null` the wording changes
#: nothing, so no prompt is better than another.
WORLDS: dict[str, Generator] = {
    "default": generator.answer,
    "null": functools.partial(generator.answer, follows_prompt=False),
}


def role(request: ModelRequest) -> str:
    """Return the role by the form of the request. A request that fits no other role is for the generator."""
    if judge.is_for_judge(request) or rubric.is_for_answers(request) or rubric.is_for_drawing(request):
        return "judge"
    return "proposer" if proposer.is_for_proposer(request) else "generator"


def answer(request: ModelRequest, world: str, rng: random.Random) -> str:
    """Return the text of the answer. Equal random numbers give equal answers."""
    match role(request):
        case "judge" if rubric.is_for_drawing(request):
            return rubric.draw(request)
        case "judge" if rubric.is_for_answers(request):
            return rubric.answer(request, rng)
        case "judge":
            return judge.answer(request, rng)
        case "proposer":
            return proposer.answer(request, rng)
        case _:
            return WORLDS[world](request, rng)
