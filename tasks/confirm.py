"""The task `confirm`: compare the baseline with the best prompt."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from workbench.evidence.statistics import Comparison, compare
from workbench.nouns import Trial


@task(tags={"confirm"}, task_run_name="confirm", cache_policy=NO_CACHE, persist_result=False)
def confirm(trials: list[Trial], baseline: str, best: str) -> Comparison:
    """Compare two candidates on fresh trials, which no search has seen. The report shows these means."""
    return compare(_scores(trials, baseline), _scores(trials, best))


def _scores(trials: list[Trial], candidate: str) -> dict[str, list[float]]:
    """Return a candidate's scores by goal, in the order of the replicates."""
    candidate_trials = (trial for trial in trials if trial.candidate == candidate)
    scores: dict[str, list[float]] = {}
    for trial in sorted(candidate_trials, key=lambda trial: (trial.goal, trial.replicate)):
        scores.setdefault(trial.goal, []).append(trial.verdict.score)
    return scores
