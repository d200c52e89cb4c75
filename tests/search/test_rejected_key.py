"""A judge or a proposer whose key is rejected is asked once, and next to nothing is bought before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.flow import Flow
from tests.support.scripted_server import Answer, scripted
from tests.support.settings import goals, setting
from workbench.calibration.design import Prices
from workbench.calibration.work import calibration
from workbench.errors import OutsideError
from workbench.judging import drawing, judge
from workbench.providers import real
from workbench.run.setting import Setting
from workbench.search import proposer
from workbench.search.asker import Asker
from workbench.search.fresh_trials import requalification
from workbench.search.optimization import optimization
from workbench.study.draw import drawing_of

pytestmark = pytest.mark.processes

REJECTED: Answer = (401, {"error": {"code": 401, "message": "API key not valid", "status": "UNAUTHENTICATED"}})

Work = Callable[[Setting], Callable[[Asker], Any]]


def asked(folder: Path, monkeypatch: pytest.MonkeyPatch, work: Work, flow: Flow) -> Flow:
    """Do the work on three goals, eight asks at once, with a provider that rejects every key. It takes one request."""
    monkeypatch.setenv("GEMINI_API_KEY", "a-wrong-key-of-a-test")
    flow.concurrency = 8
    with scripted(REJECTED) as server:
        providers = real({"GOOGLE_GEMINI_BASE_URL": server.url})
        run = setting(folder, providers, goals=goals(3), concurrency=8, confirm=8, budget=40, optimizer="race")
        with pytest.raises(OutsideError, match="authentication") as caught:
            flow.answer(work(run))
    assert caught.value.lasting
    assert len(server.requests) == 1
    return flow


@pytest.mark.parametrize(
    ("work", "executions"),
    [
        (lambda run: calibration(run, Prices(None, None), probes=False), 0),
        (optimization, 1),
        (requalification, 3),
        (lambda run: drawing_of(run, 0), 0),
    ],
)
def test_a_rejected_key_of_the_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Work, executions: int
) -> None:
    """A calibration buys nothing, a search one execution, and a requalification one of each goal."""
    flow = asked(tmp_path, monkeypatch, work, Flow(score=judge.score, draw=drawing.draw))
    assert flow.calls["execute"] == executions


def test_a_rejected_key_of_the_proposer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search buys one execution of the starting prompt for each goal, which it needs in any case."""
    flow = asked(tmp_path, monkeypatch, optimization, Flow(propose=proposer.propose))
    assert flow.calls["execute"] == 3
