"""Mean search scores of candidates, while the trials arrive."""

from __future__ import annotations

from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from workbench.evidence.standings import Standings, standings
from workbench.run.record import TrialRecord

GOALS = ["g", "h"]


def trial(candidate: str, goal: str, score: float) -> TrialRecord:
    """Return a trial of the search."""
    return TrialRecord(
        phase="search", candidate=candidate, goal=goal, replicate=0, execution="e", score=score, reason="", at=0.0
    )


TRIALS = st.lists(st.builds(trial, st.sampled_from("abc"), st.sampled_from(GOALS), st.floats(0, 10)), max_size=12)


@given(TRIALS)
def test_standings_after_each_trial_are_those_of_all_trials_so_far(trials: list[TrialRecord]) -> None:
    """A candidate counts once it has a trial on every goal. Candidates have the order of their first trials."""
    arriving = Standings(GOALS)
    for number, latest in enumerate(trials, start=1):
        arriving.add(latest)
        so_far = trials[:number]
        scores = {
            name: [[each.score for each in so_far if (each.candidate, each.goal) == (name, goal)] for goal in GOALS]
            for name in dict.fromkeys(each.candidate for each in so_far)
        }
        expected = {name: fmean(map(fmean, by_goal)) for name, by_goal in scores.items() if all(by_goal)}
        assert list(arriving.means.items()) == list(expected.items()) == list(standings(so_far, GOALS).items())


def test_the_first_of_equal_candidates_leads() -> None:
    """The candidate that was tried first leads, even if another one had a trial on every goal before it."""
    arriving = Standings(GOALS)
    for candidate, goal in (("first", "g"), ("second", "g"), ("second", "h")):
        assert arriving.leader is None
        arriving.add(trial(candidate, goal, 5.0))
    assert arriving.leader == ("second", 5.0)
    arriving.add(trial("first", "h", 5.0))
    assert arriving.leader == ("first", 5.0)
