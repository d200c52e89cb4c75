"""A verdict is a verdict or nothing, through google-genai over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.scripted_server import Answer, Scripted, gemini_reply, scripted
from workbench.errors import MissingKey, NotJudged
from workbench.judging import gemini
from workbench.judging.judge import score
from workbench.nouns import Goal, Judge, Plan, ScoreRequest, Verdict
from workbench.providers import Provider

pytestmark = pytest.mark.processes

GOOD = gemini_reply(json.dumps({"score": 7.5, "reason": " names the files "}))
KEY = "secret-key-of-a-test"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are google-genai's; only their length is shorter here."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setattr(gemini.RETRY, "initial_delay", 0.01)
    monkeypatch.setattr(gemini.RETRY, "max_delay", 0.02)


def judged(server: Scripted, plan: Plan | None = None) -> Verdict:
    judge = Judge("gemini-2.5-pro", Provider("gemini", server.url, server.url), "$goal $gold_plans $plan", 0.25)
    return score(ScoreRequest(Goal("g", "goal", ("gold",)), judge, 5), plan or Plan("a: 1"))


def test_a_verdict_is_asked_for_with_a_schema_and_a_seed() -> None:
    """The reply's score and reason are the verdict."""
    with scripted(GOOD) as server:
        assert judged(server) == Verdict(7.5, "names the files")
    path, body = server.requests[0]
    assert path.endswith("models/gemini-2.5-pro:generateContent")
    assert set(body["generationConfig"]["responseSchema"]["properties"]) == {"score", "reason"}
    assert (body["generationConfig"]["temperature"], body["generationConfig"]["seed"]) == (0.25, 5)


@pytest.mark.parametrize(
    "text", ["no JSON", '{"score": 11, "reason": "x"}', '{"score": 5}', '{"score": 5, "reason": " "}', ""]
)
def test_a_reply_that_is_no_verdict_is_asked_for_again(text: str) -> None:
    """Three times in all; then it is not judged, which is never a zero."""
    with scripted(gemini_reply(text), GOOD) as server:
        assert judged(server).score == 7.5
    with (
        scripted(gemini_reply(text), gemini_reply(text), gemini_reply(text)) as server,
        pytest.raises(NotJudged) as caught,
    ):
        judged(server)
    assert caught.value.kind == "no verdict"
    assert not caught.value.lasting


def refused(status: int) -> Answer:
    return status, {"error": {"code": status, "message": f"because of {KEY}", "status": "X"}}


@pytest.mark.parametrize(
    ("script", "kind", "lasting"),
    [
        ([refused(401)], "authentication", True),
        ([refused(403)], "authentication", True),
        ([refused(400)], "bad request", True),
        ([refused(429)] * 3, "rate limit", False),
        ([refused(500)] * 3, "provider unavailable", False),
        ([(200, b"{")], "provider unavailable", False),
    ],
)
def test_a_judge_that_fails_is_an_error_with_a_kind_and_without_the_key(
    script: list[Any], kind: str, lasting: bool
) -> None:
    """What can change is tried again by the client, what cannot is not."""
    with scripted(*script) as server, pytest.raises(NotJudged) as caught:
        judged(server)
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert KEY not in str(caught.value)


def test_a_passing_failure_is_not_noticed() -> None:
    """429 and 500, then an answer."""
    with scripted(refused(429), refused(500), GOOD) as server:
        assert judged(server).score == 7.5


def test_a_plan_that_is_none_has_zero_without_a_call() -> None:
    """And the reason says what is wrong with it."""
    with scripted() as server:
        found = judged(server, Plan("x", "the plan is no YAML: line 3"))
    assert found.score == 0
    assert "line 3" in found.reason


def test_no_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the names of the variables."""
    monkeypatch.delenv("GEMINI_API_KEY")
    with scripted() as server, pytest.raises(MissingKey, match="GEMINI_API_KEY or GOOGLE_API_KEY"):
        judged(server)
