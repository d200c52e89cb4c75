"""A proposal is a complete answer: what is cut off or refused never becomes a prompt. Over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude_program import assistant, claude_failure, claude_reply, install, printed, result
from tests.support.scripted_server import Answer, Scripted, anthropic_reply, gemini_reply, openai_reply, scripted
from workbench.errors import ModelNotFound, ProposalFailed
from workbench.provider_table import KNOWN, PROGRAM, ProviderName
from workbench.providers import Provider
from workbench.search.proposal import Proposal, ProposalRequest
from workbench.search.proposer import propose

pytestmark = pytest.mark.processes

KEY = "secret-key-of-a-test"
MODELS: dict[ProviderName, str] = {
    "gemini": "gemini/gemini-3.8-flash",
    "anthropic": "anthropic/claude-sonnet-5-5",
    "openai": "openai/gpt-4.1",
    "claude-program": "claude-program/claude-opus-5-5",
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set the keys of all providers, and put a stand-in for the claude program on the PATH."""
    for service in KNOWN.values():
        monkeypatch.setenv(service.keys[0], KEY)
    install(tmp_path, monkeypatch)


def request(server: Scripted, name: ProviderName = "gemini", **changes: Any) -> ProposalRequest:
    """Return a request, with these changes."""
    plain = ProposalRequest(
        model=MODELS[name],
        system="You are an engineer.",
        messages=(("user", "Improve the prompt."), ("user", " ")),
        temperature=None,
        max_tokens=1000,
        response_format=None,
        provider=Provider(name, server.url, server.url),
        rollout=0,
        draw=0,
    )
    return replace(plain, **changes)


def ended(name: ProviderName, reason: str) -> Answer:
    """Return a reply with half a text that ended for this reason."""
    if name == PROGRAM:
        return printed(assistant("First, the"), result("First, the", stop_reason=reason))
    _, body = {"gemini": gemini_reply, "anthropic": anthropic_reply, "openai": openai_reply}[name]("First, the")
    match name:
        case "gemini":
            body["candidates"][0]["finishReason"] = reason
        case "anthropic":
            body["stop_reason"] = reason
        case _:
            body["choices"][0]["finish_reason"] = reason
    return 200, body


@pytest.mark.parametrize(
    ("name", "answer", "path"),
    [
        ("gemini", gemini_reply("A better prompt."), "/v1beta/models/gemini-3.8-flash:generateContent"),
        ("anthropic", anthropic_reply("A better prompt."), "/v1/messages"),
        ("openai", openai_reply("A better prompt."), "/v1/chat/completions"),
        ("claude-program", claude_reply("A better prompt."), "/claude"),
    ],
)
def test_every_provider_proposes(
    monkeypatch: pytest.MonkeyPatch, name: ProviderName, answer: Answer, path: str
) -> None:
    """The path is right with an address in the environment, too. No temperature and no blank text are sent."""
    with scripted(answer) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        assert propose(request(server, name)) == Proposal("A better prompt.")
    ((sent_path, body),) = server.requests
    assert sent_path == path
    assert "temperature" not in str(body)
    assert "' '" not in str(body)


@pytest.mark.parametrize(
    ("name", "reason", "kind", "lasting"),
    [
        ("gemini", "MAX_TOKENS", "cut off", True),
        ("gemini", "SAFETY", "refused", True),
        ("gemini", "OTHER", "provider unavailable", False),
        ("anthropic", "max_tokens", "cut off", True),
        ("anthropic", "refusal", "refused", True),
        ("anthropic", "pause_turn", "provider unavailable", False),
        ("openai", "length", "cut off", True),
        ("openai", "content_filter", "refused", True),
        ("claude-program", "max_tokens", "cut off", True),
    ],
)
def test_an_incomplete_proposal_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: ProviderName, reason: str, kind: str, lasting: bool
) -> None:
    """The model is asked three times in all, and the message has the provider's reason."""
    with scripted(*[ended(name, reason)] * 3) as server, pytest.raises(ProposalFailed, match=reason) as caught:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        propose(request(server, name))
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    with scripted(ended(name, reason), gemini_reply("whole")) as server:
        if name == "gemini":
            assert propose(request(server)).text == "whole"
            assert len({body["generationConfig"]["seed"] for _, body in server.requests}) == 2
        else:
            server.script.clear()


def test_a_lone_surrogate_in_a_proposal_is_replaced() -> None:
    """The proposal can be written to files and databases."""
    with scripted(gemini_reply("a \ud83d b\u2028c")) as server:
        assert propose(request(server)).text == "a \ufffd b\nc"


def test_a_blank_proposal_is_refused() -> None:
    """An empty prompt is no prompt."""
    with scripted(*[gemini_reply(" \n")] * 3) as server, pytest.raises(ProposalFailed, match="the reply is empty"):
        propose(request(server))


@pytest.mark.parametrize("name", [name for name in MODELS if name != PROGRAM])
def test_a_wait_that_the_provider_tells_is_in_the_error(name: ProviderName) -> None:
    """The task that tries again keeps to it. No cause carries the provider's own text. The program tells no wait."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "45.8s"}]
    message = f"slow down, {KEY}. Please retry in 45.8s."
    limited = 429, {"type": "error", "error": {"type": "rate_limit_error", "message": message, "details": details}}
    with scripted(limited) as server, pytest.raises(ProposalFailed) as caught:
        propose(request(server, name))
    assert (caught.value.kind, caught.value.lasting) == ("rate limit", False)
    assert caught.value.wait_seconds == pytest.approx(45.8)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("name", MODELS)
def test_an_unknown_model_is_a_users_error(monkeypatch: pytest.MonkeyPatch, name: ProviderName) -> None:
    """The message names the model and the key of the study."""
    unknown: Answer = (
        404,
        {"type": "error", "error": {"type": "not_found_error", "message": "model not found", "code": None}},
    )
    if name == PROGRAM:
        unknown = claude_failure("There's an issue with the selected model (x).")
    with scripted(unknown) as server, pytest.raises(ModelNotFound, match=r"change proposer\.model") as caught:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        propose(request(server, name))
    assert MODELS[name].partition("/")[2] in str(caught.value)


def test_another_model_that_answers_is_named() -> None:
    """A dated version of the model that was asked is the same model."""
    for model, other in (
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-5-5-20251101", None),
    ):
        with scripted(anthropic_reply("x", model)) as server:
            assert propose(request(server, "anthropic")).other_model == other


def test_a_local_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's own address is used as it is."""
    monkeypatch.delenv("OPENAI_API_KEY")
    with scripted(openai_reply("A better prompt.")) as server:
        provider = Provider("openai", "https://api.openai.com/v1", "x").at(f"{server.url}/some/where/")
        assert propose(request(server, "openai", provider=provider)).text == "A better prompt."
    assert server.requests[0][0] == "/some/where/chat/completions"
