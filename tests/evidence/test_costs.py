"""The money of a run in the terminal, in the artifact and as JSON."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.support.run_folder import add, begin, finish, record
from workbench.commands.progress import counts, spent
from workbench.evidence.costs import Costs
from workbench.evidence.report import markdown, rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.money.price import Cost, ModelCost, Tokens
from workbench.run.folder import RunFolder
from workbench.run.journal import Action, CallRecord
from workbench.run.record import SearchResult

FLASH = "gemini/gemini-3.8-flash"


def pay(
    folder: RunFolder, action: Action, dollars: float | None, untold: tuple[str, ...] = (), kind: str = "ok"
) -> None:
    folder.append(paid(action, dollars, untold, kind))


def paid(action: Action, dollars: float | None, untold: tuple[str, ...] = (), kind: str = "ok") -> CallRecord:
    cost = Cost.of([ModelCost(FLASH if dollars is not None else "openai/llama", 2, Tokens(input=1), dollars)], untold)
    return CallRecord(action=action, key="k", kind=kind, seconds=1.0, at=1.0, cost=cost)


def test_the_report_splits_the_money_by_role_and_names_what_has_no_price(tmp_path: Path) -> None:
    """A failed call was paid for, too. Nothing is priced again: the amounts stand in the journal."""
    folder = begin(tmp_path)
    pay(folder, "execute", 1.0)
    pay(folder, "execute", 0.25, kind="truncated")
    pay(folder, "execute", 0.0, untold=("runtime: mix",))
    pay(folder, "score", 0.5)
    pay(folder, "propose", None)
    summary = summarize(folder)
    shown = dict(rows(summary))
    assert shown["cost"] == "$1.75: generator $1.25, judge $0.50, proposer $0.00"
    assert shown["not counted"] == "runtime: mix (1 call), openai/llama (2 calls)"
    cost = ReportRecord.of(summary).to_json()["cost"]
    assert (cost["dollars"], cost["generator"], cost["judge"], cost["proposer"]) == (1.75, 1.25, 0.5, 0.0)
    assert cost["unpriced"] == {"runtime: mix": 1, "openai/llama": 2}
    assert (cost["would_have"], cost["budget"], cost["overshot"]) == (False, None, 0.0)
    assert cost["prices"][0].startswith("genai-prices ")
    artifact = markdown(summary)
    assert "| executions | 3 | 3 | $1.25 |" in artifact
    assert "not counted: runtime\\: mix" in artifact
    assert spent(summary) == " · $1.75 so far"
    assert "$1.75 so far" in counts(summary)


@pytest.mark.parametrize("dollars", list(permutations([0.1, 0.2, 0.3])))
def test_the_order_in_which_calls_end_changes_no_digit(dollars: tuple[float, ...]) -> None:
    """Added one by one, these amounts make 0.6 in one order, and 0.6000000000000001 in another."""
    costs = Costs.of(record(), [paid("execute", amount) for amount in dollars])
    assert (costs.by_role["generator"], costs.dollars) == (0.6, 0.6)


def test_a_rehearsal_costs_nothing_and_says_what_real_models_would_have_cost(tmp_path: Path) -> None:
    folder = begin(tmp_path, rehearsal="default:0")
    pay(folder, "score", 0.02)
    summary = summarize(folder)
    assert dict(rows(summary))["cost"].startswith("nothing; real models would have cost $0.0200: ")
    assert ReportRecord.of(summary).to_json()["cost"]["would_have"] is True
    assert "dollars, had real models answered" in markdown(summary)
    assert spent(summary) == ""


def test_the_amount_above_the_budget_is_named(tmp_path: Path) -> None:
    """Only a runtime that tells its cost afterwards can overshoot."""
    folder = begin(tmp_path, dollars=1.0)
    pay(folder, "execute", 1.5)
    summary = summarize(folder)
    assert dict(rows(summary))["overshot"] == "$0.50 more than the budget of $1.00"
    assert ReportRecord.of(summary).to_json()["cost"]["overshot"] == 0.5


def test_a_search_that_used_up_its_dollars_says_so(tmp_path: Path) -> None:
    folder = begin(tmp_path, dollars=5.0)
    finish(folder, "best", (3.0, 3.1, 3.2), (9.0, 9.1, 9.2))
    result = folder.load(SearchResult)
    folder.save(result.model_copy(update={"ended": "budget", "used_up": "dollars"}))
    pay(folder, "execute", 4.0)
    add(folder, "search", "best", 0, 9.0)
    summary = summarize(folder)
    assert dict(rows(summary))["search ended"].startswith("its budget of $5.00 is used up")
    report = ReportRecord.of(summary).to_json()
    assert (report["ended"], report["used_up"], report["cost"]["budget"]) == ("budget", "dollars", 5.0)
