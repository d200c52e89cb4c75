"""Tests of a deployed flow run whose Prefect server does not answer any more."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from workbench.errors import OutsideError
from workbench.system import server_client
from workbench.tasks.alive import end_without_server


def test_the_process_of_a_flow_run_ends_without_its_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that takes the connection and says nothing is as silent as one that is gone."""
    ended, codes = threading.Event(), list[int]()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    healthy = server_client.healthy
    monkeypatch.setattr(server_client, "healthy", lambda url: healthy(url, timeout=0.05))
    monkeypatch.setattr(os, "_exit", end)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}/api"
        end_without_server(url, 0.1, poll=0.01)
        assert ended.wait(60)
    assert codes == [OutsideError.exit_code]
    assert f"the Prefect server does not answer at {url} (no answer for 0 s)" in capsys.readouterr().err


def test_a_server_is_silent_only_until_the_watch_is_over() -> None:
    over = threading.Event()
    over.set()
    assert not server_client.silent("http://127.0.0.1:9/api", 0.0, over)
