"""Runs every optimizer, unmodified, to its end, with proposals of the rehearsal and plans of a scripted pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.flow import Flow, pipeline
from tests.support.settings import goals, setting
from workbench.errors import ProposalFailed
from workbench.nouns import FIRST_CONFIRM_REPLICATE, Execution, ExecutionRequest, ProgramName
from workbench.providers import rehearsal
from workbench.rehearsal.server import Rehearsal, start
from workbench.run.setting import Setting
from workbench.search.catalogue import OPTIMIZERS
from workbench.search.fresh_trials import confirmation
from workbench.search.optimization import optimization
from workbench.search.outcome import SearchOutcome
from workbench.search.programs import PROGRAMS
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.search.proposer import propose

pytestmark = pytest.mark.processes

PROGRAM_NAMES = ("direct", "writer")
#: Makes a setting from the changes of a study.
NewSetting = Callable[..., Setting]


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    with start(seed=1) as server:
        yield server


@pytest.fixture
def study(running: Rehearsal, tmp_path: Path) -> NewSetting:
    def make(**changes: object) -> Setting:
        providers = rehearsal(running.url, running.world, running.seed)
        name = f"run-{len(list(tmp_path.glob('runs/*')))}"
        return setting(tmp_path, providers, name, **changes)

    return make


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_that_can_be_named_can_be_loaded(optimizer: str) -> None:
    """Its function exists, and it declares a summary and a smallest useful budget."""
    entry = OPTIMIZERS[optimizer]
    assert callable(entry.load())
    assert entry.summary
    assert [entry.least(number) >= number for number in (1, 2, 7)] == [True] * 3
    assert entry.proposes in (True, False)


@pytest.mark.parametrize("program", PROGRAM_NAMES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("number", [1, 2])
def test_an_optimizer_ends_within_its_budget(
    study: NewSetting, optimizer: str, program: ProgramName, number: int
) -> None:
    """This holds for one goal and for several. The winner is written as a text and as a program that can be loaded."""
    run_setting = study(optimizer=optimizer, program=program, goals=goals(number), budget=12 * number)
    outcome = Flow(propose=propose).answer(optimization(run_setting))
    assert number <= outcome.spent <= 12 * number
    # The race chooses by what it expects. The confirmation decides whether its choice is better.
    assert outcome.best.score >= outcome.baseline.score or OPTIMIZERS[optimizer].chooses
    if OPTIMIZERS[optimizer].proposes:
        assert len(list(run_setting.run.path.glob("candidates/*.md"))) > 1
    loaded = PROGRAMS[program]("something else")
    loaded.load(str(run_setting.run.path / "program.json"))
    assert loaded.candidate == outcome.best.candidate
    assert (run_setting.run.path / "best_prompt.md").read_text() == outcome.best.candidate.text


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name != "static"])
def test_the_champion_does_not_depend_on_the_order_of_arrival(study: NewSetting, optimizer: str) -> None:
    """One thread, four threads, and shuffled latencies find the same candidate from the same executions."""
    champions: list[SearchOutcome] = []
    for concurrency, shuffle in ((1, 0), (4, 1), (4, 2)):
        run_setting = study(optimizer=optimizer, goals=goals(2), budget=24, concurrency=concurrency)
        flow = Flow(propose=propose, concurrency=concurrency, latency=0.01, shuffle=shuffle)
        champions.append(flow.answer(optimization(run_setting)))
    assert len({outcome.best.candidate for outcome in champions}) == 1
    assert len({outcome.spent for outcome in champions}) == 1


def test_a_stored_answer_is_not_executed_again(study: NewSetting) -> None:
    """A second search asks for exactly the same executions and proposals."""
    keys: list[set[str]] = []
    for _ in range(2):
        recorded: set[str] = set()

        def note(request: ExecutionRequest, recorded: set[str] = recorded) -> Execution:
            recorded.add(request.key)
            return pipeline(request)

        Flow(propose=propose, execute=note).answer(optimization(study(optimizer="gepa")))
        keys.append(recorded)
    assert keys[0] == keys[1]


def test_gepa_reads_the_judges_reasons(study: NewSetting) -> None:
    """GEPA's request to its proposer contains what the judge missed in a plan."""
    recorded: list[str] = []

    def note(request: ProposalRequest) -> Proposal:
        recorded.append(request.messages[-1][1])
        return propose(request)

    Flow(propose=note).answer(optimization(study(optimizer="gepa")))
    assert recorded
    assert all("missing: " in text for text in recorded)


def test_a_repeated_request_of_an_optimizer_is_another_draw(study: NewSetting) -> None:
    """COPRO sends the same request at once for all its candidates."""
    drawn: list[int] = []

    def note(request: ProposalRequest) -> Proposal:
        drawn.append(request.draw)
        return propose(request)

    Flow(propose=note).answer(optimization(study(optimizer="copro", budget=24)))
    assert drawn[:7] == list(range(7))


def test_the_budget_holds_for_an_optimizer_that_wants_more(study: NewSetting) -> None:
    """By chance, SIMBA may want more executions. It is stopped, and the best prompt so far is the result."""
    ways = set()
    for seed in range(6):
        outcome = Flow(propose=propose).answer(
            optimization(study(optimizer="simba", goals=goals(2), budget=7, seed=seed))
        )
        assert outcome.spent <= 7
        assert outcome.best.score >= outcome.baseline.score
        ways.add(outcome.ended)
    assert "budget" in ways


def test_confirmation_uses_replicates_that_no_search_has_seen(study: NewSetting) -> None:
    """Baseline and best are executed on every goal, in stages until these decide."""
    run_setting = study(optimizer="copro", goals=goals(2), budget=20)
    requests: list[ExecutionRequest] = []

    def note(request: ExecutionRequest) -> Execution:
        requests.append(request)
        return pipeline(request)

    flow = Flow(propose=propose, execute=note)
    outcome = flow.answer(optimization(run_setting))
    assert max(request.replicate for request in requests) < FIRST_CONFIRM_REPLICATE
    requests.clear()
    trials = flow.answer(confirmation(run_setting, outcome, [2, 3], lambda: len(requests) == 2 * 2 * 3))
    assert len(trials) == 2 * 2 * 3
    assert sorted({request.replicate for request in requests}) == [
        FIRST_CONFIRM_REPLICATE,
        FIRST_CONFIRM_REPLICATE + 1,
        FIRST_CONFIRM_REPLICATE + 2,
    ]


def test_a_dead_proposer_gives_no_result(study: NewSetting) -> None:
    """GEPA and MIPROv2 end normally after failures. Here the search raises the failure."""

    def dead(request: ProposalRequest) -> Proposal:
        raise ProposalFailed("no answer", kind="provider unavailable")

    def babbling(request: ProposalRequest) -> Proposal:
        return Proposal("I had rather not.")

    for optimizer in ("gepa", "mipro", "simba", "copro", "race"):
        with pytest.raises(ProposalFailed, match="no answer"):
            Flow(propose=dead).answer(optimization(study(optimizer=optimizer, goals=goals(3), budget=60)))
    with pytest.raises(ProposalFailed, match=r"without a new prompt.*its last answer was: .I had rather not"):
        Flow(propose=babbling).answer(optimization(study(optimizer="gepa", budget=4)))
