"""Tests of the lines with which a run tells its story."""

from __future__ import annotations

from tests.support.run_folder import record
from workbench.evidence.standings import Standings
from workbench.evidence.story import Effort, beginning, best_so_far, budget_left, confirming, requalifying, trial_line
from workbench.run.record import Phase, SearchResult, TrialRecord


def trial(candidate: str, replicate: int, score: float, reason: str = "Missing: telemetry.") -> TrialRecord:
    """Return a trial on the goal g."""
    return TrialRecord(
        phase="search", candidate=candidate, goal="g", replicate=replicate, execution="e", score=score, reason=reason,
        at=0.0,
    )  # fmt: skip


def test_the_line_of_a_trial_has_its_score_and_its_effort() -> None:
    """Each line has candidate, goal, replicate, score, seconds, whether it was cached, and the reason in short."""
    lines = {
        ("search", 0, Effort(12.34, cached=False)): "first · g · replicate 0: 7.5 (12.3 s). Missing: telemetry.",
        ("search", 1, Effort(12.34, cached=False, dollars=0.0308)): (
            "first · g · replicate 1: 7.5 (12.3 s, $0.0308). Missing: telemetry."
        ),
        ("search", 3, Effort(2.0, cached=True)): "first · g · replicate 3: 7.5 (2.0 s, cached). Missing: telemetry.",
        ("confirm", 1_000_002, None): "first · g · confirm 2: 7.5 (nothing executed). Missing: telemetry.",
    }
    phase: Phase
    for (phase, replicate, made), line in lines.items():  # type: ignore[assignment]  # a key holds any text
        assert trial_line(phase, trial("first", replicate, 7.5), made) == line


def test_a_long_or_hostile_reason_stays_one_short_line() -> None:
    """A model wrote the reason: it may hold line ends and control characters."""
    line = trial_line("search", trial("first", 0, 1.0, "a\nb\x1b[2J" + "x" * 500), None)
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 260
    assert line.endswith("…")


def test_the_best_so_far_needs_a_trial_on_every_goal() -> None:
    one_goal, two_goals = Standings(["g"]), Standings(["g", "h"])
    for standings in (one_goal, two_goals):
        standings.add(trial("first", 0, 3.0))
        standings.add(trial("second", 0, 8.0))
    assert best_so_far(two_goals) is None
    assert best_so_far(one_goal) == "Best so far: second with 8.00"
    assert budget_left(record(budget=10), 4) == "6 of 10 executions left"
    assert budget_left(record(budget=1), 2) == "0 of 1 execution left"


def test_beginning_and_confirmation_name_the_prompts() -> None:
    assert "a better prompt than the starting prompt (first): at most 10 executions on 1 goal" in beginning(record())
    assert "a better prompt than champion 3 (first)" in beginning(record(champion=3))
    assert "executes champion 3 (first) on 3 fresh replicates of every goal." in requalifying(record(champion=3))
    result = SearchResult(best="second", search_score=9.5, baseline_search_score=3.0, spent=2, ended="optimizer")
    assert confirming(result, record()) == (
        "The search ended after 2 executions: gepa had nothing more to try. "
        "Confirming first and second with at most 3 fresh executions of each prompt on every goal."
    )
    all_spent = result.model_copy(update={"spent": 10})
    assert "after 10 executions: its budget is used up." in confirming(all_spent, record(budget=10))
    assert "with at most 1 fresh execution of each prompt on every goal." in confirming(result, record(confirm=1))
    kept = result.model_copy(update={"best": "first", "ended": "budget"})
    words = "its budget is used up. Confirming the starting prompt only with at most 3 fresh executions on every goal."
    assert words in confirming(kept, record())
    assert "Confirming champion 3 only with at most 3" in confirming(kept, record(champion=3))
