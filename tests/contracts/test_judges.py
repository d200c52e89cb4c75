"""The contract of every judge: a verdict or an error with a kind, never a zero for a failure, no key in a message."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import claude_program
from tests.support.claude_program import claude_failure, claude_reply
from tests.support.scripted_server import Answer, anthropic_reply, gemini_reply, openai_reply, scripted
from workbench.errors import MissingKey, NotJudged
from workbench.judging.judge import JUDGES, score
from workbench.judging.template import check_template, default_template
from workbench.nouns import HOLISTIC, Goal, Judge, Plan, ScoreRequest, Verdict
from workbench.provider_table import DEFAULT_JUDGE, KNOWN, PROGRAM, ProviderName
from workbench.providers import Provider, rehearsal
from workbench.rehearsal.server import start
from workbench.run import journal
from workbench.scoring import Criterion, CriterionResult

pytestmark = pytest.mark.processes

KEY = "secret-key-of-a-test"
TEMPLATE = "<goal>\n$goal\n</goal>\n$gold_plans\n<criteria>\n$criteria\n</criteria>\n<plan>\n$plan\n</plan>"
GOLD = "Supervision trees. Telemetry: the gold plan."
CRITERIA = (Criterion("files", "Does it name files?", 3.0), Criterion("a rollback", "Can it be rolled back?"))
PLAN = Plan("the: plan")


@dataclass(frozen=True)
class Protocol:
    """How a provider says things.

    Attributes:
        reply: returns the reply of a model that says this text.
        refusal: returns an error with this status and message.
    """

    model: str
    reply: Callable[[str], Answer]
    refusal: Callable[[int, str], Answer]


def _gemini_refusal(status: int, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message, "status": "X"}}


def _anthropic_refusal(status: int, message: str) -> Answer:
    return status, {"type": "error", "error": {"type": "x", "message": message}}


def _openai_refusal(status: int, message: str) -> Answer:
    return status, {"error": {"message": message, "type": "x", "code": None}}


def _program_failure(status: int, message: str) -> Answer:
    """Return what the program prints when its service answers with this status."""
    words = {401: "Failed to authenticate. API Error: 401", 403: "Failed to authenticate. API Error: 403"}
    return claude_failure(f"{words.get(status, f'API Error: {status}')} {message}")


SPOKEN: dict[ProviderName, Protocol] = {
    "gemini": Protocol("gemini-4-argon", gemini_reply, _gemini_refusal),
    "anthropic": Protocol("claude-sonnet-5-5", anthropic_reply, _anthropic_refusal),
    "openai": Protocol("gpt-4.1", openai_reply, _openai_refusal),
    "claude-program": Protocol("claude-opus-5-5", claude_reply, _program_failure),
    # A service that takes no schema beside the prompt.
    "deepseek": Protocol("deepseek-v4-pro", openai_reply, _openai_refusal),
}


def _asked_alike(provider: ProviderName) -> tuple[str, bool]:
    return KNOWN[provider].protocol, KNOWN[provider].schemas


def _whole(score: object, reason: str = "names the files") -> str:
    return json.dumps({"score": score, "reason": reason})


def _answers(*answers: object, reason: str = "names the files", evidence: str = "THE plan") -> str:
    listed = [{"number": n, "answer": a, "evidence": evidence} for n, a in enumerate(answers, start=1)]
    return json.dumps({"criteria": listed, "reason": reason})


@dataclass(frozen=True)
class Form:
    """How a judge's verdict looks.

    Attributes:
        good: a verdict, as the model writes it, and what is made of it.
        ends: verdicts with the scores 0 and 10.
        bad: replies that are no verdicts.
    """

    good: tuple[str, Verdict]
    ends: dict[int, str]
    bad: tuple[str, ...]


_PARTLY = (CriterionResult("files", "yes", "THE plan"), CriterionResult("a rollback", "partly", "THE plan"))
#: The judges by name. A new judge is one more line here.
FORMS = {
    "holistic": Form(
        (_whole(7.5), Verdict(7.5, "names the files")),
        {0: _whole(0), 10: _whole(10)},
        ("no JSON", _whole(11), _whole(-1), _whole("NaN"), '{"score": 5}', _whole(5, " "), ""),
    ),
    "rubric": Form(
        (_answers("yes", "partly"), Verdict(8.75, "names the files Partly met: a rollback.", criteria=_PARTLY)),
        {0: _answers("no", "no"), 10: _answers("yes", "yes")},
        (
            "no JSON", "", "[]", _answers("yes"), _answers("yes", "yes", "yes"), _answers("yes", "maybe"),
            _answers("yes", "no", reason=" "), _answers("yes", "yes").replace('"number": 2', '"number": 1'),
            '{"criteria": [1, 2], "reason": "x"}', '{"criteria": {}, "reason": "x"}', _answers("yes", ["no"]),
        ),
    ),
}  # fmt: skip
CASES = [(name, provider) for name, entry in JUDGES.items() for provider in sorted(entry.providers & SPOKEN.keys())]


@dataclass(frozen=True)
class Case:
    """One judge with the models of one provider."""

    method: str
    provider: ProviderName
    protocol: Protocol
    monkeypatch: pytest.MonkeyPatch

    @property
    def form(self) -> Form:
        return FORMS[self.method]

    @property
    def goal(self) -> Goal:
        return Goal("g", "the goal", (GOLD,), criteria=CRITERIA if JUDGES[self.method].rubric else ())

    @property
    def temperature(self) -> float | None:
        return None if KNOWN[self.provider].highest_temperature is None else 0.25

    def request(self, url: str, **changes: Any) -> ScoreRequest:
        provider = Provider(self.provider, url, url)
        judge = Judge(self.protocol.model, provider, TEMPLATE, self.temperature, method=self.method)
        # The stand-in for the claude program finds the server by this variable.
        self.monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        return ScoreRequest(self.goal, judge, 5, **changes)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Case:
    method, provider = request.param
    monkeypatch.setenv(KNOWN[provider].keys[0], KEY)
    if provider == PROGRAM:
        claude_program.install(tmp_path / "bin", monkeypatch)
    return Case(method, provider, SPOKEN[provider], monkeypatch)


def test_every_judge_stands_in_this_suite() -> None:
    """Each of its providers, or one that is asked alike, is tested. The default judge can ask the default model."""
    assert set(FORMS) == set(JUDGES)
    providers = {provider for entry in JUDGES.values() for provider in entry.providers}
    assert {_asked_alike(provider) for provider in providers} == {_asked_alike(provider) for provider in SPOKEN}
    assert DEFAULT_JUDGE.partition("/")[0] in JUDGES[HOLISTIC].providers


@pytest.mark.parametrize("name", JUDGES)
def test_a_judge_declares_known_providers_and_code_that_loads(name: str) -> None:
    """The functions that its entry names exist, and its own template has the places that it needs."""
    assert JUDGES[name].providers
    assert JUDGES[name].providers <= set(KNOWN)
    assert callable(JUDGES[name].load())
    assert callable(JUDGES[name].load_call())
    assert check_template(default_template(JUDGES[name].template), JUDGES[name].places) is None


def test_a_study_is_checked_without_the_library_of_any_judge() -> None:
    """`workbench check` does not become slower with each judge."""
    code = (
        "import sys, workbench.study.loader\n"
        "from workbench.judging.judge import JUDGES\n"
        "modules = [judge.function.partition(':')[0] for judge in JUDGES.values()]\n"
        "assert modules and not {'google.genai', 'dspy', *modules} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_verdict_is_the_models_score_and_reason(case: Case) -> None:
    """The model gets the whole filled template once."""
    reply, verdict = case.form.good
    with scripted(case.protocol.reply(reply)) as server:
        assert score(case.request(server.url), PLAN) == verdict
    ((path, body),) = server.requests
    body_text = json.dumps(body)
    assert case.protocol.model in path + body_text
    for text in ("the goal", GOLD, "the: plan", str(case.temperature or ""), *(c.question for c in case.goal.criteria)):
        assert text in body_text
    if case.provider == PROGRAM:
        assert body["environ"]["ANTHROPIC_API_KEY"] == KEY
        assert KEY not in str(body["arguments"]) + body["prompt"]
    else:
        assert KEY not in path + body_text
        assert any(KEY in value for value in server.headers[0].values())


@pytest.mark.parametrize("value", [0, 10])
def test_the_ends_of_the_scale_are_scores(case: Case, value: int) -> None:
    """A zero that the judge gave is a verdict."""
    with scripted(case.protocol.reply(case.form.ends[value])) as server:
        assert score(case.request(server.url), PLAN).score == value


def test_a_reply_that_is_no_verdict_is_no_zero(case: Case) -> None:
    """The plan is "not judged", after any number of asks."""
    for text in case.form.bad:
        with scripted(*[case.protocol.reply(text)] * 20) as server, pytest.raises(NotJudged) as caught:
            score(case.request(server.url), PLAN)
        assert 1 <= len(server.requests) <= 5
        assert (caught.value.kind, caught.value.lasting) == ("unusable reply", True), text
        assert case.protocol.model in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind", "lasting"),
    [
        (400, "bad request", True),
        (401, "authentication", True),
        (403, "authentication", True),
        (429, "rate limit", False),
        (500, "provider unavailable", False),
        (503, "provider unavailable", False),
    ],
)
def test_a_failure_is_an_error_with_a_kind(case: Case, tmp_path: Path, status: int, kind: str, lasting: bool) -> None:
    """The journal counts it under the kind, and the key is in neither message nor file."""
    refusal = case.protocol.refusal(status, f"because of {KEY}")
    with scripted(*[refusal] * 20) as server, pytest.raises(NotJudged) as caught:
        score(case.request(server.url, run=tmp_path), PLAN)
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert len(server.requests) == 1 or not lasting
    assert KEY not in str(caught.value)
    assert case.protocol.model in str(caught.value)
    assert [(call.action, call.kind) for call in journal.read(tmp_path)] == [("score", kind)]
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and KEY in file.read_text(errors="replace")]


def test_a_text_that_is_no_plan_is_not_sent(case: Case) -> None:
    """It scores 0 without a call, and the reason says what is wrong with the text."""
    with scripted() as server:
        scored = score(case.request(server.url), Plan("x", "the plan is no YAML: line 3"))
    assert scored.score == 0
    assert "line 3" in scored.reason


def test_a_missing_key_is_named_before_anything_is_sent(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names all variables that may hold the key. The claude program needs no key."""
    if case.provider == PROGRAM:
        assert Provider(PROGRAM, PROGRAM, PROGRAM).key({}) == ""
        return
    variables = KNOWN[case.provider].keys
    for variable in variables:
        monkeypatch.delenv(variable, raising=False)
    with scripted() as server, pytest.raises(MissingKey, match=" or ".join(variables)):
        score(case.request(server.url), PLAN)


def test_a_rehearsal_plays_the_judge(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no key. The scripted judge answers in the provider's own protocol."""
    monkeypatch.delenv(KNOWN[case.provider].keys[0])
    with start() as running:
        provider = rehearsal(running.url, running.world, running.seed)[case.provider]
        judge = Judge(case.protocol.model, provider, TEMPLATE, method=case.method)
        scored = score(ScoreRequest(case.goal, judge), PLAN)
        assert running.calls["judge"] == 1
    assert 0 <= scored.score <= 10
    assert scored.reason
