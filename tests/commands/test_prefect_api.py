"""Requests to somebody else's Prefect server carry the login and the headers of Prefect's settings."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, CommandLine
from tests.support.http_server import Handler, serving
from workbench.errors import ServerUnavailable
from workbench.system import prefect_server, server_client

pytestmark = pytest.mark.processes

PYTHON = Path(sys.executable)
LOGIN = "admin:pass word"
BASIC = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
ASK = "from workbench.commands.prefect_api import use_server; use_server(); print('taken')"


@contextmanager
def guarded(**headers: str) -> Iterator[str]:
    """Yield the address of a Prefect API. Everybody may ask for its health; all else needs these headers."""

    class Guard(Handler):
        def allowed(self) -> bool:
            return all(self.headers.get(name.replace("_", "-")) == value for name, value in headers.items())

        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            if not self.path.endswith("/health") and "csrf" not in self.path and not self.allowed():
                self.reply(401, json.dumps({"detail": "Unauthorized"}).encode())
                return
            # A server without protection against forged requests answers 422 to a request for a token.
            csrf = "csrf" in self.path
            answer = {"detail": "CSRF protection is disabled."} if csrf else True
            self.reply(422 if csrf else 200, json.dumps(answer).encode())

        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.body()
            allowed = self.allowed()
            self.reply(200 if allowed else 401, json.dumps([] if allowed else {"detail": "Unauthorized"}).encode())

    with serving(Guard) as url:
        yield f"{url}/api"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """Return the command line of a user whose environment names a proxy that does not answer."""
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    return CommandLine(tmp_path, {**proxies, "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"})


@pytest.mark.parametrize(
    ("headers", "variables"),
    [
        (
            {"Authorization": BASIC, "X_Gate": "open"},
            {"PREFECT_API_AUTH_STRING": LOGIN, "PREFECT_CLIENT_CUSTOM_HEADERS": '{"X-Gate": "open"}'},
        ),
        ({"Authorization": "Bearer key-1"}, {"PREFECT_API_KEY": "key-1"}),
    ],
)
def test_a_login_is_used(line: CommandLine, headers: dict[str, str], variables: dict[str, str]) -> None:
    """The first server needs a login and a header. No proxy is used for a local server."""
    with guarded(**headers) as url:
        allowed = line.having(PREFECT_API_URL=url, **variables).run("-c", ASK, program=PYTHON)
    assert "taken" in allowed.stdout, allowed.stderr


def test_the_absence_of_a_login_is_named(line: CommandLine) -> None:
    """The health check proves nothing, because it needs no login."""
    with guarded(Authorization=BASIC) as url:
        refused = line.having(PREFECT_API_URL=url).run("-c", ASK, program=PYTHON)
    assert "refuses the login (HTTP 401): set PREFECT_API_AUTH_STRING" in refused.stderr


def test_the_address_of_the_ui_is_told_from_that_of_the_api(line: CommandLine) -> None:
    """A space or a slash at the end does not matter."""
    with guarded() as url:
        other_form = line.having(PREFECT_API_URL=f"{url}/ ").run("-c", ASK, program=PYTHON)
    assert "taken" in other_form.stdout, other_form.stderr
    for address, has_advice in (("http://127.0.0.1:9", True), ("http://127.0.0.1:9/api", False)):
        refused = line.having(PREFECT_API_URL=address).run("-c", ASK, program=PYTHON)
        assert f"no Prefect server answers at PREFECT_API_URL={address}" in refused.stderr
        assert ("the address of its API usually ends in /api" in refused.stderr) is has_advice


def test_an_empty_address_means_our_own_server(server_owner: CommandLine, server: dict[str, str]) -> None:
    """`export PREFECT_API_URL=$(workbench server)` leaves it behind if the server could not be started."""
    code = f"import os; {ASK}; print(os.environ['PREFECT_API_URL'])"
    used = server_owner.having(PREFECT_API_URL="").run("-c", code, program=PYTHON)
    assert used.stdout.split() == ["taken", server["PREFECT_API_URL"]], used.stderr


@pytest.mark.parametrize("script", ["automations.py", "serve.py"])
def test_a_script_without_an_address_starts_no_server_of_its_own(line: CommandLine, script: str) -> None:
    """Prefect would start one for this process only. Deployments and automations would be gone with it."""
    refused = line.having(PREFECT_API_URL="").run(CHECKOUT / "deployments" / script, program=PYTHON)
    assert (refused.exit_code, refused.stdout) == (2, ""), refused.stderr
    assert "PREFECT_API_URL is not set; expected the address of the Prefect server's API" in refused.stderr


def test_clients_of_our_own_server_use_its_login() -> None:
    """The user may name another login for clients."""
    server = {"PREFECT_SERVER_API_AUTH_STRING": LOGIN}
    assert server_client.client_variables(server) == {"PREFECT_API_AUTH_STRING": LOGIN}
    assert server_client.client_variables({**server, "PREFECT_API_AUTH_STRING": "other"}) == {}
    assert server_client.client_variables({}) == {}


def test_our_own_server_that_was_started_with_another_login_says_so() -> None:
    """The message names the variable that the server was started with, and the way to end the server."""
    with guarded(Authorization=BASIC) as url:
        server = prefect_server.Server(1, url)
        for environ in ({"PREFECT_SERVER_API_AUTH_STRING": LOGIN}, {"PREFECT_API_AUTH_STRING": LOGIN}):
            prefect_server._make_work_pool(server, environ)
        for environ in ({}, {"PREFECT_API_AUTH_STRING": "a:b"}):
            with pytest.raises(
                ServerUnavailable, match=r"PREFECT_SERVER_API_AUTH_STRING that .* workbench server --stop"
            ):
                prefect_server._make_work_pool(server, environ)
    with pytest.raises(ServerUnavailable, match="gave no answer"):
        prefect_server._make_work_pool(server, {})
