"""Executions with our own runtime, cold and warm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.executions import both, request, sha256
from tests.support.scripted_server import Answer, Scripted, gemini_reply, scripted
from workbench.errors import MissingKey, OutsideError, PipelineRejected
from workbench.execution.runtimes import execute, runtime_of
from workbench.money.price import Tokens, dollars
from workbench.nouns import Engine, InputFile
from workbench.providers import Provider
from workbench.rehearsal.server import Rehearsal, start
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.system.storage import Folder

pytestmark = pytest.mark.processes


@pytest.fixture(params=["mix", "serve"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Return each of the two engines."""
    chosen = Engine(request.param)
    runtime_of(chosen).prepare()
    yield chosen
    runtime_of(chosen).close()


@pytest.fixture(scope="module")
def scripted_server() -> Iterator[Scripted]:
    """Yield a server whose script is empty. A warm VM serves all tests, because the server's address stays the same."""
    runtime_of(Engine("serve")).prepare()
    with scripted() as server:
        yield server
    runtime_of(Engine("serve")).close()


@pytest.fixture
def server(scripted_server: Scripted) -> Scripted:
    """Return the server without the requests of earlier tests.

    Each test needs its own prompts, because a warm VM buys an answer only once.
    """
    scripted_server.requests.clear()
    scripted_server.headers.clear()
    return scripted_server


@pytest.fixture(scope="module")
def running() -> Iterator[Rehearsal]:
    with start() as server:
        yield server


def test_prompt_inputs_and_seed_reach_the_model_as_they_are(engine: Engine, server: Scripted, tmp_path: Path) -> None:
    """The prompt has 300 kB, with characters that a shell, an option parser or a template would interpret."""
    code = tmp_path / "code.xml"
    code.write_text("<code>ü</code>")
    prompt = "-- $(touch pwned) `id` {{x}} \"' ü\n" * 10_000
    server.script = [gemini_reply("a: 1")]
    provider = Provider("gemini", server.url, "rehearsal:test:0")
    inputs = (InputFile("codebase", code, sha256(code)),)
    execution = execute(request(engine, (provider,), prompt, inputs=inputs), tmp_path)
    # This reply counts no tokens, so nobody knows what it cost.
    assert execution.cost is not None
    assert (execution.cost.dollars, execution.cost.untold) == (None, ("gemini/gemini-3.8-flash",))
    (_, body), (headers,) = server.requests[0], server.headers
    parts = [part["text"] for part in body["contents"][0]["parts"]]
    assert prompt in parts
    assert any("<code>ü</code>" in part and 'name="codebase"' in part for part in parts)
    assert body["generationConfig"]["seed"] == 4
    assert "rehearsal" in str(headers)


#: Answers with an error: the answer, the kind of the error, and whether the error is lasting.
FAILURES: list[tuple[Answer, str, bool]] = [
    ((429, {"error": {"message": "slow down"}}), "rate limit", False),
    ((401, {"error": {"message": "who are you"}}), "authentication", True),
    ((400, {"error": {"message": "no such model"}}), "bad request", True),
    ((500, {"error": {"message": "oh"}}), "provider unavailable", False),
    ((200, b"{"), "provider unavailable", False),
    (gemini_reply("  "), "empty reply", False),
]


def test_a_failure_of_the_system_is_an_error_with_a_kind(engine: Engine, server: Scripted, tmp_path: Path) -> None:
    """It is never a plan."""
    server.script = [answer for answer, _, _ in FAILURES]
    for number, (_, kind, lasting) in enumerate(FAILURES):
        run = RunFolder.create(tmp_path, f"run-{number}").path
        order = request(engine, (Provider("gemini", server.url, "rehearsal:test:0"),), f"Fail {number}")
        with pytest.raises(OutsideError) as caught:
            execute(replace(order, run=run), tmp_path)
        assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
        assert [call.kind for call in journal.read(run)] == [kind]
    assert not list(tmp_path.rglob("plan.yaml"))


def test_a_model_that_answers_for_another_is_named(engine: Engine, tmp_path: Path) -> None:
    """The run says so, and the answer is not kept for the model that was asked."""
    # The import of Prefect takes a second, which only the process of this test needs.
    from workbench.tasks import answers

    run = RunFolder.create(tmp_path, "run").path
    status, body = gemini_reply("a: 1")
    with scripted((status, {**body, "modelVersion": "models/gemini-4-argon"})) as server:
        execution_request = request(engine, (Provider("gemini", server.url, "rehearsal:test:0"),))
        execution = execute(replace(execution_request, run=run), tmp_path)
    assert execution.other_model == "gemini-4-argon"
    kinds = [call.kind for call in journal.read(run)]
    assert kinds == ["ok", "gemini-4-argon answered instead of gemini-3.8-flash"]
    results = Folder(tmp_path / "results")
    answers.write(results, "execute", execution.key, execution)
    with pytest.raises(answers.NoAnswer, match="gemini-4-argon answered, and not the model that the key names"):
        answers.read(results, "execute", execution.key)


def test_a_reply_that_was_cut_off_is_the_prompts_fault(engine: Engine, server: Scripted, tmp_path: Path) -> None:
    """It is a result with a reason, not an error. It was paid for: its cost stands in the journal, too."""
    counted = {"promptTokenCount": 1_000_000, "candidatesTokenCount": 10, "thoughtsTokenCount": 20}
    candidate = {"content": {"parts": [{"text": "a: ["}]}, "finishReason": "MAX_TOKENS"}
    run = RunFolder.create(tmp_path, "run").path
    server.script = [(200, {"candidates": [candidate], "usageMetadata": counted})]
    order = request(engine, (Provider("gemini", server.url, "rehearsal:test:0"),), "Write without end")
    execution = execute(replace(order, run=run), tmp_path)
    assert execution.problem is not None
    assert "cut off" in execution.problem
    (call,) = journal.read(run)
    assert call.cost == execution.cost is not None
    (part,) = execution.cost.models
    tokens = Tokens(input=1_000_000, output=10, thought=20)
    assert (part.model, part.calls, part.tokens) == ("gemini/gemini-3.8-flash", 1, tokens)
    assert execution.cost.dollars == dollars("gemini", "gemini-3.8-flash", tokens)


def test_files_of_steps_stand_beside_the_plan(engine: Engine, server: Scripted, tmp_path: Path) -> None:
    """The place is the same for both engines."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(
        "workflow: {name: x, steps: [{name: a, type: gemini, output_to_file: notes/a.md, "
        "prompt: [{type: variable, name: user_prompt}]}]}"
    )
    server.script = [gemini_reply("a: 1")]
    execution = execute(request(engine, (Provider("gemini", server.url, "rehearsal:test:0"),), file=file), tmp_path)
    assert (execution.path.parent / "plan_files" / "notes" / "a.md").read_text() == "a: 1"


def test_an_unreadable_pipeline_is_the_users_mistake(engine: Engine, running: Rehearsal, tmp_path: Path) -> None:
    """The message holds everything that the runtime reports."""
    file = tmp_path / "wrong.yaml"
    file.write_text("workflow: {name: x, steps: [{name: a, type: gemni, prompt: []}]}")
    with pytest.raises(PipelineRejected, match='did you mean "gemini"'):
        execute(request(engine, both(running), file=file), tmp_path)


def test_a_missing_key_is_named(engine: Engine, tmp_path: Path) -> None:
    """Nothing is sent."""
    with scripted() as server, pytest.raises(MissingKey, match="GEMINI_API_KEY"):
        execute(request(engine, (Provider("gemini", server.url, server.url),)), tmp_path)


def test_the_key_is_in_no_file_and_no_message(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds even if the provider echoes the key."""
    monkeypatch.setenv("GEMINI_API_KEY", "sk-very-secret")
    with (
        scripted((500, {"error": {"message": "your key sk-very-secret"}})) as server,
        pytest.raises(OutsideError) as caught,
    ):
        execute(request(engine, (Provider("gemini", server.url, server.url),)), tmp_path)
    assert server.headers[0].get("X-Goog-Api-Key", server.headers[0].get("x-goog-api-key")) == "sk-very-secret"
    assert "sk-very-secret" not in str(caught.value)
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"sk-very-secret" in file.read_bytes()]


def test_a_plan_that_is_too_long_is_not_valid(engine: Engine, server: Scripted, tmp_path: Path) -> None:
    """The prompt is to blame: the plan is bought once, and scores 0 with the reason."""
    server.script = [gemini_reply("a: " + "x" * 5_000_000)]
    order = request(engine, (Provider("gemini", server.url, "rehearsal:test:0"),), "Write too much")
    execution = execute(order, tmp_path)
    assert execution.problem is not None
    assert "more than 5,000,000 bytes" in execution.problem
    assert execution.text == ""
    assert len(server.requests) == 1


@pytest.mark.parametrize("key", ["1", "Pipeline generated", "error: x"])
def test_a_key_that_stands_in_the_output_does_not_spoil_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """A gateway may accept any text as a key. The output is parsed as it was printed."""
    monkeypatch.setenv("GEMINI_API_KEY", key)
    refusal = (429, {"error": {"message": f"key {key} is slow"}})
    with scripted(gemini_reply("a: 1"), refusal) as server:
        order = request(engine, (Provider("gemini", server.url, server.url),))
        assert execute(order, tmp_path).text.strip() == "a: 1"
        with pytest.raises(OutsideError) as caught:
            execute(request(engine, order.providers, "Another"), tmp_path)
    assert caught.value.kind == "rate limit"
    assert len(key) < 8 or key not in str(caught.value)


def test_a_proxy_and_an_environment_without_home_do_not_matter(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path has spaces and umlauts, and LC_ALL is C."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    runtime_of(engine).close()
    runtime_of(engine).prepare()
    home = tmp_path / "mein Übungs ordner 日本"
    with scripted(gemini_reply("a: 1")) as server:
        execution = execute(request(engine, (Provider("gemini", server.url, "rehearsal:test:0"),)), home)
    assert execution.text.strip() == "a: 1"
    assert execution.path.is_relative_to(home)
