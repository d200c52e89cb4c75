"""Tests of the failures that leave a task: they carry no cause and no key."""

from __future__ import annotations

import base64
import errno
import traceback
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from prefect.exceptions import ObjectNotFound, PrefectException, PrefectHTTPStatusError
from websockets.exceptions import WebSocketException

from workbench.errors import Interrupted, NotJudged, OutsideError, PipelineRejected, ServerUnavailable
from workbench.tasks.failure import outside_failure, scrubbed_failure

KEY = "AIza/Sy+secret=key 0123456789"
ENVIRON = {"GEMINI_API_KEY": KEY}


def forms() -> list[str]:
    """Return the key as providers echo it: as it is, percent-encoded, and in base64 after 0 to 2 other bytes."""
    encoded = [base64.b64encode(b"x" * offset + KEY.encode() + b"y").decode() for offset in range(3)]
    return [KEY, quote(KEY), quote(KEY, safe=""), quote(KEY).replace("%2B", "%2b").replace("%3D", "%3d"), *encoded]


@pytest.mark.parametrize("form", forms())
@pytest.mark.parametrize(
    "make",
    [
        lambda text: NotJudged(text, kind="bad request", lasting=True),
        PipelineRejected,
        ValueError,
        lambda text: ExceptionGroup("several", [ValueError(text)]),
    ],
)
def test_no_key_is_left_in_a_failure(make: Callable[[str], Exception], form: str) -> None:
    """No message, cause, note or part of the failure contains a key."""
    try:
        try:
            raise ConnectionError(f"POST https://models?key={form}")
        except ConnectionError as cause:
            error = make(f"the provider said {form}")
            error.add_note(form)
            raise error from cause
    except Exception as error:
        failure = scrubbed_failure(error, ENVIRON)
    text = "".join(traceback.format_exception(failure))
    assert form not in text
    assert KEY not in text
    for offset in range(3):
        middle = base64.b64encode(b"x" * offset + KEY.encode()).decode()[4:-4]
        assert middle not in text
    assert failure.__cause__ is None
    assert failure.__context__ is None


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("OPENAI_API_KEY", "sk-0123456789", "sk-0123456789"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "oat-0123456789", "oat-0123456789"),
        ("AWS_SECRET_ACCESS_KEY", "aws/0123456789", "aws/0123456789"),
        ("HTTPS_PROXY", "http://me:pass%40word1@proxy:8080", "pass@word1"),
        ("PREFECT_CLIENT_CUSTOM_HEADERS", '{"X-Api-Key": "header-0123"}', "header-0123"),
        ("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer bearer-0123", "bearer-0123"),
    ],
)
def test_no_other_secret_of_the_environment_is_left(name: str, value: str, secret: str) -> None:
    """A program, a proxy or a server can echo its own secret as a provider can echo its key."""
    failure = scrubbed_failure(NotJudged(f"{secret} was refused, {value}", kind="bad request"), {name: value})
    assert secret not in str(failure)


def test_a_workbench_error_keeps_its_type_and_kind() -> None:
    """The journal and the retries need both."""
    failure = scrubbed_failure(NotJudged(f"bad {KEY}", kind="rate limit", lasting=True), ENVIRON)
    assert isinstance(failure, NotJudged)
    assert (str(failure), failure.message, failure.kind, failure.lasting) == ("bad …", "bad …", "rate limit", True)
    assert isinstance(scrubbed_failure(Interrupted("interrupted"), ENVIRON), Interrupted)


def test_a_short_key_takes_no_words_out_of_a_message() -> None:
    """A key of one character, such as a dummy key for a gateway, is not looked for in messages."""
    failure = scrubbed_failure(NotJudged("1 of 10 failed", kind="x"), {"GEMINI_API_KEY": "1"})
    assert str(failure) == "1 of 10 failed"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EMFILE])
def test_a_file_that_the_machine_refuses_is_a_failure_of_the_outside_world(number: int) -> None:
    """The message names the file, and no retry is made."""
    failure = scrubbed_failure(OSError(number, "refused", "/home/prompt.md"), ENVIRON)
    assert isinstance(failure, OutsideError)
    assert (failure.kind, failure.lasting) == ("storage", True)
    assert "/home/prompt.md: refused" in str(failure)


def answered(status: int) -> httpx.HTTPStatusError:
    """Return the error for an answer of a Prefect server with this status."""
    request = httpx.Request("GET", "http://127.0.0.1:4200/api/flow_runs/x")
    return httpx.HTTPStatusError(f"{status}", request=request, response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    "error",
    [
        # An empty database behind the same address does not know the run.
        ObjectNotFound(answered(404)),
        PrefectHTTPStatusError.from_httpx_error(answered(503)),
        answered(401),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        WebSocketException("closed"),
    ],
)
def test_a_failure_of_prefect_is_a_failure_of_the_outside_world(error: Exception) -> None:
    """Its exit code is 3, and its message gives the server's address and the reason in one line."""
    failure = outside_failure(error, "http://127.0.0.1:4200/api")
    assert isinstance(failure, ServerUnavailable)
    assert failure.exit_code == 3
    assert "the Prefect server does not answer at http://127.0.0.1:4200/api" in str(failure)
    assert "\n" not in str(failure)


def test_a_defect_is_no_failure_of_the_outside_world() -> None:
    """A defect is not translated, so it keeps its traceback."""
    assert outside_failure(ZeroDivisionError(), None) is None


def test_the_message_names_the_servers_failure_and_not_what_prefect_then_failed_to_do() -> None:
    error = PrefectException("Failed to resolve inputs in parameter 'comparison'")
    error.__cause__ = httpx.ReadTimeout("no answer in time")
    assert "(ReadTimeout: no answer in time)" in str(outside_failure(error, "http://127.0.0.1:4200/api"))
