"""Every optimizer, unmodified, to its end: proposals of the rehearsal over HTTP, plans of a scripted pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.flow import Flow, pipeline
from tests.support.settings import goals, setting
from workbench.errors import ProposalFailed
from workbench.nouns import Execution, ExecutionRequest
from workbench.providers import rehearsal
from workbench.rehearsal.server import Rehearsal, start
from workbench.run.setting import Setting
from workbench.search.catalogue import OPTIMIZERS
from workbench.search.optimization import FIRST_CONFIRM_REPLICATE, SearchOutcome, confirmation, optimization
from workbench.search.programs import PROGRAMS
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.search.proposer import propose

pytestmark = pytest.mark.processes

PROGRAM_NAMES = ("direct", "writer")


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    with start(seed=1) as found:
        yield found


@pytest.fixture
def study(running: Rehearsal, tmp_path: Path) -> object:
    def make(**changes: object) -> Setting:
        found = rehearsal(running.url, running.world, running.seed)
        name = f"run-{len(list(tmp_path.glob('runs/*')))}"
        return setting(tmp_path, found, name, **changes)

    return make


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_that_can_be_named_can_be_loaded(optimizer: str) -> None:
    """Its function is there, and it declares what it does and what it needs at least."""
    entry = OPTIMIZERS[optimizer]
    assert callable(entry.load())
    assert entry.summary
    assert [entry.least(number) >= number for number in (1, 2, 7)] == [True] * 3
    assert entry.proposes in (True, False)


@pytest.mark.parametrize("program", PROGRAM_NAMES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("number", [1, 2])
def test_an_optimizer_ends_within_its_budget(study, optimizer: str, program: str, number: int) -> None:  # type: ignore[no-untyped-def]
    """On one goal as on several; the winner is written as a text and as a program that loads again."""
    made = study(optimizer=optimizer, program=program, goals=goals(number), budget=12 * number)
    found = Flow(propose=propose).answer(optimization(made))
    assert number <= found.spent <= 12 * number
    assert found.best.score >= found.baseline.score
    if OPTIMIZERS[optimizer].proposes:
        assert len(list(made.run.path.glob("candidates/*.md"))) > 1
    loaded = PROGRAMS[program]("something else")  # type: ignore[index]
    loaded.load(str(made.run.path / "program.json"))
    assert loaded.candidate == found.best.candidate
    assert (made.run.path / "best_prompt.md").read_text() == found.best.candidate.text


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name != "static"])
def test_the_champion_does_not_depend_on_the_order_of_arrival(study, optimizer: str) -> None:  # type: ignore[no-untyped-def]
    """One thread, four threads, and shuffled latencies find the same candidate from the same executions."""
    champions: list[SearchOutcome] = []
    for concurrency, shuffle in ((1, 0), (4, 1), (4, 2)):
        made = study(optimizer=optimizer, goals=goals(2), budget=24, concurrency=concurrency)
        flow = Flow(propose=propose, concurrency=concurrency, latency=0.01, shuffle=shuffle)
        champions.append(flow.answer(optimization(made)))
    assert len({found.best.candidate for found in champions}) == 1
    assert len({found.spent for found in champions}) == 1


def test_what_is_kept_is_not_executed_again(study) -> None:  # type: ignore[no-untyped-def]
    """A second search asks for the very same executions and proposals."""
    keys: list[set[str]] = []
    for _ in range(2):
        asked: set[str] = set()

        def note(request: ExecutionRequest, asked: set[str] = asked) -> Execution:
            asked.add(request.key)
            return pipeline(request)

        Flow(propose=propose, execute=note).answer(optimization(study(optimizer="gepa")))
        keys.append(asked)
    assert keys[0] == keys[1]


def test_gepa_reads_the_judges_reasons(study) -> None:  # type: ignore[no-untyped-def]
    """What the judge found missing stands in what GEPA asks its proposer."""
    asked: list[str] = []

    def note(request: ProposalRequest) -> Proposal:
        asked.append(request.messages[-1][1])
        return propose(request)

    Flow(propose=note).answer(optimization(study(optimizer="gepa")))
    assert asked
    assert all("missing: " in text for text in asked)


def test_a_repeated_request_of_an_optimizer_is_another_draw(study) -> None:  # type: ignore[no-untyped-def]
    """COPRO asks for all its candidates at once, with one and the same request."""
    drawn: list[int] = []

    def note(request: ProposalRequest) -> Proposal:
        drawn.append(request.draw)
        return propose(request)

    Flow(propose=note).answer(optimization(study(optimizer="copro", budget=24)))
    assert drawn[:7] == list(range(7))


def test_the_budget_holds_whatever_the_optimizer_thinks(study) -> None:  # type: ignore[no-untyped-def]
    """SIMBA wants more executions than these, or not, by luck: it is stopped, and the best so far is the result."""
    ways = set()
    for seed in range(6):
        found = Flow(propose=propose).answer(
            optimization(study(optimizer="simba", goals=goals(2), budget=7, seed=seed))
        )
        assert found.spent <= 7
        assert found.best.score >= found.baseline.score
        ways.add(found.ended)
    assert "budget" in ways


def test_confirmation_uses_replicates_that_no_search_has_seen(study) -> None:  # type: ignore[no-untyped-def]
    """Baseline and best, three times on every goal."""
    made = study(optimizer="copro", goals=goals(2), budget=20)
    seen: list[ExecutionRequest] = []

    def note(request: ExecutionRequest) -> Execution:
        seen.append(request)
        return pipeline(request)

    flow = Flow(propose=propose, execute=note)
    found = flow.answer(optimization(made))
    assert max(request.replicate for request in seen) < FIRST_CONFIRM_REPLICATE
    seen.clear()
    trials = flow.answer(confirmation(made, found))
    assert len(trials) == 2 * 2 * 3
    assert sorted({request.replicate for request in seen}) == [
        FIRST_CONFIRM_REPLICATE,
        FIRST_CONFIRM_REPLICATE + 1,
        FIRST_CONFIRM_REPLICATE + 2,
    ]


def test_a_dead_proposer_does_not_pass_for_a_result(study) -> None:  # type: ignore[no-untyped-def]
    """GEPA and MIPROv2 finish normally on failures; here the failure is what comes out."""

    def dead(request: ProposalRequest) -> Proposal:
        raise ProposalFailed("no answer", kind="provider unavailable")

    def babbling(request: ProposalRequest) -> Proposal:
        return Proposal("I had rather not.")

    for optimizer in ("gepa", "mipro", "simba", "copro", "race"):
        with pytest.raises(ProposalFailed, match="no answer"):
            Flow(propose=dead).answer(optimization(study(optimizer=optimizer, goals=goals(3), budget=60)))
    with pytest.raises(ProposalFailed, match="without a new prompt"):
        Flow(propose=babbling).answer(optimization(study(optimizer="gepa", budget=4)))
