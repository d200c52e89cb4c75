"""Settings for tests: a study in memory, and providers at an address where no server listens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.nouns import Engine, ExecutionRequest, Goal, Model, Pipeline, Study
from workbench.provider_table import ProviderName
from workbench.providers import Provider, rehearsal
from workbench.run.folder import RunFolder
from workbench.run.setting import Setting

STUDY = Study(
    file=Path("study.yaml"),
    name="study",
    goals=(Goal("one", "write the plan", ("gold",)),),
    pipeline=Pipeline(Engine("mix"), file=Path("pipeline.yaml"), sha256="0", timeout_seconds=30.0),
    program="direct",
    prompt="Write a plan.",
    optimizer="static",
    proposer=Model("gemini", "gemini-3.8-flash"),
    judge=Model("gemini", "gemini-4-argon"),
    template="$goal $gold_plans $plan",
    passing=8.0,
    budget=12,
    confirm=3,
    concurrency=4,
    seed=0,
)


def goals(number: int) -> tuple[Goal, ...]:
    """Return this many goals."""
    return tuple(Goal(f"goal-{n}", f"write plan number {n}", ("gold",)) for n in range(number))


def setting(
    home: Path, providers: dict[ProviderName, Provider] | None = None, name: str = "run", **changes: Any
) -> Setting:
    """Return a setting with a new run folder. `changes` are attributes of the study."""
    providers = providers or rehearsal("http://127.0.0.1:9", "default", 0)
    return Setting(replace(STUDY, **changes), providers, "1.0.0", RunFolder.create(home, name))


def request(prompt: str, replicate: int = 0, goal: Goal = STUDY.goals[0]) -> ExecutionRequest:
    """Return a request for an execution of this prompt."""
    return ExecutionRequest(prompt, goal, replicate, Pipeline(Engine("mix"), "1", Path("p"), "0"), ())
