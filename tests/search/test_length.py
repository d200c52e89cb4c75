"""A long prompt loses points where prompts are compared, and the records keep the judge's own scores."""

from __future__ import annotations

from pathlib import Path

import dspy

from tests.support.flow import Flow
from tests.support.run_folder import begin, finish
from tests.support.settings import setting
from workbench.evidence.report import markdown, rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.nouns import Plan, ScoreRequest, Verdict
from workbench.run.record import TrialRecord
from workbench.scoring import Length
from workbench.search.asker import Asker
from workbench.search.candidate import Candidate
from workbench.search.optimization import optimization
from workbench.search.predictor import predictor_lm, program_of
from workbench.search.programs import GoalText
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.search.trials import ScoredCandidate, Trials

LONG = "Write a plan. " + "Mind every detail. " * 200
SHARP = Length(100, 1.0)


def propose_long(request: ProposalRequest) -> Proposal:
    fields = {"proposed_instruction": LONG, "proposed_prefix_for_output_field": "Plan:"}
    text = "".join(f"[[ ## {key} ## ]]\n{value}\n\n" for key, value in fields.items())
    return Proposal(f"{text}[[ ## completed ## ]]")


def score_longer_better(request: ScoreRequest, plan: Plan) -> Verdict:
    return Verdict(6.0 if request.candidate == Candidate("Write a plan.").name else 6.5, "fine")


def test_of_two_prompts_that_score_alike_the_short_one_is_the_best(tmp_path: Path) -> None:
    """Without the key, the first prompt would lose against a slightly better one of 600 words."""
    outcomes = {}
    for name, length in (("free", None), ("costly", SHARP)):
        run = setting(tmp_path / name, optimizer="copro", budget=6, length=length)
        outcomes[name] = Flow(propose=propose_long, score=score_longer_better).answer(optimization(run))
        # The judge's own scores stand in the records.
        assert {trial.score for trial in run.run.lines(TrialRecord)} == {6.0, 6.5}
    assert outcomes["free"].best.candidate.instructions.strip() == LONG.strip()
    assert outcomes["free"].best.penalty == 0
    assert outcomes["costly"].best.candidate.instructions == "Write a plan."


def test_an_optimizer_gets_the_score_less_the_penalty_and_the_reason(tmp_path: Path) -> None:
    """The candidate keeps both numbers."""
    run = setting(tmp_path, prompt=LONG, length=SHARP)

    def work(asker: Asker) -> tuple[Verdict, ScoredCandidate | None]:
        trials = Trials(run, asker, phase="search")
        program = program_of(run, trials)
        inputs = program.example(GoalText.of(run.study.goals[0])).inputs()
        with dspy.context(lm=predictor_lm(run, trials, asker)):
            verdict = trials.verdict(inputs["goal"], program(**inputs))
        return verdict, trials.scored(program.candidate)

    verdict, scored = Flow(score=lambda request, plan: Verdict(6.0, "fine")).answer(work)
    penalty = (len(LONG.split()) - 100) / 100
    assert verdict == Verdict(6.0 - penalty, f"fine The prompt is long, which costs {penalty:.2f} points.")
    assert scored is not None
    assert (scored.score, scored.penalty, scored.value) == (6.0, penalty, 6.0 - penalty)


def test_the_confirmation_counts_the_penalty_of_both_sides(tmp_path: Path) -> None:
    """The scores that the report shows are the judge's, and the difference counts the length."""
    low, high = (3.0, 3.2, 3.1, 3.3), (4.9, 5.1, 5.3, 5.2)
    decisions = {}
    for name, length in (("free", None), ("costly", {"free": 10, "per_100_words": 1.0})):
        folder = begin(tmp_path / name, confirm=4, alpha=0.05, length=length)
        folder.write("candidates/second.md", "word " * 310)
        finish(folder, "second", low, high)
        summary = summarize(folder)
        assert summary.comparison is not None
        assert (round(summary.comparison.baseline, 2), round(summary.comparison.best, 3)) == (3.15, 5.125)
        decisions[name] = summary.comparison
        report = ReportRecord.of(summary)
        length_row = dict(rows(summary)).get("length", "")
        if length is None:
            assert (report.lengths, length_row) == ({}, "")
        else:
            assert (report.lengths["best"].words, report.lengths["best"].penalty) == (310, 3.0)
            assert "the best prompt has 310 words and loses 3.00" in length_row
            assert "310 words" in markdown(summary)
    assert decisions["free"].better
    assert not decisions["costly"].better
    assert round(decisions["costly"].decision.difference, 3) == -1.025
