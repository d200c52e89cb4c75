"""Defines the seam between Workbench and the searches for a better prompt, and lists the optimizers.

An optimizer is one function in a file of its own and one entry in `OPTIMIZERS`. The entry declares what the optimizer
needs, and where its code is. The code is imported when a search begins. So a study can be checked without DSPy, which
takes seconds to import. No other module knows an optimizer by name. docs/extending.md shows how to add an optimizer.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from workbench.search.optimizers.bench import Bench
    from workbench.search.programs import Program


@dataclass(frozen=True)
class Optimizer:
    """The declaration of an optimizer.

    Attributes:
        summary: what the optimizer does, for `workbench check`.
        least: returns the smallest useful budget, in executions, for this number of goals.
        proposes: True if the optimizer asks the proposer's model for prompts. Then the provider's key is needed.
        proposals: the usual number of proposals for each execution of the budget. It only counts with `proposes`.
        function: the optimizer's code, as `module:function`. The function takes a `Bench` and returns the program with
            the best prompt.
        if_nothing_tried: the report's sentence for a search that tried only the starting prompt.
        chooses: True if the optimizer's choice is the best prompt. Otherwise the best prompt is the one
            with the highest mean score.
    """

    summary: str
    least: Callable[[int], int]
    proposes: bool
    function: str
    proposals: float = 0.5
    if_nothing_tried: str = "The optimizer proposed no other prompt."
    chooses: bool = False

    def load(self) -> Callable[[Bench], Program]:
        """Import the optimizer's function."""
        return cast("Callable[[Bench], Program]", pkgutil.resolve_name(self.function))


#: The optimizer of a study that names none.
DEFAULT_OPTIMIZER = "race"

NOTHING_PASSED = "No plan passed, so there was nothing to demonstrate."

OPTIMIZERS: dict[str, Optimizer] = {
    "static": Optimizer(
        "scores the starting prompt, and proposes nothing",
        lambda goals: goals,
        proposes=False,
        function="workbench.search.optimizers.static:search",
        if_nothing_tried="Nothing was tried: static proposes no prompt.",
    ),
    "bootstrap": Optimizer(
        "shows plans that passed as demonstrations (BootstrapFewShot, arXiv 2310.03714)",
        lambda goals: 2 * goals,
        proposes=False,
        function="workbench.search.optimizers.bootstrap:search",
        if_nothing_tried=NOTHING_PASSED,
    ),
    "random_search": Optimizer(
        "tries sets of demonstrations (BootstrapFewShotWithRandomSearch, arXiv 2310.03714)",
        lambda goals: 3 * goals,
        proposes=False,
        function="workbench.search.optimizers.random_search:search",
        if_nothing_tried=NOTHING_PASSED,
    ),
    "copro": Optimizer(
        "rewrites the instructions in breadth and depth (COPRO, arXiv 2310.03714)",
        lambda goals: 4 * goals,
        proposes=True,
        function="workbench.search.optimizers.copro:search",
    ),
    "mipro": Optimizer(
        "proposes instructions and demonstrations, and searches them by Bayesian optimisation (MIPROv2, "
        "arXiv 2406.11695)",
        lambda goals: 4 * goals,
        proposes=True,
        function="workbench.search.optimizers.mipro:search",
    ),
    "simba": Optimizer(
        "learns rules and demonstrations from its own best and worst plans (SIMBA)",
        lambda goals: 6 * goals,
        proposes=True,
        function="workbench.search.optimizers.simba:search",
    ),
    "gepa": Optimizer(
        "reflects on the judge's reasons and evolves the instructions (GEPA, arXiv 2507.19457)",
        lambda goals: 3 * goals,
        proposes=True,
        function="workbench.search.optimizers.gepa:search",
    ),
    "race": Optimizer(
        "learns what each sentence is worth, and composes the best prompt (docs/race.md)",
        lambda goals: 8 * goals,
        proposes=True,
        function="workbench.search.optimizers.race:search",
        proposals=1.1,
        chooses=True,
    ),
}
