"""A reply is a verdict or nothing, over real HTTP: the reason comes first, and what is no verdict is never a score."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted_server import Answer, Scripted, gemini_reply, scripted
from workbench.errors import MissingKey, ModelNotFound, NotJudged
from workbench.judging.holistic import read_verdict
from workbench.judging.judge import score
from workbench.models.text import UnusableText
from workbench.nouns import Goal, Judge, Plan, ScoreRequest, Verdict
from workbench.providers import Provider

pytestmark = pytest.mark.processes

GOOD = gemini_reply(json.dumps({"reason": " names the files ", "score": 7.5}))
KEY = "secret-key-of-a-test"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the key."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def judged(
    server: Scripted, plan: Plan | None = None, temperature: float | None = 0.25, seconds: float = 60
) -> Verdict:
    """Return the verdict on a plan."""
    provider = Provider("gemini", server.url, server.url)
    judge = Judge("gemini-4-argon", provider, "$goal $gold_plans $plan", temperature, seconds)
    return score(ScoreRequest(Goal("g", "goal", ("gold",)), judge, 5), plan or Plan("a: 1"))


def gemini(reason: str | None, text: str = '{"reason": "half", "score": 7}', **body: Any) -> Answer:
    """Return Gemini's reply with this finish reason."""
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": reason, "index": 0}
    return 200, {"candidates": [candidate], **body}


def test_a_verdict_is_asked_for_with_a_schema_and_a_seed() -> None:
    """The request goes to v1beta, and its schema has the reason before the score."""
    with scripted(GOOD) as server:
        assert judged(server) == Verdict(7.5, "names the files")
    path, body = server.requests[0]
    assert path == "/v1beta/models/gemini-4-argon:generateContent"
    config = body["generationConfig"]
    assert list(config["responseJsonSchema"]["properties"]) == ["reason", "score"]
    assert (config["temperature"], config["seed"]) == (0.25, 5)


def test_a_temperature_is_only_sent_if_the_study_has_one() -> None:
    """Newer models refuse any temperature."""
    with scripted(GOOD) as server:
        judged(server, temperature=None)
    assert "temperature" not in server.requests[0][1]["generationConfig"]


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        '{"score": 11, "reason": "x"}',
        '{"score": 5}',
        '{"score": 5, "reason": " "}',
        "",
        '{"score": "9", "reason": "x"}',
        '{"score": true, "reason": "x"}',
        '{"score": null, "reason": "x"}',
        '{"score": 1e999, "reason": "x"}',
        '{"score": 9, "reason": "x", "score": 2}',
        '[{"score": 9, "reason": "x"}]',
        "[" * 100_000 + "]" * 100_000,
        '{"score": 9, "reason": ' + "[" * 60 + "]" * 60 + "}",
        '{"score": 9, "reason": "' + "x" * 200_000 + '"}',
    ],
)
def test_a_reply_that_is_no_verdict_is_asked_for_again_with_another_seed(text: str) -> None:
    """The judge is asked three times in all. Then the plan is not judged, which is never a zero."""
    with scripted(gemini_reply(text), GOOD) as server:
        assert judged(server).score == 7.5
    with scripted(*[gemini_reply(text)] * 3) as server, pytest.raises(NotJudged) as caught:
        judged(server)
    assert (caught.value.kind, caught.value.lasting) == ("unusable reply", True)
    assert len({body["generationConfig"]["seed"] for _, body in server.requests}) == 3
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"score": 7.5, "reason": "names the files"}\n```',
        'Here it is:\n```\n{"reason": "names the files", "score": 7.5}\n```\n',
    ],
)
def test_a_verdict_may_stand_in_a_code_fence(text: str) -> None:
    """Models that ignore the schema write fences."""
    with scripted(gemini_reply(text)) as server:
        assert judged(server) == Verdict(7.5, "names the files")


def test_a_thought_is_no_part_of_the_verdict() -> None:
    """Gemini marks thoughts, and sends them before the answer."""
    parts = [{"text": "Let me compare both.", "thought": True}, {"text": '{"score": 7.5, "reason": "names the files"}'}]
    reply = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    with scripted((200, reply)) as server:
        assert judged(server) == Verdict(7.5, "names the files")


@pytest.mark.parametrize(
    ("reason", "kind", "lasting", "asked"),
    [
        ("MAX_TOKENS", "cut off", True, 3),
        ("SAFETY", "refused", True, 3),
        ("RECITATION", "refused", True, 3),
        ("OTHER", "provider unavailable", False, 3),
        ("MALFORMED_RESPONSE", "provider unavailable", False, 3),
        ("A_REASON_OF_TOMORROW", "provider unavailable", False, 3),
        (None, "provider unavailable", False, 3),
        ("PUP_LIMITED_DISABLED", "account disabled", True, 1),
    ],
)
def test_the_finish_reason_comes_before_the_text(reason: str | None, kind: str, lasting: bool, asked: int) -> None:
    """A valid verdict in a reply that is not complete is no verdict. The message has the provider's word."""
    reply = gemini(reason, usageMetadata={"thoughtsTokenCount": 8000})
    with scripted(*[reply] * asked) as server, pytest.raises(NotJudged) as caught:
        judged(server)
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert len(server.requests) == asked
    assert (reason or "no finish reason") in str(caught.value)
    assert ("8000 tokens" in str(caught.value)) == (reason == "MAX_TOKENS")


def test_a_blocked_prompt_is_asked_once() -> None:
    """The same prompt is always blocked. The message has the provider's reason."""
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 900}}
    with scripted((200, blocked)) as server, pytest.raises(NotJudged, match="PROHIBITED_CONTENT") as caught:
        judged(server)
    assert (caught.value.kind, caught.value.lasting) == ("refused", True)


def refused(status: int, message: str = f"because of {KEY}", **error: object) -> Answer:
    """Return Gemini's error."""
    return status, {"error": {"code": status, "message": message, "status": "X", **error}}


REJECTED = refused(400, "API key not valid.", details=[{"reason": "API_KEY_INVALID"}])


@pytest.mark.parametrize(
    ("answer", "kind", "lasting"),
    [
        (refused(401), "authentication", True),
        (refused(403), "authentication", True),
        (REJECTED, "authentication", True),
        (refused(400), "bad request", True),
        (refused(429), "rate limit", False),
        (refused(500), "provider unavailable", False),
        ((200, b"{"), "provider unavailable", False),
        ((200, b"[" * 100_000), "provider unavailable", False),
    ],
)
def test_a_judge_that_fails_is_an_error_with_a_kind_and_without_the_key(answer: Any, kind: str, lasting: bool) -> None:
    """The judge asks once. The task tries again if the failure can pass. No cause carries the provider's own text."""
    with scripted(answer) as server, pytest.raises(NotJudged) as caught:
        judged(server)
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_unknown_model_is_a_users_error() -> None:
    """The message names the model, the key of the study, and current models."""
    answer = refused(404, "models/gemini-4-argon is not found for API version v1beta")
    with scripted(answer) as server, pytest.raises(ModelNotFound) as caught:
        judged(server)
    assert caught.value.exit_code == 2
    for words in ("judge.model", "gemini-4-argon", "gemini/gemini-3.8-flash"):
        assert words in str(caught.value)


def test_a_verdict_of_another_model_says_so() -> None:
    """A provider may answer with another model than the one that was asked."""
    _, body = GOOD
    with scripted(
        (200, {**body, "modelVersion": "gemini-4-neon"}), (200, {**body, "modelVersion": "gemini-4-argon-001"})
    ) as server:
        assert judged(server).other_model == "gemini-4-neon"
        assert judged(server).other_model is None


@pytest.mark.parametrize("answer", ["hang", "trickle"])
def test_one_deadline_holds_for_the_whole_verdict(answer: str) -> None:
    """A server that is silent, or that sends ten bytes a second, is given up after the time limit."""
    with scripted(answer) as server, pytest.raises(NotJudged, match="no answer within 0 s") as caught:
        judged(server, seconds=0.4)
    assert (caught.value.kind, caught.value.lasting) == ("timeout", False)


def test_a_text_that_is_no_plan_scores_zero_without_a_call() -> None:
    """The reason says what is wrong with the text."""
    with scripted() as server:
        verdict = judged(server, Plan("x", "the plan is no YAML: line 3"))
    assert verdict.score == 0
    assert "line 3" in verdict.reason


def test_a_missing_key_is_named_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variables."""
    monkeypatch.delenv("GEMINI_API_KEY")
    with scripted() as server, pytest.raises(MissingKey, match="GEMINI_API_KEY or GOOGLE_API_KEY"):
        judged(server)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.text(st.characters())
    | st.builds(lambda score, reason: json.dumps({"score": score, "reason": reason}), JSON, JSON)
)
def test_any_reply_is_a_storable_verdict_or_is_refused(text: str) -> None:
    """A verdict has a number from 0 to 10, and a reason that every file can hold."""
    try:
        score, reason = read_verdict(text)
    except UnusableText:
        return
    assert type(score) is float
    assert 0 <= score <= 10
    assert reason.encode("utf-8").decode().strip()
    assert reason.split("\n") == reason.splitlines()
