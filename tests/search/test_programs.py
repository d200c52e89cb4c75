"""Tests of the two programs, and of the prompts that they make of candidates."""

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
    """Equal texts have equal names. The name also depends on where the instructions end and a demonstration begins."""
    assert Candidate("Write.").name == Candidate("Write.").name
    assert Candidate("Write.").name != Candidate("Write.", (("goal", "plan"),)).name
    assert Candidate("ab", (("c", "d"),)).name != Candidate("a", (("bc", "d"),)).name


def test_the_prompt_is_instructions_demonstrations_and_goal() -> None:
    """The prompt has all three parts unchanged, in this order."""
    prompt = Candidate("Write it.", (("old goal", "old: plan"),)).prompt("new goal")
    assert prompt.index("Write it.") < prompt.index("old goal") < prompt.index("old: plan") < prompt.index("new goal")


@given(st.text(), st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), max_size=3))
def test_a_program_keeps_a_candidates_demonstrations_unchanged(instructions: str, demos: list[tuple[str, str]]) -> None:
    """A candidate that goes into a DSPy program comes out with equal demonstrations."""
    candidate = Candidate(instructions.strip() or "x", tuple(demos))
    assert Direct("other").with_candidate(candidate).candidate.demos == candidate.demos


@given(st.text(st.sampled_from("ab \t\n\r\f\x85\u2028")) | st.text(), st.sampled_from([(), (("goal", "plan"),)]))
def test_a_candidate_is_known_without_a_copy_of_the_program(
    instructions: str, demos: tuple[tuple[str, str], ...]
) -> None:
    """`candidate_of` returns the candidate of a copy with these instructions, whatever DSPy makes of them."""
    program = Direct("other").with_candidate(Candidate("other", demos))
    assert program.candidate_of(instructions) == program.with_candidate(Candidate(instructions, demos)).candidate


def test_direct_sends_the_candidate_and_the_goal_to_the_pipeline(tmp_path: Path) -> None:
    """The pipeline gets every character unchanged, braces included."""
    prompts: list[str] = []

    def record(request: ExecutionRequest) -> Execution:
        prompts.append(request.prompt)
        return Execution(request.key, "a: 1\n", Path(), 0.0)

    run_setting = setting(tmp_path, prompt="Write {{x}} [[ ## plan ## ]] {y}")
    Flow(execute=record).answer(optimization(run_setting))
    assert prompts == [Candidate("Write {{x}} [[ ## plan ## ]] {y}").prompt("write the plan")]


def test_writer_sends_the_prompt_that_the_model_wrote(tmp_path: Path) -> None:
    """The model gets the goal. The pipeline gets the model's prompt and nothing else."""
    prompts: list[str] = []

    def record(request: ExecutionRequest) -> Execution:
        prompts.append(request.prompt)
        return Execution(request.key, "a: 1\n", Path(), 0.0)

    def write(request: ProposalRequest) -> Proposal:
        assert "write the plan" in request.messages[-1][1]
        return Proposal("[[ ## prompt ## ]]\nDo this, then that.\n\n[[ ## completed ## ]]")

    Flow(propose=write, execute=record).answer(optimization(setting(tmp_path, program="writer")))
    assert prompts == ["Do this, then that."]


def test_a_writers_answer_without_a_prompt_scores_zero(tmp_path: Path) -> None:
    """The candidate scores zero, the search goes on, and nothing is executed."""
    flow = Flow(propose=lambda request: Proposal("no fields at all"))
    outcome = flow.answer(optimization(setting(tmp_path, program="writer")))
    assert outcome.baseline.score == 0
    assert flow.calls["execute"] == 0


def test_an_empty_plan_scores_zero(tmp_path: Path) -> None:
    """An empty plan is a result, although DSPy takes an empty reply for a failed model."""
    flow = Flow(execute=lambda request: Execution(request.key, "", Path(), 0.0))
    assert flow.answer(optimization(setting(tmp_path))).baseline.score == 0


def test_the_programs_are_direct_and_writer() -> None:
    """The fields tell the programs apart: `direct` puts out a plan, and `writer` puts out a prompt."""
    assert {(program.input_field, program.output_field) for program in PROGRAMS.values()} == {
        ("goal", "plan"),
        ("high_level_goal", "prompt"),
    }
