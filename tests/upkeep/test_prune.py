"""Tests of pruning: what an unfinished or a promoted run needs is never removed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.run_folder import begin, ended
from workbench.run.folder import RunFolder
from workbench.run.record import AnswerRecord, PromotedRecord, RunRecord
from workbench.system.locks import try_lock
from workbench.upkeep.prune import answers, prune_answers, prune_runs

OLD = 1_000_000.0


def answer(home: Path, task: str, key: str, written: float = OLD) -> None:
    """Keep an answer that was written at this time. An execution also has a folder."""
    paths = [home / "results" / task / key]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    paths[0].write_text("{}")
    if task == "execute":
        plan = home / "executions" / key / "1" / "plan.yaml"
        plan.parent.mkdir(parents=True)
        plan.write_text("plan")
        paths += [plan, plan.parent, plan.parents[1]]
    for path in paths:
        os.utime(path, (written, written))


def needing(run: RunFolder, *keys: str) -> RunFolder:
    """Let a run need these executions."""
    for key in keys:
        run.append(AnswerRecord(task="execute", key=key))
    return run


def promoted(run: RunFolder) -> RunFolder:
    run.save(PromotedRecord(number=2, file=Path("0002.md"), date="2026-01-01T00:00:00Z"))
    return run


def test_only_old_finished_runs_are_removed(tmp_path: Path) -> None:
    """Each kept run says why it is kept."""
    ended(tmp_path, name="a-old", started=OLD)
    begin(tmp_path, name="b-unfinished", started=OLD)
    promoted(ended(tmp_path, name="c-promoted", started=OLD))
    ended(tmp_path, name="d-applied", started=OLD).write("applied.json", "{}")
    ended(tmp_path, name="e-young", started=time.time())
    ended(tmp_path, name="f-newest", started=time.time() + 1)
    ended(tmp_path, name="g-other-study", started=OLD, study="another")
    RunFolder.create(tmp_path, "h-damaged").write("run.json", "{")
    (tmp_path / "runs" / "i-empty").mkdir()
    with ended(tmp_path, name="j-worked-on", started=OLD).worked_on():
        assert prune_runs(tmp_path, 30, dry_run=True).removed == ["a-old"]
        pruned = prune_runs(tmp_path, 30, dry_run=False)
    assert pruned.removed == ["a-old"]
    assert pruned.bytes > 100
    assert pruned.kept == {
        "b-unfinished": "unfinished (interrupted)",
        "c-promoted": "promoted as champion 2",
        "d-applied": "applied to a pipeline file",
        "e-young": "younger than 30 days",
        "f-newest": "the newest run of its study",
        "g-other-study": "the newest run of its study",
        "h-damaged": "its folder cannot be read",
        "j-worked-on": "a process works on it",
    }
    assert {folder.name for folder in (tmp_path / "runs").iterdir()} == {*pruned.kept, "i-empty"}


def test_an_interrupted_run_is_removed_once_the_same_command_has_finished(tmp_path: Path) -> None:
    """The finished run has a folder of its own. Another seed, another study content or an earlier end do not count."""
    same: dict[str, Any] = {"fingerprint": "same", "started": OLD}
    interrupted = needing(begin(tmp_path, name="b-repeated", **same), "old")
    answer(tmp_path, "execute", "old")
    for name, changes in (("c-seed", {"seed": 1}), ("d-content", {"fingerprint": "another"})):
        needing(begin(tmp_path, name=name, **{**same, **changes}), name)
    needing(begin(tmp_path, name="e-again", **{**same, "started": OLD + 2}), "again")
    assert prune_runs(tmp_path, 30, dry_run=True).removed == []
    assert prune_answers(tmp_path, 30, dry_run=True).removed == []
    ended(tmp_path, name="f-finished", **{**same, "started": OLD + 1, "flow_run_url": "http://127.0.0.1/2"})
    with interrupted.worked_on():
        assert prune_runs(tmp_path, 30, dry_run=True).removed == []
    pruned = prune_runs(tmp_path, 30, dry_run=True)
    assert pruned.removed == ["b-repeated"]
    assert pruned.kept == {
        "c-seed": "unfinished (interrupted)",
        "d-content": "unfinished (interrupted)",
        "e-again": "unfinished (interrupted)",
        "f-finished": "the newest run of its study",
    }
    assert prune_answers(tmp_path, 30, dry_run=True).removed == ["execute/old"]


def test_answers_of_unfinished_promoted_and_young_runs_stay(tmp_path: Path) -> None:
    """Answers that only an old finished run needs are removed, with the folders of their executions."""
    needing(ended(tmp_path, name="old", started=OLD), "old", "shared")
    needing(begin(tmp_path, name="unfinished", started=OLD), "unfinished", "shared")
    needing(promoted(ended(tmp_path, name="promoted", started=OLD)), "promoted")
    needing(ended(tmp_path, name="young", started=time.time()), "young")
    for key in ("old", "shared", "unfinished", "promoted", "young", "orphan"):
        answer(tmp_path, "execute", key)
    answer(tmp_path, "score", "orphan")
    answer(tmp_path, "score", "new", time.time())
    before = answers(tmp_path)
    removed = ["execute/old", "execute/orphan", "score/orphan"]
    assert sorted(prune_answers(tmp_path, 30, dry_run=True).removed) == removed
    assert answers(tmp_path) == before
    pruned = prune_answers(tmp_path, 30, dry_run=False)
    assert (sorted(pruned.removed), pruned.bytes) == (removed, 14)
    assert {"/".join(key) for key in before} - {"/".join(key) for key in answers(tmp_path)} == set(removed)
    assert not (tmp_path / "executions" / "old").exists()
    assert list((tmp_path / "locks").iterdir()) == []


@pytest.mark.parametrize("kind", ["unfinished", "damaged"])
def test_a_run_that_did_not_list_its_answers_keeps_all_that_were_there(tmp_path: Path, kind: str) -> None:
    """Earlier versions wrote no list. Answers that came after the run are none of its own."""
    run = begin(tmp_path, name="old", started=OLD)
    if kind == "damaged":
        run.write(RunRecord.FILE, "{")
    for file in (*run.path.rglob("*"), run.path):
        os.utime(file, (OLD, OLD))
    answer(tmp_path, "propose", "before", OLD - 5)
    answer(tmp_path, "propose", "after", OLD + 5)
    assert prune_answers(tmp_path, 30, dry_run=False).removed == ["propose/after"]


def test_an_answer_that_is_being_bought_stays(tmp_path: Path) -> None:
    """Its lock is held by the run that buys it."""
    answer(tmp_path, "execute", "key")
    release = try_lock(tmp_path / "locks" / "execute-key")
    assert release is not None
    assert prune_answers(tmp_path, 30, dry_run=False).removed == []
    release()
    assert prune_answers(tmp_path, 30, dry_run=False).removed == ["execute/key"]
