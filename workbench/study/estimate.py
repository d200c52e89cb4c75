"""Estimates executions, minutes and money of a study, before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from workbench.errors import UserError
from workbench.execution.runtime import ModelCalls
from workbench.execution.runtimes import runtime_of
from workbench.judging.template import fill
from workbench.money import price
from workbench.money.price import Tokens
from workbench.nouns import Model, Plan, Study
from workbench.providers import same_model
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.run.journal import Action, CallRecord
from workbench.run.record import RunRecord
from workbench.search.candidate import with_goal
from workbench.search.catalogue import OPTIMIZERS

#: The assumed seconds of one execution before any is measured: a model writes a plan of some pages.
ASSUMED_SECONDS = 60.0
#: How many of the newest runs the estimate looks at.
RUNS = 20
#: The bytes of one token of English text or code.
BYTES_PER_TOKEN = 4
#: The assumed tokens of a model's thoughts in one answer. They are charged as output.
THOUGHT_TOKENS = 3_000
#: The assumed tokens of a verdict: a reason of some sentences, and a score. The answer to a criterion takes some more.
VERDICT_TOKENS, CRITERION_TOKENS = 200, 60
#: The assumed plans that a proposer reads for one proposal.
PLANS_PER_PROPOSAL = 3

#: The roles by the action of their calls.
ROLES: dict[Action, str] = {"execute": "generator", "score": "judge", "propose": "proposer"}


@dataclass(frozen=True)
class RoleEstimate:
    """The cost of one role's calls.

    Attributes:
        calls: the largest number of calls. For the proposer, it is the usual number.
        dollars_each: the usual cost of a call, or None if it is not known.
        measured: whether earlier runs gave `dollars_each`.
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

    `search` and `confirm` are numbers of executions. `seconds` is wall time with `concurrency` executions at once.
    `measured` says if earlier runs gave `seconds_each`, the time of one execution. `limit` is the study's budget in
    dollars, or None.
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
        return self.seconds_each * -(-self.executions // self.concurrency)

    @property
    def dollars(self) -> float | None:
        """Return the cost of all roles in dollars, or None if one of them is not known."""
        amounts = [role.dollars for role in self.roles if role.calls]
        known = [amount for amount in amounts if amount is not None]
        return sum(known) if len(known) == len(amounts) else None

    @property
    def text(self) -> str:
        source = "measured in earlier runs" if self.measured else "assumed, as there is no earlier run"
        lines = [
            f"{self.study} is valid: {self.optimizer} on {self.goals} goal{'s' if self.goals > 1 else ''}",
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
    """Return the estimate. Earlier real runs of a study with the same name show the time and cost of a call."""
    calls = [call for folder in _newest_runs(home) for call in _calls(RunFolder(folder), study)]
    executed = [call.seconds for call in calls if call.action == "execute" and call.kind == "ok"]
    return Estimate(
        study=study.name,
        optimizer=f"{study.optimizer} ({OPTIMIZERS[study.optimizer].summary})",
        goals=len(study.goals),
        search=study.budget,
        confirm=confirming(study),
        seconds_each=median(executed) if executed else ASSUMED_SECONDS,
        measured=bool(executed),
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
            dollars, unknown = _execution(study)
        case "score":
            dollars, unknown = one_call(study.judge, _verdict_bytes(study), _verdict_tokens(study))
        case "propose":
            dollars, unknown = one_call(study.proposer, *_proposal(study))
    return RoleEstimate(ROLES[action], numbers[action], dollars, unknown=unknown)


def _proposals(study: Study) -> int:
    optimizer = OPTIMIZERS[study.optimizer]
    return round(study.budget * optimizer.proposals) if optimizer.proposes else 0


def _execution(study: Study) -> tuple[float | None, str]:
    """Return the assumed cost of an execution in dollars, or None and the reason. Each step calls its model once."""
    runtime, name = runtime_of(study.pipeline.engine), study.pipeline.engine.name
    match runtime.tells_cost(study.pipeline):
        case "never":
            return None, f"runtime: {name} never tells its cost"
        case "afterwards":
            return None, f"runtime: {name} tells its cost only afterwards, and no earlier run has told it"
    longest = max(len(_prompt(study, goal.text)) for goal in study.goals)
    dollars = 0.0
    for calls in runtime.model_calls(study.pipeline):
        amount = _step(calls, longest, _plan_bytes(study))
        if amount is None:
            return None, f"{calls.provider}/{calls.model} has no known price"
        dollars += amount
    return dollars, ""


def _step(calls: ModelCalls, prompt_bytes: int, plan_bytes: int) -> float | None:
    # A step that can read earlier answers is assumed to read one, which is as long as a plan.
    earlier = plan_bytes if calls.earlier_tokens else 0
    read = (calls.input_bytes + calls.prompts * prompt_bytes + earlier) // BYTES_PER_TOKEN
    written = min(plan_bytes // BYTES_PER_TOKEN + THOUGHT_TOKENS, calls.output_tokens)
    return price.dollars(calls.provider, calls.model, Tokens(input=read, output=written))


def one_call(model: Model, input_bytes: int, output_tokens: int) -> tuple[float | None, str]:
    tokens = Tokens(input=input_bytes // BYTES_PER_TOKEN, output=output_tokens, thought=THOUGHT_TOKENS)
    amount = price.dollars(model.provider, model.name, tokens, api_base=model.api_base)
    return amount, "" if amount is not None else f"{model.provider}/{model.name} has no known price"


def _verdict_bytes(study: Study) -> int:
    """Return the size of the judge's prompt in bytes, with a plan as long as a gold plan."""
    prompts = (fill(study.template, goal, Plan("")) for goal in study.goals)
    return round(fmean(len(prompt.encode()) for prompt in prompts)) + _plan_bytes(study)


def _verdict_tokens(study: Study) -> int:
    """Return the tokens of a verdict. With a rubric, it has an answer for each criterion."""
    return VERDICT_TOKENS + round(CRITERION_TOKENS * fmean(len(goal.criteria) for goal in study.goals))


def _proposal(study: Study) -> tuple[int, int]:
    """Return the bytes that a proposer reads for a proposal, and the tokens of the proposal itself."""
    prompt = len(study.prompt.encode())
    read = prompt + PLANS_PER_PROPOSAL * (_plan_bytes(study) + VERDICT_TOKENS * BYTES_PER_TOKEN)
    return read, prompt // BYTES_PER_TOKEN + VERDICT_TOKENS


def _plan_bytes(study: Study) -> int:
    """Return the usual size of a plan in bytes, which is the mean size of the gold plans."""
    return round(fmean(len(text.encode()) for goal in study.goals for text in goal.gold))


def _prompt(study: Study, goal: str) -> bytes:
    return with_goal(study.prompt, goal).encode()


def _dollars_each(calls: Sequence[CallRecord]) -> float | None:
    """Return the mean cost of a good answer, failed calls included, or None if no call has a known cost."""
    priced = [call for call in calls if call.cost is not None and call.cost.dollars is not None]
    answers = sum(call.kind == "ok" for call in priced)
    return sum(call.cost.known for call in priced if call.cost) / answers if answers else None


def _by_same_model(call: CallRecord, study: Study) -> bool:
    """Return False if another model judged or proposed than the study names now. Return True for an execution."""
    if call.action == "execute" or call.cost is None:
        return True
    model = study.judge if call.action == "score" else study.proposer
    names = (part.model.partition("/") for part in call.cost.models)
    return all(provider == model.provider and same_model(model.name, name) for provider, _, name in names)


def _newest_runs(home: Path) -> Iterable[Path]:
    return sorted((home / "runs").glob("*/"))[-RUNS:]


def _calls(folder: RunFolder, study: Study) -> list[CallRecord]:
    """Return the calls of a run. Return none for a rehearsal, another study or a damaged folder."""
    try:
        if not folder.has(RunRecord):
            return []
        record = folder.load(RunRecord)
        if record.study != study.name or record.rehearsal is not None:
            return []
        return journal.read(folder.path)
    except UserError:
        return []
