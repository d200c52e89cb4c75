"""The journal has a line for every call, with any end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import Interrupted, NotJudged
from workbench.run import journal
from workbench.run.journal import attempt


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotJudged("no verdict", kind="rate limit"), "rate limit"),
        (Interrupted(), "interrupted"),
        (KeyboardInterrupt(), "interrupted"),
        (ValueError("secret"), "ValueError"),
    ],
    ids=["failure", "ended", "Ctrl-C", "defect"],
)
def test_a_call_that_fails_is_written_down_with_its_kind(tmp_path: Path, error: BaseException, kind: str) -> None:
    """The error is raised again."""
    with pytest.raises(type(error)), attempt(tmp_path, "score", "key"):
        raise error
    (call,) = journal.read(tmp_path)
    assert (call.action, call.key, call.kind) == ("score", "key", kind)


def test_calls_are_read_in_their_order(tmp_path: Path) -> None:
    """A line names the version of its format, its seconds and its end."""
    for key in ("first", "second"):
        with attempt(tmp_path, "execute", key):
            pass
    calls = journal.read(tmp_path)
    assert [(call.key, call.kind) for call in calls] == [("first", "ok"), ("second", "ok")]
    assert calls[0].seconds >= 0
    assert calls[0].at <= calls[1].at
    line = json.loads((tmp_path / "journal.jsonl").read_text().split("\n")[0])
    assert list(line) == ["schema", "action", "key", "kind", "seconds", "at", "message", "cost"]


def test_without_a_run_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call outside of a run belongs to no journal."""
    monkeypatch.chdir(tmp_path)
    with attempt(None, "propose", "key"):
        pass
    assert list(tmp_path.iterdir()) == []
    assert journal.read(tmp_path) == []


def test_a_failure_with_any_text_is_recorded(tmp_path: Path) -> None:
    """JSON of a model may hold one half of a surrogate pair, which no file can hold."""
    with pytest.raises(NotJudged), attempt(tmp_path, "score", "key"):
        raise NotJudged("said \ud800\u2028", kind="no \udfff")
    (call,) = journal.read(tmp_path)
    assert (call.kind, call.message) == ("no ?", "said ?\u2028")
