"""Candidates and the prompts that are made of them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.support.flow import Flow
from tests.support.settings import setting
from workbench.nouns import Execution, ExecutionRequest
from workbench.search.candidate import Candidate
from workbench.search.optimization import optimization
from workbench.search.programs import PROGRAMS, Direct
from workbench.search.proposal import Proposal, ProposalRequest


def test_a_candidate_is_named_by_its_content() -> None:
    """The same text has the same name; a demonstration makes another candidate."""
    assert Candidate("Write.").name == Candidate("Write.").name
    assert Candidate("Write.").name != Candidate("Write.", (("goal", "plan"),)).name
    assert Candidate("ab", (("c", "d"),)).name != Candidate("a", (("bc", "d"),)).name


def test_the_prompt_is_instructions_demonstrations_and_goal() -> None:
    """In this order, each whole."""
    prompt = Candidate("Write it.", (("old goal", "old: plan"),)).prompt("new goal")
    assert prompt.index("Write it.") < prompt.index("old goal") < prompt.index("old: plan") < prompt.index("new goal")


@given(st.text(), st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), max_size=3))
def test_a_program_holds_a_candidate_as_it_is(instructions: str, demos: list[tuple[str, str]]) -> None:
    """Through DSPy's signature and demonstrations and back."""
    candidate = Candidate(instructions.strip() or "x", tuple(demos))
    assert Direct("other").holding(candidate).candidate.demos == candidate.demos


def test_direct_sends_the_candidate_and_the_goal_to_the_pipeline(tmp_path: Path) -> None:
    """Character for character, braces included."""
    sent: list[str] = []

    def note(request: ExecutionRequest) -> Execution:
        sent.append(request.prompt)
        return Execution(request.key, "a: 1\n", Path(), 0.0)

    made = setting(tmp_path, prompt="Write {{x}} [[ ## plan ## ]] {y}")
    Flow(execute=note).answer(optimization(made))
    assert sent == [Candidate("Write {{x}} [[ ## plan ## ]] {y}").prompt("write the plan")]


def test_writer_sends_what_the_model_wrote(tmp_path: Path) -> None:
    """And nothing else; the goal is the model's input."""
    sent: list[str] = []

    def note(request: ExecutionRequest) -> Execution:
        sent.append(request.prompt)
        return Execution(request.key, "a: 1\n", Path(), 0.0)

    def write(request: ProposalRequest) -> Proposal:
        assert "write the plan" in request.messages[-1][1]
        return Proposal("[[ ## prompt ## ]]\nDo this, then that.\n\n[[ ## completed ## ]]")

    Flow(propose=write, execute=note).answer(optimization(setting(tmp_path, program="writer")))
    assert sent == ["Do this, then that."]


def test_a_writer_without_a_prompt_is_the_candidates_fault(tmp_path: Path) -> None:
    """A score of zero, not an end of the search, and nothing is executed for it."""
    flow = Flow(propose=lambda request: Proposal("no fields at all"))
    found = flow.answer(optimization(setting(tmp_path, program="writer")))
    assert found.baseline.score == 0
    assert flow.calls["execute"] == 0


def test_an_empty_plan_is_data(tmp_path: Path) -> None:
    """DSPy would take an empty reply for a failure of the model."""
    flow = Flow(execute=lambda request: Execution(request.key, "", Path(), 0.0))
    assert flow.answer(optimization(setting(tmp_path))).baseline.score == 0


def test_programs_differ_in_one_place_only() -> None:
    """Two programs, one seam."""
    assert {(program.given, program.wanted) for program in PROGRAMS.values()} == {
        ("goal", "plan"),
        ("high_level_goal", "prompt"),
    }
