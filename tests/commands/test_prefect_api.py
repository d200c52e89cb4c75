"""A Prefect server that somebody else started is asked with the login and the headers of Prefect's settings."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from workbench.errors import ServerUnavailable
from workbench.system import prefect_server

pytestmark = pytest.mark.processes

PYTHON = Path(sys.executable)
LOGIN = "admin:pass word"
ASK = "from workbench.commands.run import use_server; use_server(); print('taken')"


@contextmanager
def guarded(header: str, value: str) -> Iterator[str]:
    """Serve a Prefect API that answers its health check to everybody, and all else only with this header."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server prescribes the name
            # A server without protection against forged requests answers 422 to the question for a token.
            if "admin" in self.path and self.headers.get(header) != value:
                return self._reply(401, {"detail": "Unauthorized"})
            csrf = "csrf" in self.path
            return self._reply(422 if csrf else 200, {"detail": "CSRF protection is disabled."} if csrf else True)

        def do_POST(self) -> None:  # http.server prescribes the name
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self._reply(200, []) if self.headers.get(header) == value else self._reply(401, {"detail": "Unauthorized"})

        def _reply(self, status: int, answer: object) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """A user with a proxy in the environment, which answers nothing."""
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    return CommandLine(tmp_path, {**proxies, "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"})


@pytest.mark.parametrize(
    ("header", "value", "variable", "setting"),
    [
        (
            "Authorization",
            f"Basic {base64.b64encode(LOGIN.encode()).decode()}",
            "PREFECT_API_AUTH_STRING",
            LOGIN,
        ),
        ("Authorization", "Bearer key-1", "PREFECT_API_KEY", "key-1"),
        ("X-Gate", "open", "PREFECT_CLIENT_CUSTOM_HEADERS", '{"X-Gate": "open"}'),
    ],
)
def test_a_login_is_used_and_its_absence_is_named(
    line: CommandLine, header: str, value: str, variable: str, setting: str
) -> None:
    """The health check alone proves nothing: it needs no login. A proxy is not asked for a local server."""
    with guarded(header, value) as url:
        allowed = line.having(PREFECT_API_URL=url, **{variable: setting})
        assert "taken" in allowed.run("-c", ASK, program=PYTHON, timeout=120).stdout
        refused = line.having(PREFECT_API_URL=url).run("-c", ASK, program=PYTHON, timeout=120)
    assert "refuses the login (HTTP 401): set PREFECT_API_AUTH_STRING" in refused.stderr


def test_clients_of_our_own_server_use_its_login() -> None:
    """The user may name another login for clients."""
    server = {"PREFECT_SERVER_API_AUTH_STRING": LOGIN}
    assert prefect_server.client_variables(server) == {"PREFECT_API_AUTH_STRING": LOGIN}
    assert prefect_server.client_variables({**server, "PREFECT_API_AUTH_STRING": "other"}) == {}
    assert prefect_server.client_variables({}) == {}


def test_our_own_server_that_was_started_with_another_login_says_so() -> None:
    """The message names the variable that the server was started with, and the way to end the server."""
    with guarded("Authorization", f"Basic {base64.b64encode(LOGIN.encode()).decode()}") as url:
        server = prefect_server.Server(1, url)
        for environ in ({"PREFECT_SERVER_API_AUTH_STRING": LOGIN}, {"PREFECT_API_AUTH_STRING": LOGIN}):
            prefect_server._check_login(server, environ)
        for environ in ({}, {"PREFECT_API_AUTH_STRING": "a:b"}):
            with pytest.raises(
                ServerUnavailable, match=r"PREFECT_SERVER_API_AUTH_STRING that .* workbench server --stop"
            ):
                prefect_server._check_login(server, environ)
    with pytest.raises(ServerUnavailable, match="gave no answer"):
        prefect_server._check_login(server, {})
