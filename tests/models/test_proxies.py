"""Calls of models on other machines go through the proxy that the environment names."""

from __future__ import annotations

import pkgutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workbench.models.call_failed import CallFailed
from workbench.models.calling import CLIENTS
from workbench.models.reply import ModelCall
from workbench.provider_table import PROGRAM, ProviderName
from workbench.providers import Provider
from workbench.system.environment import passed_environment

pytestmark = pytest.mark.processes


@pytest.fixture
def proxied_hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve a proxy that refuses every host, and yield the hosts that it was asked for."""
    hosts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:  # http.server prescribes the name
            hosts.append(self.path)
            self.send_error(502)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield hosts
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("name", [name for name in CLIENTS if name != PROGRAM])
def test_every_client_asks_the_proxy(proxied_hosts: list[str], name: ProviderName) -> None:
    """A proxy that refuses is a failure of the outside world."""
    complete = pkgutil.resolve_name(CLIENTS[name])
    provider = Provider(name, f"https://{name}.test", name)
    with pytest.raises(CallFailed) as caught:
        complete(ModelCall(provider, "m", (("user", "x"),), max_tokens=10, seconds=20), "secret-key-of-a-test")
    assert proxied_hosts == [f"{name}.test:443"]
    assert (caught.value.failure.kind, caught.value.failure.lasting) == ("provider unavailable", False)


def test_programs_get_the_proxies(proxied_hosts: list[str]) -> None:
    """The runtime and the claude program use them, too. This machine is never asked for through a proxy."""
    passed = passed_environment()
    assert passed["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    assert "127.0.0.1" in passed["NO_PROXY"]
