"""The leak guard: which prompts copy a gold plan, measured on plans and prompts that people wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from tests.support.flow import Flow, judge
from tests.support.settings import setting
from workbench.nouns import Goal, Plan, ScoreRequest, Verdict
from workbench.run.record import LeakRecord, TrialRecord
from workbench.search.candidate import Candidate
from workbench.search.leak import TAKEN_OUT, LeakGuard, common_words
from workbench.search.optimization import optimization
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.search.trials import Trials

ROOT = Path(__file__).parents[2]
EXAMPLE, DATA = ROOT / "examples/otp_refactor", ROOT / "tests/data"
GOLD = (EXAMPLE / "JULY_1_2025_PRE_PHASE_2_OTP_report_01.md").read_text()
PLANS = [GOLD, *(file.read_text() for file in sorted((DATA / "otp_refactor").glob("*.md")))]
CODEBASE = (EXAMPLE / "codebase.xml").read_text()
GOAL = "Analyze this Elixir codebase for OTP anti-patterns and create a critical refactoring plan"
PROMPTS = [
    file.read_text()
    for pattern in ("pipelines/*.yaml", "pipelines_hard/*", "old_run/candidates/*.md", "otp_refactor/*.md")
    for file in sorted(DATA.glob(pattern))
]
#: A prompt that a person wrote who knows the subject and has not read the gold plan.
EXPERT = """Write a refactoring plan in stages. Begin with the fixes that stop data loss and crashes. For each stage
state the problem, list the files to change, show the wrong code and the correct pattern, and name the tests that prove
it. Replace raw spawn with supervised tasks. Put every process under a supervisor with a restart strategy. Say how state
survives a crash, with ETS or persistence. Add Credo rules that ban unsupervised processes and the process dictionary.
Use backpressure, circuit breakers and timeouts at boundaries. Give a time estimate and the risk of each stage, a
rollback for each migration, and a checklist. Describe telemetry events, dashboards, and alerts for mailbox growth.
Monitor leaks with Process.monitor and demonitor. Remove Process.sleep in tests. Use feature flags.
Enforce it in CI with dialyzer and static analysis."""
YAML_GOLD = """title: Telemetry for the worker pool
stages:
  - name: Measure first
    owner: platform
    problem: Nobody knows how long jobs wait
    risk: low
"""
START = "Write the plan that the goal asks for."


def rare_words(text: str) -> list[str]:
    """Return the words of a plan that are neither usual nor in the codebase."""
    known = {word.lower() for word in re.findall(r"[A-Za-z]{4,}", f"{CODEBASE} {GOAL}")}
    words = dict.fromkeys(word.lower() for word in re.findall(r"[A-Za-z]{4,}", text))
    return [word for word in words if word not in known | common_words()]


@pytest.mark.slow
@pytest.mark.parametrize("known", [[START, GOAL], [START, GOAL, CODEBASE]], ids=["without-inputs", "with-inputs"])
@pytest.mark.parametrize("number", range(len(PLANS)))
def test_no_honest_prompt_is_refused(known: list[str], number: int) -> None:
    """No false alarm in 36 texts for three gold plans, other plans on the same subject by the same author included."""
    guard = LeakGuard([PLANS[number]], known)
    honest = [text for text in (*PROMPTS, *PLANS, EXPERT) if text != PLANS[number]]
    assert len(honest) >= 36
    assert [guard.leak(text) for text in honest] == [None] * len(honest)


def test_a_good_plan_may_be_a_demonstration() -> None:
    """It has the subject of the gold plan, but not its sentences."""
    for gold, plan in permutations(PLANS, 2):
        assert LeakGuard([gold], [GOAL]).leak("Write the plan.", [plan]) is None
    assert "words in a row" in str(LeakGuard([GOLD], [GOAL]).leak("Write the plan.", [f"title: x\n{GOLD[2000:2300]}"]))


def test_a_pasted_passage_is_refused() -> None:
    """Markup, case and line breaks make no difference. The passage may stand anywhere in the prompt."""
    guard = LeakGuard([GOLD], [START, GOAL, CODEBASE])
    passage = "* **Immediate critical FIXES** that\n  prevent data loss; resource leaks and system instability."
    copied = f"{EXPERT}\n\n{passage}"
    why = guard.leak(copied)
    assert why is not None
    assert '12 words in a row, from "immediate critical fixes that prevent …" on' in why
    assert guard.leak(GOLD) is not None
    assert guard.leak("Prevent data loss and resource leaks.") is None


def test_a_list_of_the_gold_plans_rare_words_is_refused() -> None:
    """An honest prompt around the list does not hide it."""
    guard = LeakGuard([GOLD], [START, GOAL, CODEBASE])
    words = rare_words(GOLD)
    assert "unusual words in a row" in str(guard.leak(f"{START} Cover these: {', '.join(words[:15])}."))
    assert guard.leak(f"{EXPERT} Cover these: {', '.join(words[20:50])}. {EXPERT}") is not None
    assert guard.leak(f"{START} Cover these: {', '.join(words[:5])}.") is None


@pytest.mark.parametrize(
    "copied",
    [
        "risk: low\nproblem: nobody knows how long jobs wait\nname: 'Measure first'\nowner: platform\n",
        '{"owner": "platform", "risk": "low", "problem": "Nobody knows how long jobs wait", "name": "Measure first"}',
    ],
    ids=["other order", "JSON"],
)
@pytest.mark.parametrize("around", ["{}", "Write it like this:\n```yaml\n{}\n```\nBe brief.", "Such as:\n\n{}\nDo it."])
def test_a_copied_yaml_subtree_is_refused(copied: str, around: str) -> None:
    """Another order of the keys, quotes and indentation make no difference."""
    guard = LeakGuard([YAML_GOLD], [START])
    assert guard.leak(around.format(copied)) is not None
    assert (
        guard.leak(around.format("name: Measure\nowner: me\nrisk: low\nproblem: nobody waits for any of the jobs"))
        is None
    )


@pytest.mark.parametrize("text", ["[" * 3000, "a: &a [1]\nb: [*a, *a]\n", "- " * 3000, "{" * 50 + "a: b", "", "\x00"])
def test_hostile_text_does_not_break_the_check(text: str) -> None:
    """Depth, aliases and control characters are no problem."""
    assert LeakGuard([YAML_GOLD], [START]).leak(text) is None


def test_a_known_text_is_no_leak() -> None:
    """The starting prompt, the goal and the pipeline's files may contain parts of the gold plan."""
    assert LeakGuard([GOLD], [GOLD[:3000]]).leak(GOLD[:2500]) is None
    assert LeakGuard([YAML_GOLD], [YAML_GOLD]).leak(YAML_GOLD) is None
    assert LeakGuard(["gold"], []).leak("gold") is None


def test_a_reason_loses_the_words_of_the_gold_plan() -> None:
    """Short mentions and everything else stay as they are."""
    guard = LeakGuard([GOLD], [START, GOAL])
    quote = "**immediate critical fixes** that prevent data loss, resource leaks, and system instability"
    reason = f'Missing: supervision. The gold plan says "{quote}". The plan does not.'
    assert guard.without_gold(reason) == (
        f'Missing: supervision. The gold plan says "**{TAKEN_OUT}". The plan does not.'
    )
    assert guard.without_gold("Missing: data loss, resource leaks.") == "Missing: data loss, resource leaks."


STUDY_GOLD = "First the team measures how long every job waits in the queue, and only then it rewrites the worker pool."
QUOTE = "measures how long every job waits in the queue"


def quoting_judge(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return a verdict whose reason quotes the gold plan."""
    verdict = judge(request, plan)
    return Verdict(verdict.score, f'{verdict.reason}; the gold plan "{QUOTE}"')


def leaking_edit(number: int) -> str:
    return f'[[ ## edits ## ]]\n[{{"action": "add", "text": "{number}. {STUDY_GOLD}"}}]\n\n[[ ## completed ## ]]'


def leaking_instruction(number: int) -> str:
    return json.dumps({"new_instruction": f"Number {number}. {STUDY_GOLD}"})


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "answer"), [("gepa", leaking_instruction), ("race", leaking_edit)])
def test_a_search_neither_executes_nor_chooses_a_copy(
    tmp_path: Path, optimizer: str, answer: Callable[[int], str]
) -> None:
    """The proposer is told. Records, artifact, table and JSON mark the copy."""
    requests: list[str] = []

    def propose(request: ProposalRequest) -> Proposal:
        requests.append(request.messages[-1][1])
        return Proposal(answer(len(requests)))

    executed: list[str] = []
    flow = Flow(propose=propose, score=quoting_judge)
    execute = flow.execute
    flow.execute = lambda request: executed.append(request.prompt) or execute(request)  # type: ignore[func-returns-value]  # append
    run = setting(tmp_path, optimizer=optimizer, goals=(Goal("one", "write the plan", (STUDY_GOLD,)),))
    outcome = flow.answer(optimization(run))
    assert outcome.best.candidate == outcome.baseline.candidate
    assert not any(QUOTE in prompt for prompt in executed)
    assert len(requests) > 1
    assert not any(QUOTE in request for request in requests)
    assert TAKEN_OUT in requests[0]
    assert "refused" not in requests[0]
    assert "An earlier prompt was refused, because it copied the gold plan." in requests[-1]
    leaks = {leak.candidate: leak.why for leak in run.run.lines(LeakRecord)}
    assert outcome.best.candidate.name not in leaks
    assert all("words in a row" in why for why in leaks.values())
    assert all((run.run.path / f"candidates/{name}.md").exists() for name in leaks)
    assert any(QUOTE in trial.reason for trial in run.run.lines(TrialRecord))


def test_a_copy_is_never_the_best(tmp_path: Path) -> None:
    """This holds even if every other candidate scores as little."""
    run = setting(tmp_path)
    trials = Trials(run, Flow(), phase="search", guard=LeakGuard([STUDY_GOLD], []))  # type: ignore[arg-type]  # no asker
    honest, copy = Candidate("Write a plan."), Candidate(STUDY_GOLD)
    plan = trials.execute(copy, copy.prompt("write the plan"), "write the plan", 0)
    assert plan.problem == trials.leak(copy)
    assert trials.spent == 0
    assert trials.leak(honest) is None
    assert len(run.run.lines(LeakRecord)) == 1
