"""Estimates the executions, the minutes and the money that a study takes, before anything is paid for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from workbench.errors import UserError
from workbench.evidence.words import plural
from workbench.money import price
from workbench.nouns import Study
from workbench.providers import same_model
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.run.journal import Action, CallRecord
from workbench.run.record import RunRecord
from workbench.search.catalogue import OPTIMIZERS
from workbench.study.assumed_costs import execution_cost, proposal_cost, verdict_cost

#: The assumed seconds of one execution before any is measured: a model writes a plan of some pages.
ASSUMED_SECONDS = 60.0
#: The estimate looks for measured calls in so many of the newest runs.
RUNS = 20
#: The roles by the action of their calls.
ROLES: dict[Action, str] = {"execute": "generator", "score": "judge", "propose": "proposer"}


@dataclass(frozen=True)
class RoleEstimate:
    """The cost of one role's calls.

    Attributes:
        role: "generator" for executions, "judge" for verdicts, "proposer" for proposals.
        calls: the largest number of calls. For the proposer, it is the usual number.
        dollars_each: the usual cost of a call, or None if it is not known.
        measured: True if `dollars_each` was measured in earlier runs. Otherwise it is assumed.
        unknown: why `dollars_each` is not known, else empty.
    """

    role: str
    calls: int
    dollars_each: float | None
    measured: bool = False
    unknown: str = ""

    @property
    def dollars(self) -> float | None:
        return None if self.dollars_each is None else self.calls * self.dollars_each

    @property
    def text(self) -> str:
        if self.dollars is None:
            return f"{self.role} unknown ({self.unknown})"
        source = "measured" if self.measured else "assumed"
        return f"{self.role} ${self.dollars:.2f} ({self.calls} × ${self.dollars_each:.4f}, {source})"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "dollars": self.dollars}


@dataclass(frozen=True)
class Estimate:
    """The executions, time and money that a study takes at most.

    Attributes:
        study: the study's name.
        optimizer: the optimizer's name and what it does.
        goals: the number of goals.
        search, confirm: the numbers of executions.
        seconds_each: the time of one execution.
        measured: True if `seconds_each` was measured in earlier runs. Otherwise it is assumed.
        concurrency: how many executions run at once.
        limit: the study's budget in dollars, or None.
    """

    study: str
    optimizer: str
    goals: int
    search: int
    confirm: int
    seconds_each: float
    measured: bool
    concurrency: int
    roles: tuple[RoleEstimate, ...] = ()
    limit: float | None = None

    @property
    def executions(self) -> int:
        return self.search + self.confirm

    @property
    def seconds(self) -> float:
        """Return the wall time of all executions."""
        return self.seconds_each * -(-self.executions // self.concurrency)

    @property
    def dollars(self) -> float | None:
        """Return the cost of all roles in dollars, or None if the cost of a role is not known."""
        return price.total(role.dollars for role in self.roles if role.calls)

    @property
    def text(self) -> str:
        source = (
            "measured in earlier runs" if self.measured else "assumed, because there is no earlier run with real models"
        )
        lines = [
            f"{self.study} is valid, with {plural(self.goals, 'goal')}",
            f"optimizer {self.optimizer}",
            f"at most {self.executions} executions: {self.search} to search, {self.confirm} to confirm",
            f"about {self.seconds / 60:.0f} min or more, at {self.seconds_each:.0f} s each ({source}), "
            f"{self.concurrency} at once",
            f"{self._money}: {', '.join(role.text for role in self.roles if role.calls)}",
        ]
        if self.limit is not None:
            lines.append(f"never more than ${self.limit:.2f}: the budget in dollars")
        return "\n".join(lines)

    @property
    def _money(self) -> str:
        return "no estimate of the whole cost" if self.dollars is None else f"about ${self.dollars:.2f}"

    def to_json(self) -> dict[str, Any]:
        fields = {key: value for key, value in asdict(self).items() if key not in ("roles", "limit")}
        cost = {"dollars": self.dollars, "limit": self.limit, "prices": price.price_data()}
        roles = {role.role: role.to_json() for role in self.roles}
        return {**fields, "executions": self.executions, "seconds": self.seconds, "cost": {**cost, **roles}}


def estimate(study: Study, home: Path) -> Estimate:
    """Return the estimate for a study.

    The time and cost of a call are taken from earlier runs of a study with the same name, rehearsals excepted. If there
    are none, they are assumed.
    """
    calls = [call for folder in _newest_runs(home) for call in _calls(RunFolder(folder), study)]
    durations = [call.seconds for call in calls if call.action == "execute" and call.kind == "ok"]
    return Estimate(
        study=study.name,
        optimizer=f"{study.optimizer}: {OPTIMIZERS[study.optimizer].summary}",
        goals=len(study.goals),
        search=study.budget,
        confirm=confirming(study),
        seconds_each=median(durations) if durations else ASSUMED_SECONDS,
        measured=bool(durations),
        concurrency=study.concurrency,
        roles=tuple(_role(action, study, calls) for action in ROLES),
        limit=study.dollars,
    )


def confirming(study: Study) -> int:
    """Return the largest number of executions that confirm the result."""
    return 2 * study.confirm * len(study.goals)


def proposes(study: Study) -> bool:
    """Return True if the study calls its proposer."""
    return OPTIMIZERS[study.optimizer].proposes or study.program == "writer"


def _role(action: Action, study: Study, calls: Sequence[CallRecord]) -> RoleEstimate:
    """Return the estimate for the role with this action. `calls` are the measured calls of all roles."""
    executions = study.budget + confirming(study)
    numbers: dict[Action, int] = {
        "execute": executions,
        "score": executions * study.calls,
        "propose": _proposals(study) + (executions if study.program == "writer" else 0),
    }
    measured = _dollars_each([call for call in calls if call.action == action and _by_same_model(call, study)])
    if measured is not None:
        return RoleEstimate(ROLES[action], numbers[action], measured, measured=True)
    match action:
        case "execute":
            assumed = execution_cost(study)
        case "score":
            assumed = verdict_cost(study)
        case "propose":
            assumed = proposal_cost(study)
    return RoleEstimate(ROLES[action], numbers[action], assumed.dollars, unknown=assumed.unknown)


def _proposals(study: Study) -> int:
    """Return the usual number of proposals that the optimizer asks for."""
    optimizer = OPTIMIZERS[study.optimizer]
    return round(study.budget * optimizer.proposals) if optimizer.proposes else 0


def _dollars_each(calls: Sequence[CallRecord]) -> float | None:
    """Return the mean cost of an answer in dollars, or None if no call has a known cost.

    The cost of failed calls is divided among the answers.
    """
    priced = [call for call in calls if call.cost is not None and call.cost.dollars is not None]
    answers = sum(call.kind == "ok" for call in priced)
    return math.fsum(call.cost.known for call in priced if call.cost) / answers if answers else None


def _by_same_model(call: CallRecord, study: Study) -> bool:
    """Return True if the model that judged or proposed is the model that the study names now, or for an execution."""
    if call.action == "execute" or call.cost is None:
        return True
    model = study.judge if call.action == "score" else study.proposer
    names = (part.model.partition("/") for part in call.cost.models)
    return all(provider == model.provider and same_model(model.name, name) for provider, _, name in names)


def _newest_runs(home: Path) -> Iterable[Path]:
    """Return the folders of the newest runs. The names of run folders sort by time."""
    return sorted((home / "runs").glob("*/"))[-RUNS:]


def _calls(folder: RunFolder, study: Study) -> list[CallRecord]:
    """Return the calls of a run. For a rehearsal, another study or a damaged folder, the list is empty."""
    try:
        if not folder.has(RunRecord):
            return []
        record = folder.load(RunRecord)
        if record.study != study.name or record.rehearsal is not None:
            return []
        return journal.read(folder.path)
    except UserError:
        return []
