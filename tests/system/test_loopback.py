"""No proxy of the user's is asked for a server on this machine."""

from __future__ import annotations

import httpx
import pytest

from workbench.system.loopback import DIRECT, exceptions, is_loopback

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
def test_a_proxy_is_not_used_for_this_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable that names a proxy counts, in both spellings. Both variables for exceptions are set."""
    added = exceptions({name: PROXY})
    assert added == dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost,::1")
    for variable, value in {name: PROXY, **added}.items():
        monkeypatch.setenv(variable, value)
    with httpx.Client() as client:
        assert_direct(client)


def test_the_users_own_exceptions_are_kept() -> None:
    """An exception is not listed twice, and `*` stays alone."""
    environ = {"HTTP_PROXY": PROXY, "no_proxy": "corp.example, localhost"}
    assert exceptions(environ) == dict.fromkeys(("NO_PROXY", "no_proxy"), "corp.example,localhost,127.0.0.1,::1")
    different = exceptions({"HTTP_PROXY": PROXY, "no_proxy": "a.example", "NO_PROXY": "b.example"})
    assert different["no_proxy"].startswith("a.example,")
    assert different["NO_PROXY"].startswith("b.example,")
    assert exceptions({"HTTP_PROXY": PROXY, "NO_PROXY": "*"})["NO_PROXY"] == "*"


@pytest.mark.parametrize("environ", [{}, {"HTTP_PROXY": ""}, {"NO_PROXY": "corp.example"}])
def test_without_a_proxy_nothing_is_added(environ: dict[str, str]) -> None:
    """An empty variable names no proxy."""
    assert exceptions(environ) == {}


def test_a_client_can_be_direct_without_the_environments_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mounts overrule the proxy of the environment, for this machine alone."""
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    with httpx.Client(mounts=DIRECT) as client:
        assert_direct(client)


def assert_direct(client: httpx.Client) -> None:
    """Check that the client's transport for this machine is the one without a proxy."""
    for host in ("127.0.0.1", "localhost", "[::1]"):
        chosen = client._transport_for_url(httpx.URL(f"http://{host}:4200/api"))
        assert chosen is client._transport, host


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:4200/api", True),
        ("http://127.8.0.1", True),
        ("https://[::1]:1/", True),
        ("http://localhost", True),
        ("http://localhost.example", False),
        ("https://api.prefect.cloud", False),
        ("http://[bad", False),
        ("", False),
    ],
)
def test_addresses_of_this_machine_are_recognized(url: str, expected: bool) -> None:
    """Other addresses, and texts that are no address, are not this machine."""
    assert is_loopback(url) is expected
