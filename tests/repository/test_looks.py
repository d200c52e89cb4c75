"""Tests of looks: each head is reported once."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.commits import Commits
from workbench.errors import UserError
from workbench.repository.addresses import normalized
from workbench.repository.looks import Change, Look, look
from workbench.repository.opening import open_repository

pytestmark = pytest.mark.slow


class Watched:
    """A repository, and the changes that looks at it have reported."""

    def __init__(self, folder: Path) -> None:
        self.commits = Commits.begin(folder / "mine")
        self.commits.commit({"pipeline.yaml": "1", "notes.md": "1"})
        self.home, self.reported = folder / "home", list[Change]()

    def look(self, *globs: str, branch: str = "main", **options: Any) -> Look:
        """Look as a new process does."""
        repository = open_repository(str(self.commits.folder), self.home, os.environ)
        options = {"report": self.reported.append, **options}
        return look(repository, branch, "study.yaml", globs, home=self.home, **options)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_the_first_look_reports_nothing(watched: Watched) -> None:
    """A later look at a new head reports it once, with what changed."""
    assert "first look" in watched.look().sentence
    assert "is still at" in watched.look().sentence
    old, new = watched.commits.head, watched.commits.commit({"notes.md": "2"})
    for _ in range(2):
        watched.look()
    (change,) = watched.reported
    assert change.to_json() == {
        "repository": str(watched.commits.folder), "name": "mine", "branch": "main", "study": "study.yaml",
        "old": old, "new": new, "changed_paths": ("notes.md",), "changed_count": 1,
    }  # fmt: skip


def test_the_first_look_reports_if_it_is_told_to(watched: Watched) -> None:
    """All files of the head have changed then."""
    watched.look(first=True)
    watched.look(first=True)
    (change,) = watched.reported
    assert (change.old, change.changed_count) == (None, 2)


def test_a_head_whose_changes_match_no_pattern_is_seen_and_not_reported(watched: Watched) -> None:
    watched.look("pipeline.yaml")
    watched.commits.commit({"notes.md": "2"})
    assert "no watched path has changed" in watched.look("pipeline.yaml").sentence
    assert "is still at" in watched.look().sentence
    assert watched.reported == []


def test_an_empty_commit_is_a_new_head(watched: Watched) -> None:
    """Somebody pushes one to have the study checked. No path can match a pattern, so with patterns it is not reported.

    An amended commit message and a rebase may leave all files as they were, too.
    """
    watched.look()
    old, new = watched.commits.head, watched.commits.commit()
    assert f"has the new head {new[:12]}, with 0 changed paths" in watched.look().sentence
    assert [(change.old, change.new, change.changed_paths) for change in watched.reported] == [(old, new, ())]
    watched.commits.commit()
    assert "no watched path has changed" in watched.look("**").sentence


def test_a_head_that_could_not_be_reported_is_reported_later(watched: Watched) -> None:
    """It is remembered only when its event was taken."""

    def fail(change: Change) -> None:
        raise OSError("the server is gone")

    watched.look()
    watched.commits.commit({"notes.md": "2"})
    with pytest.raises(OSError, match="the server is gone"):
        watched.look(report=fail)
    watched.look()
    assert len(watched.reported) == 1


def test_a_head_that_a_forced_push_brings_back_is_not_reported_again(watched: Watched) -> None:
    """A head that was seen and never reported is reported when it comes back."""
    watched.look()
    first = watched.commits.head
    second = watched.commits.commit({"notes.md": "2"})
    sentences = [watched.look().sentence]
    for head in (first, second, first):
        watched.commits.git("reset", "-q", "--hard", head)
        sentences.append(watched.look().sentence)
    assert [(change.old, change.new) for change in watched.reported] == [(first, second), (second, first)]
    assert sentences[2:] == [
        f"mine main is again at {head[:12]}, which was reported before." for head in (second, first)
    ]


def test_simultaneous_looks_report_a_new_head_once(watched: Watched) -> None:
    """A schedule and a webhook may look at the same moment."""
    watched.look()
    watched.commits.commit({"notes.md": "2"})
    threads = [threading.Thread(target=watched.look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(watched.reported) == 1


def test_the_checked_out_branch_has_one_record_under_both_names(watched: Watched) -> None:
    """A schedule may look at HEAD, and a webhook at main."""
    watched.look()
    new = watched.commits.commit({"notes.md": "2"})
    watched.look(branch="HEAD")
    watched.look()
    assert [(change.branch, change.new) for change in watched.reported] == [("main", new)]
    watched.commits.git("checkout", "-q", "--detach")
    assert "first look at mine HEAD" in watched.look(branch="HEAD").sentence


def test_a_damaged_record_is_named(watched: Watched) -> None:
    watched.look()
    (file,) = (watched.home / "watched").glob("*.json")
    file.write_text("{")
    with pytest.raises(UserError, match=r"cannot be read as the record of a watched branch"):
        watched.look()


def test_a_changed_path_that_is_not_utf_8_can_be_reported(watched: Watched) -> None:
    """An event is JSON, which holds no such name. Before UTF-8, names with umlauts were written in Latin-1."""
    watched.look()
    Path(os.fsdecode(os.fsencode(watched.commits.folder) + b"/\xe4.txt")).touch()
    watched.commits.commit({"ö.txt": "1"})
    watched.look()
    (change,) = watched.reported
    assert set(change.changed_paths) == {"ö.txt", "?.txt"}
    json.dumps(change.to_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "name", [b"my pipelines.git", "für mich+1.git".encode(), b"50%20.git", b"f\xe4.git", b"a\tb.git"]
)
def test_a_head_is_reported_once_if_its_folder_and_its_url_are_watched(watched: Watched, name: bytes) -> None:
    """A schedule may name the folder of a bare repository, and a webhook its URL. A URL may be escaped or not."""
    bare = Path(os.fsdecode(os.fsencode(watched.home.parent) + b"/" + name))
    watched.commits.git("clone", "-q", "--bare", str(watched.commits.folder), str(bare))
    # Git takes a percent sign in a URL for the beginning of an escaped byte.
    plain = f"file://{bare}".replace("%", "%25")
    for address in (str(bare), bare.as_uri(), plain):
        repository = open_repository(address, watched.home, os.environ)
        look(repository, "main", "study.yaml", (), home=watched.home, report=watched.reported.append, first=True)
    (change,) = watched.reported
    json.dumps(change.to_json(), ensure_ascii=False).encode()
    assert len(list((watched.home / "repositories").glob("*.git"))) == 1
    assert normalized(str(bare)) == normalized(bare.as_uri()) == normalized(plain) == repository.identity


def test_an_address_without_escaped_bytes_keeps_its_record_of_heads(watched: Watched) -> None:
    """Otherwise the next look after an update of Workbench would count as the first, and report nothing."""
    bare = watched.home.parent / "c++ für (mich) @2.git"
    watched.commits.git("clone", "-q", "--bare", str(watched.commits.folder), str(bare))
    repository = open_repository(str(bare), watched.home, os.environ)
    assert (repository.address, repository.name) == (f"file://{bare}", "c---für--mich---2")


def test_a_bare_repository_beside_its_clone_is_another_repository(watched: Watched) -> None:
    """Their heads differ until the next push, so they share no record of heads."""
    bare = watched.commits.folder.with_suffix(".git")
    watched.commits.git("clone", "-q", "--bare", str(watched.commits.folder), str(bare))
    watched.look()
    repository = open_repository(str(bare), watched.home, os.environ)
    result = look(repository, "main", "study.yaml", (), home=watched.home, report=watched.reported.append)
    assert "This is the first look at mine main" in result.sentence
