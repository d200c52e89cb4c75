"""Calls from many threads share a client, and none closes it for another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.scripted_server import gemini_reply, scripted
from workbench.errors import NotJudged
from workbench.models.asking import Role, ask
from workbench.models.reply import ModelCall
from workbench.money.meter import Meter
from workbench.providers import Provider

pytestmark = pytest.mark.processes


def test_first_calls_at_the_same_time_all_get_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that a thread made in vain is not closed while this thread uses it."""
    monkeypatch.setenv("GEMINI_API_KEY", "secret-key-of-a-test")
    with scripted(*[gemini_reply("yes")] * 8) as server, ThreadPoolExecutor(8) as pool:
        call = ModelCall(Provider("gemini", server.url, server.url), "gemini-4-argon", (("user", "Well?"),))
        answers = list(pool.map(lambda _: ask(Role("judge", NotJudged), call, str, Meter()).value, range(8)))
    assert answers == ["yes"] * 8
