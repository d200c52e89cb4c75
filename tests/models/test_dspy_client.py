"""Every service that speaks OpenAI's chat protocol is asked at its own address, with its own key."""

from __future__ import annotations

import json

import pytest

from tests.support.scripted_server import openai_reply, scripted
from workbench.errors import NotJudged
from workbench.models.asking import Role, ask
from workbench.models.call_failed import CallFailed
from workbench.models.calling import call_in_thread
from workbench.models.dspy_client import complete
from workbench.models.reply import Ending, ModelCall
from workbench.money import price
from workbench.money.meter import Meter
from workbench.money.price import Tokens
from workbench.provider_table import KNOWN, ProviderName
from workbench.providers import Provider, real, rehearsal
from workbench.rehearsal.server import start

pytestmark = pytest.mark.processes

KEY = "secret-key-of-a-test"
SERVICES: list[ProviderName] = [name for name, service in KNOWN.items() if service.protocol == "openai"]
PRICED = "openai/gpt-4.1"
SCHEMA = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "score": {"type": "number"}},
    "required": ["reason", "score"],
}


def call(provider: Provider, model: str = "maker/model-1:free") -> ModelCall:
    """Return a call that asks for a verdict."""
    return ModelCall(provider, model, (("user", "<plan>\nx: y\n</plan>"),), schema=SCHEMA, seconds=20)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_asked_in_the_chat_protocol(name: ProviderName) -> None:
    """The schema is sent beside the prompt or in its words. No limit and no temperature is sent that nobody set."""
    with scripted(openai_reply("{}", "maker/model-1")) as server:
        variables = {KNOWN[name].address_variable: f"{server.url}/some/path"}
        reply = complete(call(real(variables)[name]), KEY)
    ((path, body),) = server.requests
    assert (reply.text, reply.ending, reply.model) == ("{}", Ending.COMPLETE, "maker/model-1")
    assert path == "/some/path/chat/completions"
    assert f"Bearer {KEY}" in server.headers[0].values()
    assert body["model"] == "maker/model-1:free"
    (message,) = body["messages"]
    if KNOWN[name].schemas:
        assert body["response_format"]["json_schema"]["schema"] == SCHEMA
        assert "schema" not in message["content"]
    else:
        assert "response_format" not in body
        assert message["content"].endswith(json.dumps(SCHEMA))
    assert not {"temperature", "max_tokens", "max_completion_tokens"} & set(body)


@pytest.mark.parametrize(
    ("error", "kind", "lasting"),
    [
        ({"code": 402, "message": "Insufficient credits"}, "no credit", True),
        ({"code": 429, "message": "upstream rate limited"}, "rate limit", False),
        ({"code": "429", "message": "free models per day"}, "quota exhausted", True),
        ({"code": 502, "message": "no answer"}, "provider unavailable", False),
        ({"code": "server_error", "message": "no answer"}, "provider unavailable", False),
        ({"code": 200, "message": "no answer"}, "provider unavailable", False),
    ],
)
def test_an_error_in_a_reply_with_status_200_keeps_its_meaning(
    error: dict[str, object], kind: str, lasting: bool
) -> None:
    """OpenRouter sends such errors instead of a reply."""
    with scripted((200, {"error": error})) as server, pytest.raises(CallFailed) as caught:
        complete(call(real({"OPENROUTER_API_BASE": server.url})["openrouter"]), KEY)
    assert (caught.value.failure.kind, caught.value.failure.lasting) == (kind, lasting)
    assert str(error["message"]) in caught.value.message


def test_an_error_that_ends_a_reply_keeps_its_meaning() -> None:
    """OpenRouter puts the error of the service that it asked into the choice."""
    choice = {"finish_reason": "error", "error": {"code": 429, "message": "upstream rate limited"}}
    body = {"model": "m", "choices": [{**choice, "message": {"role": "assistant", "content": ""}}]}
    with scripted((200, body)) as server, pytest.raises(CallFailed) as caught:
        complete(call(real({"OPENROUTER_API_BASE": server.url})["openrouter"]), KEY)
    failed_call = caught.value
    assert (failed_call.failure.kind, failed_call.failure.lasting) == ("rate limit", False)
    assert "upstream rate limited" in failed_call.message
    assert not failed_call.charged


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({"prompt_tokens": 1000, "completion_tokens": 0}, price.dollars("openrouter", PRICED, Tokens(input=1000))),
        ({"prompt_tokens": 1000, "completion_tokens": 0, "cost": 0.25}, 0.25),
        (None, None),
    ],
)
def test_a_reply_that_an_error_ended_costs_what_it_used(
    monkeypatch: pytest.MonkeyPatch, usage: dict[str, object] | None, dollars: float | None
) -> None:
    """Its tokens are priced if the service tells no amount. A rate limit without tokens costs nothing."""
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    choice = {"finish_reason": "error", "error": {"code": 429, "message": "upstream rate limited"}}
    message = {"role": "assistant", "content": "half"}
    body, meter = {"model": PRICED, "choices": [{**choice, "message": message}], "usage": usage}, Meter()
    with scripted((200, body)) as server, pytest.raises(NotJudged, match="rate limit"):
        provider = real({"OPENROUTER_API_BASE": server.url})["openrouter"]
        ask(Role("judge", NotJudged), call(provider, PRICED), str, meter)
    assert (None if meter.cost is None else meter.cost.dollars) == dollars


def test_the_cost_that_openrouter_reports_is_the_calls_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokens are reported too. Another service's `cost` can have any meaning, so it is ignored."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 0.25}
    choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}
    body = {"model": "maker/model-1:free", "choices": [choice], "usage": usage}
    costs: dict[ProviderName, float | None] = {"openrouter": 0.25, "groq": None}
    for name, dollars in costs.items():
        monkeypatch.setenv(KNOWN[name].keys[0], KEY)
        meter = Meter()
        with scripted((200, body)) as server:
            ask(Role("judge", NotJudged), call(real({KNOWN[name].address_variable: server.url})[name]), str, meter)
        assert meter.cost is not None
        (part,) = meter.cost.models
        assert (part.dollars, part.tokens) == (dollars, Tokens(input=1, output=2)), name


def test_a_rehearsal_plays_every_service() -> None:
    """It needs no key, and finds the schema wherever it stands."""
    with start() as running:
        played = rehearsal(running.url, running.world, running.seed)
        for name in SERVICES:
            reply = call_in_thread(call(played[name], f"{name}-model"), played[name].key({}), 20)
            assert set(json.loads(reply.text)) == {"reason", "score"}, name
        assert running.calls == {"judge": len(SERVICES)}
