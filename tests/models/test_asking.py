"""Calls from many threads share a client, and none closes it for another."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.scripted_server import gemini_reply, scripted
from workbench.errors import Interrupted, NotJudged
from workbench.models.asking import Role, ask
from workbench.models.reply import ModelCall
from workbench.money.meter import Meter
from workbench.providers import Provider
from workbench.system.process import ended_on_interrupt

pytestmark = pytest.mark.processes


def test_first_calls_at_the_same_time_all_get_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that a thread made in vain is not closed while this thread uses it."""
    monkeypatch.setenv("GEMINI_API_KEY", "secret-key-of-a-test")
    with scripted(*[gemini_reply("yes")] * 8) as server, ThreadPoolExecutor(8) as pool:
        call = ModelCall(Provider("gemini", server.url, server.url), "gemini-4-argon", (("user", "Well?"),))
        answers = list(pool.map(lambda _: ask(Role("judge", NotJudged), call, str, Meter()).value, range(8)))
    assert answers == ["yes"] * 8


def test_a_silent_provider_holds_up_nobody_who_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interrupt, the call has a moment for its reply, and not the five minutes of its own time limit."""
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
