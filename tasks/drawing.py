"""Draw the rubric of an opened study with task runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from prefect.task_runners import TaskRunner

from workbench.judging.drawing import key_of
from workbench.money.price import total
from workbench.run import journal
from workbench.run.setting import Setting
from workbench.scoring import Criterion
from workbench.search.ask_kinds import slots
from workbench.search.asks import Asks
from workbench.study.draw import drawing_of, requests
from workbench.system.home import home
from workbench.tasks import answers
from workbench.tasks.answering import answer
from workbench.tasks.surroundings import claim


@dataclass(frozen=True)
class DrawnRubric:
    """A rubric that was just drawn.

    Attributes:
        criteria: the criteria by the goal's name.
        calls: how many calls of the model drew them; 0 if all criteria were kept from an earlier drawing.
        dollars: what these calls cost; None if the model has no known price.
    """

    criteria: dict[str, tuple[Criterion, ...]]
    calls: int
    dollars: float | None


def draw_rubric(setting: Setting, runner: TaskRunner[Any], *, again: bool) -> DrawnRubric:
    """Return the criteria of the newest drawing. If there is none, or `again` is True, have the model draw them first.

    Raises:
        BudgetUsedUp: the budget in dollars does not allow the calls of a new drawing.
    """
    calls_before = len(journal.read(setting.run.path))
    work = drawing_of(setting, _number(setting, again=again))
    with Asks(work, slots(setting.study.concurrency), claim=claim(home())) as asks:
        answer(asks, setting.run, runner)
    costs = [call.cost for call in journal.read(setting.run.path)[calls_before:] if call.cost is not None]
    return DrawnRubric(asks.result, len(costs), total(cost.dollars for cost in costs))


def _number(setting: Setting, *, again: bool) -> int:
    """Return the number of the newest complete drawing. With `again`, return the number of the first incomplete one.

    So a drawing that was cut short is continued, and buys only what is missing.
    """
    first_incomplete = next(number for number in count() if not _complete(setting, number))
    return first_incomplete if again else max(0, first_incomplete - 1)


def _complete(setting: Setting, number: int) -> bool:
    """Return True if the criteria of every goal are kept for this drawing."""
    return all(_kept(key_of(request)) for request in requests(setting, number))


def _kept(key: str) -> bool:
    """Return True if an answer that can be used is kept for the key of a drawing request."""
    try:
        return answers.read(answers.storage(), "draw", key) is not None
    except answers.NoAnswer:
        return False
