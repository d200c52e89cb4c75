"""Calls from many threads share a client, and none closes it for another."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from dspy.clients import model_metadata

from tests.support.scripted_server import gemini_reply, scripted
from workbench.errors import Interrupted, ModelNotFound, NotJudged
from workbench.models.asking import Role, ask
from workbench.models.reply import ModelCall
from workbench.money.meter import Meter
from workbench.provider_table import ProviderName
from workbench.providers import Provider
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.system.process import ended_on_interrupt

pytestmark = pytest.mark.processes


def test_first_calls_at_the_same_time_all_get_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that a thread made in vain is not closed while this thread uses it."""
    monkeypatch.setenv("GEMINI_API_KEY", "secret-key-of-a-test")
    with scripted(*[gemini_reply("yes")] * 8) as server, ThreadPoolExecutor(8) as pool:
        call = ModelCall(Provider("gemini", server.url, server.url), "gemini-4-argon", (("user", "Well?"),))
        answers = list(pool.map(lambda _: ask(Role("judge", NotJudged), call, str, Meter()).value, range(8)))
    assert answers == ["yes"] * 8


def test_an_interrupted_call_does_not_wait_for_a_silent_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interrupt, the call waits a moment for its reply, and not the five minutes of its own time limit."""
    monkeypatch.setenv("GEMINI_API_KEY", "secret-key-of-a-test")
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        call = ModelCall(Provider("gemini", url, url), "gemini-4-argon", (("user", "Well?"),), seconds=300.0)
        waiting = pool.submit(ask, Role("judge", NotJudged), call, str, Meter())
        connection, _ = silent.accept()
        with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
            raise KeyboardInterrupt
        with pytest.raises(Interrupted):
            waiting.result(timeout=60)
        connection.close()
    with ended_on_interrupt():
        pass


BAD = "x\ud800\u2028\x00[/y]"


def _gemini(**changes: object) -> dict[str, object]:
    candidate = {"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP", **changes}
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3}}


def _openai(**changes: object) -> dict[str, object]:
    return {"choices": [{"finish_reason": "stop", "message": {"content": "hi"}, **changes}]}


@pytest.mark.parametrize(
    ("provider", "status", "body"),
    [
        ("gemini", 200, {**_gemini(), "modelVersion": BAD}),
        ("gemini", 200, _gemini(finishReason="SAFETY", finishMessage=BAD)),
        ("gemini", 200, _gemini(finishReason=BAD)),
        ("gemini", 200, {"promptFeedback": {"blockReason": BAD}}),
        ("gemini", 400, {"error": {"message": BAD, "status": BAD}}),
        ("openai", 200, {**_openai(), "model": BAD, "usage": {"prompt_tokens": 2}}),
        ("openai", 200, _openai(message={"content": None, "refusal": BAD})),
        ("openai", 400, {"error": {"message": BAD, "code": BAD}}),
        ("openai", 404, {"error": {"message": BAD}}),
    ],
)
def test_every_text_of_a_provider_can_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: ProviderName, status: int, body: object
) -> None:
    """The journal and the costs can hold any text in the name of a model, in a reason or in an error."""
    monkeypatch.setenv("GEMINI_API_KEY", "secret-key-of-a-test")
    run = RunFolder.create(tmp_path, "run").path
    with scripted(*[(status, json.dumps(body).encode())] * 4) as server:
        service = Provider(provider, server.url, server.url, named_by_study=provider == "openai")
        call = ModelCall(service, "m1", (("user", "Well?"),), seconds=60)
        with suppress(NotJudged, ModelNotFound), journal.attempt(run, "score", "key") as meter:
            answer = ask(Role("judge", NotJudged), call, str, meter)
            journal.note_other_model(run, "score", "key", "m1", answer.other_model or "")
    assert journal.read(run)


def test_dspy_fetches_no_list_of_models() -> None:
    """DSPy uses the list in its own package, so a rehearsal calls nothing outside of this machine."""
    assert model_metadata.source_info()["is_env_forced"]
