"""Defines the types of judging: the judge, its requests, verdicts, and drawn criteria."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from workbench.money.price import Cost
from workbench.nouns.execution import Plan, title
from workbench.nouns.pipeline import Goal
from workbench.providers import Provider, digest
from workbench.scoring import Criterion, CriterionResult

#: The method of judges that score a plan as a whole.
HOLISTIC = "holistic"
#: The most verdicts that make one score.
MOST_CALLS = 8


@dataclass(frozen=True)
class Judge:
    """The model that scores plans, its provider, and the full text of its prompt template.

    A temperature of None is not sent. `timeout_seconds` is the time limit of one verdict, and no part of any key.
    `method` is a key of `workbench.judging.judge.JUDGES`. `calls` is how many verdicts make one score.
    """

    model: str
    provider: Provider
    template: str
    temperature: float | None = None
    timeout_seconds: float = field(default=300.0, compare=False)
    method: str = HOLISTIC
    calls: int = 1


@dataclass(frozen=True)
class ScoreRequest:
    """A request to score a plan against the gold plans of a goal. `replicate` numbers repeats of the same request.

    `repeat` numbers the verdicts that make one score. `candidate` (a name) and `run` (a folder) serve display and the
    journal. They are not part of the key.
    """

    goal: Goal
    judge: Judge
    replicate: int = 0
    repeat: int = 0
    candidate: str = field(default="", compare=False)
    run: Path | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        return title(self.candidate, self.goal, self.replicate)

    def key(self, plan: Plan) -> str:
        """Return the cache key of the verdict on `plan`."""
        return digest(
            "score/1",
            plan.text,
            plan.problem or "",
            self.goal.text,
            *self.goal.gold,
            self.judge.template,
            self.judge.model,
            str(self.judge.temperature),
            self.judge.provider.label,
            str(self.replicate),
            *([f"twin {self.goal.twin}"] if self.goal.twin else []),
            *([f"method {self.judge.method}"] if self.judge.method != HOLISTIC else []),
            *(part for c in self.goal.criteria for part in ("criterion", c.name, c.question, str(c.weight))),
            *([f"repeat {self.repeat}"] if self.repeat else []),
        )

    @property
    def seed(self) -> int:
        """Return the judge's sampling seed. Twins of a goal and repeats of a request get different seeds."""
        return (self.replicate + self.goal.twin * 0x61C88647 + self.repeat * 0x2545F491) & 0x7FFFFFFF


@dataclass(frozen=True)
class DrawRequest:
    """A request to draw the criteria of a goal from its gold plans.

    `number` numbers the drawings of one goal. `run` (a folder) serves the journal, and is not part of the key.
    """

    goal: Goal
    judge: Judge
    number: int = 0
    run: Path | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        return f"{self.goal.name}{f' · {self.number}' if self.number else ''}"


@dataclass(frozen=True)
class DrawnCriteria:
    """The criteria that the judge's model drew for a goal. `other_model` and `cost` are as in `Verdict`."""

    criteria: tuple[Criterion, ...]
    other_model: str | None = field(default=None, compare=False)
    cost: Cost | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Verdict:
    """The judge's score, 0 to 10, with its reason. An invalid plan scores 0, and the reason says why it is invalid.

    `other_model` is the model that answered if it is not the model that was asked, else None. `cost` is None if no
    model was called. `criteria` has the result of each criterion if the judge has a rubric.
    """

    score: float
    reason: str
    other_model: str | None = field(default=None, compare=False)
    cost: Cost | None = field(default=None, compare=False)
    criteria: tuple[CriterionResult, ...] = ()


@dataclass(frozen=True)
class KeyedVerdict:
    """One answer of the judge, with its cache key. Equal plans have the same key, and share the answer."""

    key: str
    verdict: Verdict
