"""Says which gold plans of a study are held out from the search."""

from __future__ import annotations

from workbench.evidence.words import plural
from workbench.nouns import Study
from workbench.study.rubric import needs_rubric


def held_out_gold(study: Study) -> str | None:
    """Return how many gold plans of each goal decide in the confirmation without being known to the search.

    Return None if no goal has several gold plans, or if the judge reads none of them.
    """
    if needs_rubric(study):
        return None
    goals = [
        f"{goal.name} (the last {len(goal.held_out)} of {plural(len(goal.gold), 'gold plan')})"
        for goal in study.goals
        if goal.held_out
    ]
    if not goals:
        return None
    return f"gold plans are held out from the search, and decide in the confirmation: {', '.join(goals)}"
