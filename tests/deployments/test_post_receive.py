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


@pytest.mark.parametrize("url", ["nonsense", "127.0.0.1:9", "http://", "http://two words/", "http://127.0.0.1:9/"])
def test_an_address_where_no_receiver_is_does_not_end_in_a_traceback(url: str) -> None:
    """Whoever pushes sees the line."""
    assert refusal(url).startswith(f"workbench does not answer at {url} (")


def test_an_answer_in_another_encoding_is_shown() -> None:
    """A web server in front of the receiver may answer in Latin-1."""

    class Refusing(Handler):
        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.body()
            self.reply(401, b"verweigert f\xfcr")

    with serving(Refusing) as url:
        assert (
            refusal(url) == "workbench refused the push to refs/heads/main: 401 verweigert f\N{REPLACEMENT CHARACTER}r"
        )
