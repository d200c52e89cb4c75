"""Tests of the webhook's answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.commits import Commits
from workbench.errors import OutsideError
from workbench.repository.addresses import normalized
from workbench.repository.deliveries import Deliveries, read_push
from workbench.repository.looks import Change
from workbench.repository.receiver import MOST_BYTES, application
from workbench.repository.webhook_config import Watched

SECRET = "correct horse"
REMOTE = "https://github.com/me/mine.git"


class Receiver:
    """The receiver of one watched repository, and what it reported and logged."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.commits = Commits(folder / "mine")
        shutil.copytree(repository, self.commits.folder)
        self.reported: list[Change] = []
        self.lines: list[str] = []
        self.failing = False
        entry = Watched(repository=str(self.commits.folder), branch="main", study="study.yaml")
        self.deliveries = Deliveries([entry], folder / "home", os.environ, self._report)
        self.client = TestClient(application(self.deliveries, SECRET, self.lines.append))

    def _report(self, change: Change) -> None:
        if self.failing:
            raise OutsideError("the server is gone", kind="no server")
        self.reported.append(change)

    def push(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a delivery about the newest commit."""
        old, new = self.commits.head, self.commits.commit({"pipeline.yaml": self.commits.head})
        repository = {"full_name": "me/mine", "clone_url": REMOTE}
        return {"ref": "refs/heads/main", "before": old, "after": new, "repository": repository, **changes}

    def deliver(self, body: Any, delivery: str = "1", secret: str = SECRET, **headers: str) -> int:
        """Send a signed delivery, and return the status of the answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = f"sha256={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}"
        own = {"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": signature}
        return self.client.post("/hook", content=content, headers={**own, **headers}).status_code


@pytest.fixture(scope="module")
def watched_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with one commit and a remote. Each test gets a copy, because git takes long to make one."""
    commits = Commits.begin(tmp_path_factory.mktemp("repository") / "mine")
    commits.commit({"pipeline.yaml": "1"})
    commits.git("remote", "add", "origin", "git@github.com:me/mine.git")
    return commits.folder


@pytest.fixture
def receiver(tmp_path: Path, watched_repository: Path) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path, watched_repository)
    yield receiver
    # No line has a part of a body in it.
    assert not any("refs/heads" in line for line in receiver.lines)


@pytest.mark.slow
def test_a_push_is_reported_once(receiver: Receiver) -> None:
    """The first delivery names the old head itself. A delivery that was taken is refused, under its own status."""
    body = receiver.push()
    assert receiver.deliver(body) == 200
    (change,) = receiver.reported
    assert (change.old, change.new, change.changed_paths) == (body["before"], body["after"], ("pipeline.yaml",))
    assert receiver.deliver(body) == 409
    assert receiver.deliver(body, "2") == 200
    assert len(receiver.reported) == 1
    assert [line.split(" from")[0] for line in receiver.lines] == [
        "200 delivery '1'", "409 delivery '1'", "200 delivery '2'"
    ]  # fmt: skip
    assert receiver.deliver(receiver.push(), "2") == 200
    assert len(receiver.reported) == 2


@pytest.mark.slow
def test_a_delivery_whose_event_was_not_emitted_can_be_sent_again(receiver: Receiver) -> None:
    """Its id is not used up."""
    body, receiver.failing = receiver.push(), True
    assert receiver.deliver(body) == 503
    receiver.failing = False
    assert receiver.deliver(body) == 200
    assert len(receiver.reported) == 1


@pytest.mark.slow
def test_a_repository_that_hangs_makes_no_other_wait(tmp_path: Path, watched_repository: Path) -> None:
    """GitHub waits for ten seconds, and a look at a repository whose server hangs takes minutes."""
    slow, quick = (Receiver(tmp_path / name, watched_repository) for name in ("slow", "quick"))
    entries = [Watched(repository=str(one.commits.folder), branch="main", study="s") for one in (slow, quick)]
    hangs, goes_on = threading.Event(), threading.Event()

    def report(change: Change) -> None:
        if change.repository == str(slow.commits.folder):
            hangs.set()
            assert goes_on.wait(60)

    deliveries = Deliveries(entries, tmp_path / "home", os.environ, report)
    pushes = [one.push(repository={"clone_url": str(one.commits.folder)}) for one in (slow, quick)]
    with TestClient(application(deliveries, SECRET, slow.lines.append)) as client, ThreadPoolExecutor(50) as pool:
        slow.client = quick.client = client
        # More deliveries than the receiver has threads.
        hanging = [pool.submit(slow.deliver, pushes[0], str(number)) for number in range(50)]
        assert hangs.wait(60)
        time.sleep(1)
        try:
            assert quick.deliver(pushes[1], "quick") == 200
            assert not any(delivery.done() for delivery in hanging)
        finally:
            goes_on.set()
        assert [delivery.result() for delivery in hanging] == [200] * 50
    assert len(slow.lines) == 51


@pytest.mark.slow
def test_the_events_of_one_delivery_are_sent_together(receiver: Receiver, tmp_path: Path) -> None:
    """Each event takes seconds until it is stored, and GitHub waits for ten. A failed one is sent again alone."""
    studies = ["a.yaml", "b.yaml", "c.yaml"]
    sending, failing, sent = threading.Barrier(len(studies)), {"b.yaml"}, list[str]()

    def report(change: Change) -> None:
        if not sent:
            sending.wait(20)
        if change.study in failing:
            raise OutsideError("the server is gone", kind="no server")
        sent.append(change.study)

    entries = [Watched(repository=str(receiver.commits.folder), branch="main", study=study) for study in studies]
    deliveries = Deliveries(entries, tmp_path / "home", os.environ, report)
    receiver.client = TestClient(application(deliveries, SECRET, receiver.lines.append))
    body = receiver.push()
    assert receiver.deliver(body) == 503
    assert sorted(sent) == ["a.yaml", "c.yaml"]
    failing.clear()
    assert receiver.deliver(body) == 200
    assert sorted(sent) == studies


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "sha1=abc"},
        {"X-Hub-Signature-256": "é"},
    ],
)
def test_an_unsigned_delivery_is_refused(receiver: Receiver, headers: dict[str, str]) -> None:
    """A delivery that was signed with another secret is refused, too."""
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    assert receiver.deliver(receiver.push(), **encoded) == 401  # type: ignore[arg-type]  # httpx takes bytes too
    assert receiver.deliver(receiver.push(), secret="another") == 401
    assert receiver.reported == []


def test_a_long_body_is_refused_before_its_signature_is_checked(receiver: Receiver) -> None:
    assert receiver.deliver(b"x" * (MOST_BYTES + 1)) == 413


@pytest.mark.parametrize(
    ("changes", "headers", "status"),
    [
        ({"repository": {"clone_url": "https://github.com/me/other.git"}}, {}, 204),
        ({"ref": "refs/heads/other"}, {}, 204),
        ({"ref": "refs/tags/main"}, {}, 204),
        ({"deleted": True}, {}, 204),
        ({}, {"X-GitHub-Event": "ping"}, 204),
        ({}, {"X-GitHub-Delivery": ""}, 400),
        ({"repository": "mine"}, {}, 400),
        ({"ref": None}, {}, 400),
    ],
)
def test_other_deliveries_report_nothing(
    receiver: Receiver, changes: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    """Unknown repositories, other branches, tags, deleted branches, other events, and bodies that are no push."""
    assert receiver.deliver(receiver.push(**changes), **headers) == status
    assert receiver.deliver(b"[", "2") == 400
    assert receiver.client.get("/").status_code == 405
    assert receiver.reported == []


def test_a_ping_and_a_form_are_named(receiver: Receiver) -> None:
    """GitHub sends a ping first. It fails if another content type was chosen, so that this is noticed at once."""
    assert receiver.deliver(receiver.push(), **{"X-GitHub-Event": "ping"}) == 204
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert receiver.deliver(b"payload=%7B%7D", **form, **{"X-GitHub-Event": "ping"}) == 400
    ping, refused = receiver.lines
    assert ping.endswith("it is no push, but 'ping'")
    assert refused.endswith("form-urlencoded; expected application/json: choose it on GitHub")


def test_a_sender_that_is_slow_or_gone_leaves_one_line(receiver: Receiver) -> None:
    """Nothing waits for ever, and nothing is a traceback."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"x", "more_body": True}]

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.get_running_loop().create_future()

    statuses = []

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.append(message.get("status"))

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "client": ("h", 1)}
    app = application(receiver.deliveries, SECRET, receiver.lines.append, seconds=0.01)
    asyncio.run(app(scope, receive, send))
    messages.append({"type": "http.disconnect"})
    asyncio.run(app(scope, receive, send))
    assert [status for status in statuses if status] == [408, 400]
    assert [line.partition(": ")[2] for line in receiver.lines] == [
        "the body was not complete after 0.01 s", "the sender closed the connection before the body was complete"
    ]  # fmt: skip


def test_a_new_branch_has_no_old_head() -> None:
    push = read_push({"ref": "refs/heads/a/b", "before": "0" * 40, "repository": {"ssh_url": "git@h:me/mine.git"}})
    assert push is not None
    assert (push.branch, push.before, push.addresses) == ("a/b", None, frozenset({"h/me/mine"}))


@pytest.mark.parametrize("digits", [40, 64], ids=["SHA-1", "SHA-256"])
def test_a_deleted_branch_has_no_new_head(digits: int) -> None:
    """GitHub also says `deleted`. Without that, a look would fail, and the sender would try again for ever."""
    push = {"ref": "refs/heads/main", "before": "1" * digits, "repository": {"clone_url": "/srv/mine"}}
    assert read_push({**push, "after": "0" * digits}) is None
    assert read_push({**push, "after": "2" * digits}) is not None


def test_the_addresses_of_one_repository_are_equal() -> None:
    forms = (
        "https://github.com/Me/mine.git",
        "git@github.com:me/mine.git",
        "ssh://git@github.com/me/mine",
        "https://x:y@github.com/me/mine/",
    )
    assert {normalized(form) for form in forms} == {"github.com/me/mine"}
    assert normalized("file:///srv/mine.git") == normalized("/srv/mine") == "/srv/mine"
