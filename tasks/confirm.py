from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from workbench.evidence.statistics import Comparison, compare
from workbench.nouns import Trial


@task(task_run_name="confirm", cache_policy=NO_CACHE, persist_result=False)
def confirm(trials: list[Trial], baseline: str, best: str) -> Comparison:
    """Compare two candidates on fresh trials, which no search has seen: these means are what is reported."""
    return compare(_scores(trials, baseline), _scores(trials, best))


def _scores(trials: list[Trial], candidate: str) -> dict[str, list[float]]:
    """Scores by goal, in the order of their replicates."""
    of_candidate = sorted((t for t in trials if t.candidate == candidate), key=lambda t: (t.goal, t.replicate))
    scores: dict[str, list[float]] = {}
    for trial in of_candidate:
        scores.setdefault(trial.goal, []).append(trial.verdict.score)
    return scores
