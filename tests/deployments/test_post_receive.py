"""The git hook says in one line why it could not deliver a push."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.command_line import CHECKOUT
from tests.support.http_server import Handler, serving

HOOK = CHECKOUT / "deployments" / "post-receive"
PUSH = f"{'1' * 40} {'2' * 40} refs/heads/main\n"


def refusal(url: str) -> str:
    """Return what the hook prints if it cannot deliver a push to this address."""
    environ = {"WORKBENCH_WEBHOOK_URL": url, "WORKBENCH_WEBHOOK_SECRET": "s"}
    hook = subprocess.run(
        [sys.executable, HOOK], input=PUSH, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (hook.returncode, hook.stdout) == (1, "")
    (line,) = hook.stderr.splitlines()
    return line


@pytest.mark.parametrize("url", ["nonsense", "127.0.0.1:9", "http://two words/", "http://host:port/"])
def test_a_wrong_address_is_named_by_its_variable(url: str) -> None:
    """Whoever pushes sees the line."""
    assert refusal(url).startswith("WORKBENCH_WEBHOOK_URL is no address (")


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:9/"])
def test_an_address_where_no_receiver_is_does_not_end_in_a_traceback(url: str) -> None:
    assert refusal(url).startswith(f"workbench does not answer at {url} (")


@pytest.mark.parametrize(
    ("content", "missing", "shown"),
    [
        (b"verweigert f\xfcr", 0, "verweigert f\N{REPLACEMENT CHARACTER}r"),
        (b"<html>\n<b>\x1b[31mgone</b>\r\n</html>\n", 0, "<html> <b> [31mgone</b> </html>"),
        (b"half of", 100, "half of"),
    ],
    ids=["Latin-1", "several lines", "cut off"],
)
def test_a_refusal_is_shown_in_one_line(content: bytes, missing: int, shown: str) -> None:
    """A web server in front of the receiver may answer with anything. The line goes to a terminal."""

    class Refusing(Handler):
        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.body()
            self.send_response(401)
            self.send_header("Content-Length", str(len(content) + missing))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

    with serving(Refusing) as url:
        assert refusal(url) == f"workbench refused the push to refs/heads/main: 401 {shown}"
