"""The optimizers by name: what each is, and what it needs. Importable without DSPy, which takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Optimizer:
    """`least` is the fewest executions that a search over N goals needs to be of any use; `proposes` says whether it
    asks a model for prompts."""

    summary: str
    least: Callable[[int], int]
    proposes: bool


OPTIMIZERS: dict[str, Optimizer] = {
    "static": Optimizer("scores the starting prompt, proposes nothing", lambda goals: goals, proposes=False),
    "bootstrap": Optimizer(
        "shows plans that passed as demonstrations (BootstrapFewShot, arXiv 2310.03714)",
        lambda goals: 2 * goals,
        proposes=False,
    ),
    "random_search": Optimizer(
        "tries sets of demonstrations (BootstrapFewShotWithRandomSearch, arXiv 2310.03714)",
        lambda goals: 3 * goals,
        proposes=False,
    ),
    "copro": Optimizer(
        "rewrites the instructions in breadth and depth (COPRO, arXiv 2310.03714)",
        lambda goals: 4 * goals,
        proposes=True,
    ),
    "mipro": Optimizer(
        "proposes instructions and demonstrations, searches them by Bayesian optimisation (MIPROv2, arXiv 2406.11695)",
        lambda goals: 4 * goals,
        proposes=True,
    ),
    "simba": Optimizer(
        "learns rules and demonstrations from its own best and worst plans (SIMBA)",
        lambda goals: 6 * goals,
        proposes=True,
    ),
    "gepa": Optimizer(
        "reflects on the judge's reasons and evolves the instructions (GEPA, arXiv 2507.19457)",
        lambda goals: 3 * goals,
        proposes=True,
    ),
}
