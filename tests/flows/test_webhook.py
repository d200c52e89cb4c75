"""A push to a plain git server reaches the Prefect server as an event, by the hook and the receiver that we ship."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support import patient
from tests.support.command_line import CHECKOUT, CommandLine, wait_for
from tests.support.commits import Commits

pytestmark = pytest.mark.processes

HOOK = CHECKOUT / "deployments" / "post-receive"


def events(line: CommandLine) -> list[dict[str, Any]]:
    """Return the events about the repository that the server has."""
    query = {"filter": {"event": {"name": ["pipeline.repo.changed"]}, "resource": {"id": ["workbench.repo.central"]}}}
    response = patient.post(f"{line.env['PREFECT_API_URL']}/events/filter", json=query)
    return list(response.raise_for_status().json()["events"])


def test_a_push_becomes_an_event(line: CommandLine, tmp_path: Path) -> None:
    """The receiver needs a secret. A push is refused if the hook signs with another one."""
    central, user = tmp_path / "central.git", Commits.begin(tmp_path / "user")
    user.git("init", "-q", "--bare", "-b", "main", str(central))
    user.git("remote", "add", "origin", str(central))
    old = user.commit({"study.yaml": "1"})
    config = tmp_path / "webhook.yaml"
    # The guide names the folder of the bare repository.
    config.write_text(json.dumps([{"repository": str(central), "branch": "main", "study": "study.yaml"}]))
    refused = line.call("webhook", "--port", "0", "--config", config)
    assert (refused.exit_code, "WORKBENCH_WEBHOOK_SECRET is not set" in refused.stderr) == (2, True), refused.stderr
    with line.having(WORKBENCH_WEBHOOK_SECRET="s").start("webhook", "--port", "0", "--config", config) as receiver:
        assert receiver.stdout is not None
        url = receiver.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        shutil.copy(HOOK, central / "hooks" / "post-receive")
        user.git("push", "-q", "origin", "main")  # the hook has no address yet, so it delivers nothing
        os.environ.update(WORKBENCH_WEBHOOK_URL=url, WORKBENCH_WEBHOOK_SECRET="other")
        try:
            new = user.commit({"study.yaml": "2"})
            user.git("push", "-q", "origin", "main")
            os.environ["WORKBENCH_WEBHOOK_SECRET"] = "s"
            newest = user.commit({"notes.md": "3"})
            user.git("push", "-q", "origin", "main")
        finally:
            del os.environ["WORKBENCH_WEBHOOK_URL"], os.environ["WORKBENCH_WEBHOOK_SECRET"]
        wait_for(lambda: len(events(line)) == 1)
        receiver.send_signal(signal.SIGTERM)
        _, err = receiver.communicate(timeout=300)
    (event,) = events(line)
    assert event["payload"] == {
        "repository": f"file://{central}", "name": "central", "branch": "main", "study": "study.yaml", "old": new,
        "new": newest, "changed_paths": ["notes.md"], "changed_count": 1,
    }  # fmt: skip
    assert old not in err
    assert not [file for file in line.home.rglob("*") if file.stat().st_mode & 0o077]
    assert [text.split()[0] for text in err.splitlines() if " delivery " in text] == ["401", "200"]
