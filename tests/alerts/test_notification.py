"""A notification is one line and a JSON object, and the address of the webhook stays secret."""

from __future__ import annotations

import socket

import pytest

from tests.support.scripted_server import scripted
from workbench.alerts.notification import Notification, post, webhook
from workbench.errors import OutsideError, UserError

NOTIFICATION = Notification("a run failed", "small · gepa", "no answer", "http://127.0.0.1:4200/runs/1", "2026-11-25")


def test_a_notification_is_one_line() -> None:
    assert NOTIFICATION.text == "a run failed: small · gepa – no answer – http://127.0.0.1:4200/runs/1"
    assert Notification("no worker", "workbench", "", "", "").text == "no worker: workbench"


def test_the_environment_comes_before_the_prefect_variable() -> None:
    assert webhook("http://b/", {"WORKBENCH_NOTIFY_URL": "http://a/"}) == "http://a/"
    assert webhook(" http://b/ ", {"WORKBENCH_NOTIFY_URL": ""}) == "http://b/"
    assert webhook(None, {}) is None


@pytest.mark.parametrize(
    "url",
    [
        "ftp://secret-word/",
        "secret-word",
        "https://?secret-word",
        "https://user:secret-word@host/",
        "http://[secret-word/",
    ],
)
def test_an_address_that_cannot_be_used_is_not_repeated(url: str) -> None:
    """It can have a password in it, which would reach Prefect's database."""
    with pytest.raises(UserError, match="expected http:// or https:// with a host and without a login") as refused:
        webhook(url, {})
    assert "secret-word" not in str(refused.value)


def test_a_notification_is_posted_as_json() -> None:
    with scripted((204, b"")) as server:
        post(f"{server.url}/hook/secret-word", NOTIFICATION)
    assert server.requests == [("/hook/secret-word", NOTIFICATION.to_json())]
    assert server.requests[0][1]["text"] == NOTIFICATION.text


def test_a_webhook_that_refuses_or_is_silent_is_named_by_its_host_alone() -> None:
    """The path of such an address is often the secret."""
    with (
        scripted((404, b"")) as server,
        pytest.raises(OutsideError, match=r"at 127\.0\.0\.1 answered HTTP 404") as failed,
    ):
        post(f"{server.url}/hook/secret-word", NOTIFICATION)
    assert "secret-word" not in str(failed.value)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OutsideError, match="gave no answer") as failed:
        post(f"http://127.0.0.1:{port}/hook/secret-word", NOTIFICATION)
    assert "secret-word" not in str(failed.value)
