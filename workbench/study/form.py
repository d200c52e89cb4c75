"""Defines the keys of a study file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Discriminator, Field, Tag

from workbench.evidence.gate import FEWEST_PAIRS, MOST_PAIRS
from workbench.execution.runtimes import DEFAULT_RUNTIME, RUNTIMES
from workbench.fields import (
    HIGHEST_TEMPERATURE,
    ApiBase,
    Form,
    ModelName,
    Name,
    TaskRunnerText,
    Temperature,
    Text,
    key_names,
)
from workbench.nouns import HOLISTIC, MOST_CALLS
from workbench.provider_table import DEFAULT_JUDGE, DEFAULT_PROPOSER, KNOWN
from workbench.search.catalogue import DEFAULT_OPTIMIZER


class GoalForm(Form):
    """One goal with its gold plans."""

    name: Name = Field(description="the name of the goal in runs and reports")
    goal: Text = Field(description="what the plan should achieve, in words")
    gold: Text | list[Text] = Field(
        description="the gold plan: a file with a hand-written plan that the judge compares plans with; or a list of "
        "such files, whose second half is held out from the search, and decides in the confirmation"
    )


def _temperature_limits() -> str:
    """Return the highest temperatures of the providers that accept less than the form, by temperature."""
    providers: defaultdict[float, list[str]] = defaultdict(list)
    for name, service in KNOWN.items():
        if service.highest_temperature is not None and service.highest_temperature < HIGHEST_TEMPERATURE:
            providers[service.highest_temperature].append(name)
    limits = sorted(providers.items())
    return " or ".join(f"{highest:g} ({', '.join(names)})" for highest, names in limits)


#: The descriptions of the keys that the judge and the proposer have in common.
_TEMPERATURE = (
    f"the sampling temperature; some providers accept at most {_temperature_limits()}; Claude models after 4.6 and "
    "claude-program take no temperature; without this key, no temperature is sent, and the model's own default applies"
)
_MODEL = (
    "the model; a service's key is in the variable with the service's name, such as OPENROUTER_API_KEY; "
    "claude-program/MODEL asks the claude program of this machine, with your login and without a key"
)
_API_BASE = (
    "the address of a server with OpenAI's protocol, for openai/MODEL; the "
    "server gets OPENAI_API_KEY if it is set, and needs no key otherwise"
)


class ProposerForm(Form):
    """The model that proposes prompts."""

    model: ModelName = Field(default=DEFAULT_PROPOSER, description=_MODEL)
    temperature: Temperature | None = Field(default=None, description=_TEMPERATURE)
    api_base: ApiBase | None = Field(default=None, description=_API_BASE)


class JudgeForm(Form):
    """The model that scores plans."""

    method: str = Field(
        default=HOLISTIC,
        description="how the judge scores a plan; holistic: it compares the plan with the gold plans as a whole; "
        "rubric: it answers the criteria of the rubric, which `workbench rubric` draws from the gold plans",
    )
    model: ModelName = Field(default=DEFAULT_JUDGE, description=_MODEL)
    temperature: Temperature | None = Field(default=None, description=_TEMPERATURE)
    api_base: ApiBase | None = Field(default=None, description=_API_BASE)
    template: Text | None = Field(
        default=None,
        description="a file with the judge's prompt; it has the three places $goal, $gold_plans and $plan, which "
        "Workbench fills in; with method: rubric the places are $goal, $criteria and $plan",
    )
    calls: Annotated[int, Field(ge=1, le=MOST_CALLS)] = Field(
        default=1,
        description="how many verdicts the judge gives on a plan, whose score is their mean; `workbench calibrate` "
        "says how many are worth their cost",
    )


class LengthForm(Form):
    """What a long prompt loses."""

    free: Annotated[int, Field(ge=0, le=1_000_000)] = Field(description="how many words of the prompt cost nothing")
    per_100_words: Annotated[float, Field(gt=0, le=10)] = Field(
        description="how many points, of 10, the prompt loses for each 100 words beyond the free words"
    )


Executions = Annotated[int, Field(ge=1, le=100_000)]
#: Pydantic's tags for the two ways to write a budget. No key of a study has such a name, so an error's location shows
#: which parts are tags and which are keys.
NUMBER, KEYS = "budget[number]", "budget[keys]"


class BudgetForm(Form):
    """A budget of executions and dollars."""

    executions: Executions = Field(description="how many executions the search may request")
    dollars: Annotated[float, Field(gt=0, le=1_000_000)] | None = Field(
        default=None,
        description="how many dollars the whole run may cost: all executions, verdicts and proposals; the search "
        "leaves enough for the confirmation",
    )


def _budget_kind(value: object) -> str:
    """Return the tag of the way in which a budget is written."""
    return KEYS if isinstance(value, dict | BudgetForm) else NUMBER


class StudyForm(Form):
    """The keys that every study has. Each runtime adds its own keys."""

    study: Name = Field(description="the name of the study in runs and reports")
    goals: Annotated[list[GoalForm], Field(min_length=1)] = Field(
        description="the goals that the pipeline writes plans for"
    )
    runtime: str = Field(default=DEFAULT_RUNTIME, description="the program that executes the pipeline")
    timeout: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=900.0, description="the time limit of one execution, in seconds"
    )
    model_timeout: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=300.0, description="the time limit of one answer of the judge or the proposer, in seconds"
    )
    program: Literal["direct", "writer"] = Field(
        default="direct",
        description="with `direct`, the prompt is candidate and goal; with `writer`, a model writes a prompt for each "
        "goal",
    )
    prompt: Text = Field(
        default="Write the plan that the goal asks for.",
        description="the starting prompt, which is the first champion; a search starts from it, and a better prompt "
        "must beat it, until another prompt is promoted",
    )
    optimizer: str = Field(default=DEFAULT_OPTIMIZER, description="the method that searches for a better prompt")
    proposer: ProposerForm = Field(default=ProposerForm(), description="the model that proposes prompts")
    judge: JudgeForm = Field(default=JudgeForm(), description="the model that scores plans")
    calibrate: Literal["by_hand", "before_first_run"] = Field(
        default="by_hand",
        description="with `before_first_run`, the first run measures whether the judge can be trusted, within the "
        "budget in dollars; with `by_hand`, `workbench calibrate` does it",
    )
    passing: Annotated[float, Field(ge=0, le=10)] = Field(
        default=8.0, alias="pass", description="the lowest score, 0 to 10, with which a plan passes"
    )
    budget: Annotated[
        Annotated[Executions, Tag(NUMBER)] | Annotated[BudgetForm, Tag(KEYS)], Discriminator(_budget_kind)
    ] = Field(
        description="how many executions the search may request; the confirmation takes further executions; written as "
        "keys, the budget can also limit how many US dollars the whole run costs"
    )
    confirm: Annotated[int, Field(ge=2, le=MOST_PAIRS)] = Field(
        default=8,
        description=f"how many pairs of fresh executions, one of each prompt, the confirmation may take on each goal; "
        f"fewer than {FEWEST_PAIRS} decide nothing",
    )
    length: LengthForm | None = Field(
        default=None,
        examples=[{"free": 400, "per_100_words": 0.05}],
        description="how many points a long prompt loses when prompts are compared, in the search and in the "
        "confirmation; reports show these points beside the judge's score",
    )
    promote: Literal["ask", "auto"] = Field(
        default="ask",
        description="with `auto`, a prompt becomes the champion if its gain is beyond chance and is 0.5 points or "
        "more; with `ask`, a person decides",
    )
    margin: Annotated[float, Field(gt=0, le=10)] = Field(
        default=0.5,
        description="how many points the champion may lose when the repository changes, and still count as good as "
        "before",
    )
    concurrency: Annotated[int, Field(ge=1, le=256)] = Field(
        default=4, description="how many executions may run at the same time"
    )
    task_runner: TaskRunnerText = Field(
        default="threads",
        description="where task runs run: in threads of the flow's process, or in the processes of a cluster; with an "
        "address, it is a cluster that runs already; the results are the same everywhere (docs/guide/scale.md)",
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=0, description="the seed of all random choices that Workbench makes"
    )


@lru_cache
def form_of(runtime: str) -> type[StudyForm]:
    """Return the form of a study with this runtime: the keys of every study and the keys of the runtime."""
    form: type[StudyForm] = type("StudyForm", (StudyForm, RUNTIMES[runtime].Keys), {})
    return form


def own_keys(runtime: str) -> list[str]:
    """Return the keys that this runtime adds."""
    return key_names(RUNTIMES[runtime].Keys)


def runtimes_with(key: str) -> list[str]:
    """Return the runtimes that take this key."""
    return [runtime for runtime in RUNTIMES if key in own_keys(runtime)]


def forms_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the forms within a type such as `list[GoalForm]` or `TargetKeys | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from forms_in(part)
