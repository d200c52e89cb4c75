"""A repository is opened at a path or a URL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.commits import Commits
from workbench.errors import RepositoryFailed, UserError
from workbench.repository.addresses import normalized
from workbench.repository.opening import _copy_of, known_branch, known_file, open_repository
from workbench.system.locks import exclusive_lock

pytestmark = pytest.mark.slow


@pytest.fixture
def commits(tmp_path: Path) -> Commits:
    return Commits.begin(tmp_path / "user" / "mine")


def test_the_default_branch_of_a_url_may_change(commits: Commits, tmp_path: Path) -> None:
    commits.commit({"notes.md": "1"})
    url, home = f"file://{commits.folder}", tmp_path / "home"
    assert open_repository(url, home, os.environ).branch("HEAD") == "main"
    commits.git("branch", "-m", "main", "trunk")
    renamed = open_repository(url, home, os.environ)
    assert (renamed.branch("HEAD"), renamed.head("HEAD")) == ("trunk", commits.head)


def test_a_relative_path_is_known_as_well(commits: Commits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """prefect.yaml names the checkout as `.`."""
    commits.commit({"notes.md": "1"})
    monkeypatch.chdir(commits.folder)
    assert known_branch(".", "HEAD", tmp_path, os.environ) == "main"
    assert known_file(".", "HEAD", "notes.md", tmp_path, os.environ) == "1"


def test_a_file_that_is_not_utf_8_is_known(commits: Commits, tmp_path: Path) -> None:
    """Otherwise a look would say that the study is missing."""
    (commits.folder / "study.yaml").write_bytes(b"study: caf\xe9\n")
    commits.commit({})
    assert known_file(str(commits.folder), "HEAD", "study.yaml", tmp_path, os.environ) == "study: caf\ufffd\n"


def test_the_folder_of_a_bare_repository_is_read_as_its_url(commits: Commits, tmp_path: Path) -> None:
    """Git servers keep bare repositories. Champions cannot be written beside a study there."""
    head, bare = commits.commit({"notes.md": "1"}), tmp_path / "central.git"
    commits.git("clone", "-q", "--bare", str(commits.folder), str(bare))
    opened = open_repository(str(bare), tmp_path / "home", os.environ)
    assert (opened.address, opened.name, opened.is_local) == (f"file://{bare}", "central", False)
    assert opened.head("HEAD") == head
    assert normalized(str(bare)) == normalized(opened.address)
    assert known_branch(str(bare), "HEAD", tmp_path / "home", os.environ) == "main"


def test_a_url_is_read_with_its_escaped_bytes_as_git_reads_it(commits: Commits, tmp_path: Path) -> None:
    """A folder may have blanks, umlauts and even percent signs. A delivery may name it by a URL."""
    bare = tmp_path / "50%20 für mich.git"
    commits.commit({"notes.md": "1"})
    commits.git("clone", "-q", "--bare", str(commits.folder), str(bare))
    for address in (str(bare), bare.as_uri()):
        opened = open_repository(address, tmp_path / "home", os.environ)
        assert (opened.head("main"), opened.name) == (commits.head, "50-2520-für-mich")
        assert opened.identity == normalized(str(bare))


def test_the_name_of_a_url_keeps_its_escaped_bytes(tmp_path: Path) -> None:
    """Champions and seen heads under WORKBENCH_HOME are stored under this name. Another name would lose them."""
    for address in ("https://example.org/me/my%20pipelines.git", "ssh://git@example.org/me/my%20pipelines.git"):
        assert _copy_of(address, tmp_path)[0] == "my-20pipelines"


def test_a_repository_that_cannot_be_reached_is_a_failure_outside(tmp_path: Path) -> None:
    """No password of the address is in the message."""
    with pytest.raises(RepositoryFailed, match=r"git clone failed for http://127\.0\.0\.1:9/a/mine\.git") as raised:
        open_repository("http://me:secret@127.0.0.1:9/a/mine.git", tmp_path, os.environ)
    assert "secret" not in str(raised.value)
    with pytest.raises(RepositoryFailed):
        open_repository(f"file://{tmp_path}/nothing", tmp_path, os.environ)


def test_the_new_commits_of_a_shallow_repository_are_seen(commits: Commits, tmp_path: Path) -> None:
    """CI systems clone with --depth, and fetch with --depth again. Git refuses such commits without a word."""
    commits.commit({"notes.md": "1"})
    shallow, source = Commits(tmp_path / "shallow"), f"file://{commits.folder}"
    commits.git("clone", "-q", "--depth", "1", source, str(shallow.folder))
    url, home = f"file://{shallow.folder}", tmp_path / "home"
    assert open_repository(url, home, os.environ).head("main") == commits.head
    for text in ("2", "3"):
        commits.commit({"notes.md": text})
    shallow.git("fetch", "-q", "--depth", "1")
    shallow.git("reset", "-q", "--hard", "origin/main")
    assert open_repository(url, home, os.environ).head("main") == commits.head


def test_the_home_of_a_user_who_does_not_exist_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="~nobody-here/mine is not a folder"):
        open_repository("~nobody-here/mine", tmp_path, os.environ)
    assert known_branch("~nobody-here/mine", "HEAD", tmp_path, os.environ) == "HEAD"
    assert normalized("~nobody-here/mine.git") == str(Path("~nobody-here/mine").absolute())


def test_looks_do_not_wait_for_each_other_for_ever(
    commits: Commits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a git server that hangs overnight would leave a waiting process for each look of the night."""
    commits.commit({"notes.md": "1"})
    url, home = f"file://{commits.folder}", tmp_path / "home"
    copy = open_repository(url, home, os.environ).folder
    monkeypatch.setattr("workbench.repository.opening.FETCH_SECONDS", 0.5)
    with (
        exclusive_lock(copy.with_suffix(".lock")),
        pytest.raises(RepositoryFailed, match=r"other processes read from file://.* expected a server that answers"),
    ):
        open_repository(url, home, os.environ)
    monkeypatch.undo()
    assert open_repository(url, home, os.environ).head("main") == commits.head
