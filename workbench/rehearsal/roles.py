"""Which role is asked for, and in what world."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

from workbench.rehearsal import generator, judge, proposer
from workbench.rehearsal.model_request import ModelRequest

Generator = Callable[[ModelRequest, random.Random], str]

#: What a prompt's wording does to a plan. In `null` it does nothing: there is no better prompt to be found.
WORLDS: dict[str, Generator] = {
    "default": generator.answer,
    "null": functools.partial(generator.answer, heeds=False),
}


def role(asked: ModelRequest) -> str:
    if judge.wanted(asked):
        return "judge"
    return "proposer" if proposer.wanted(asked) else "generator"


def answer(asked: ModelRequest, world: str, luck: random.Random) -> str:
    match role(asked):
        case "judge":
            return judge.answer(asked, luck)
        case "proposer":
            return proposer.answer(asked, luck)
        case _:
            return WORLDS[world](asked, luck)
