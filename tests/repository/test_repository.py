"""Tests of looking at a git repository, in a folder and behind a URL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.commits import Commits
from workbench.errors import UserError
from workbench.repository.opening import known_branch, open_repository
from workbench.repository.repository import Repository
from workbench.system.process import ended_on_interrupt

pytestmark = pytest.mark.slow


@pytest.fixture
def commits(tmp_path: Path) -> Commits:
    return Commits.begin(tmp_path / "user" / "mine")


@pytest.fixture(params=["folder", "URL"])
def repository(request: pytest.FixtureRequest, commits: Commits, tmp_path: Path) -> Repository:
    """Return the repository, opened by its folder and by its URL."""
    commits.commit({"pipelines/a.yaml": "1", "notes.md": "1"})
    address = str(commits.folder) if request.param == "folder" else f"file://{commits.folder}"
    return open_repository(address, tmp_path / "home", os.environ)


def again(repository: Repository, tmp_path: Path) -> Repository:
    """Open the repository again, as the next look does."""
    return open_repository(repository.address, tmp_path / "home", os.environ)


def test_a_new_commit_and_its_changed_paths_are_seen(repository: Repository, commits: Commits, tmp_path: Path) -> None:
    """Names with unusual characters are paths, too. A pattern picks some of the paths."""
    old = repository.head("main")
    assert (old, repository.name) == (commits.head, "mine")
    new = commits.commit({"pipelines/deep/ü \n.yaml": "2", "notes.md": "2"})
    repository = again(repository, tmp_path)
    assert repository.head("main") == repository.head("HEAD") == new
    assert repository.changed_paths(old, new) == ["notes.md", "pipelines/deep/ü \n.yaml"]
    assert repository.changed_paths(old, new, ["pipelines/**"]) == ["pipelines/deep/ü \n.yaml"]
    assert repository.changed_paths(old, new, ["*.yaml", "runtime/**"]) == []
    assert repository.changed_paths(None, old) == ["notes.md", "pipelines/a.yaml"]
    assert (repository.is_ancestor(old, new), repository.is_ancestor(new, old)) == (True, False)
    assert (repository.parent(new), repository.parent(old)) == (old, None)


def test_the_branch_of_head_is_known_without_asking_anybody(
    repository: Repository, commits: Commits, tmp_path: Path
) -> None:
    """The flow runs of `watch` are named after this branch. Nothing is fetched for such a name."""
    home = tmp_path / "home"
    assert known_branch(repository.address, "HEAD", home, os.environ) == "main"
    assert known_branch(repository.address, "other", home, os.environ) == "other"
    for unknown in (str(tmp_path), str(tmp_path / "missing"), "https://example.org/mine.git"):
        assert known_branch(unknown, "HEAD", home, os.environ) == "HEAD"


@pytest.mark.parametrize("pattern", ["notes/**", "./notes/**", "/notes/**", "notes/", ".//notes/a.md"])
def test_a_pattern_begins_at_the_top_of_the_repository(commits: Commits, tmp_path: Path, pattern: str) -> None:
    old, new = commits.commit({"a.md": "1"}), commits.commit({"a.md": "2", "notes/a.md": "2", "deep/notes/a.md": "2"})
    opened = open_repository(str(commits.folder), tmp_path, os.environ)
    assert opened.changed_paths(old, new, [pattern]) == ["notes/a.md"]


@pytest.mark.parametrize(
    "pattern",
    [
        *("inner/**", "./inner/lib/*.ex", "**/a.ex", "i*/*", "inner", "[!x]nner/**", "i**/lib/**"),
        # Only git can read these.
        *("[^x]nner/**", "[[:alpha:]]nner/**", "[x[:lower:]]nner/**", "\\inner/**", "[/i]nner/**"),
    ],
)
def test_a_submodule_with_another_commit_matches_a_pattern_of_files_inside_it(
    commits: Commits, tmp_path: Path, pattern: str
) -> None:
    """Git names only the submodule's folder. A plain file has no files inside it."""
    (commits.folder / "inner").mkdir()
    heads = []
    for number in (1, 2):
        commits.git("update-index", "--add", "--cacheinfo", f"160000,{str(number) * 40},inner")
        settings = '[submodule "inner"]\n\tpath = inner\n\turl = ../inner\n\tignore = all\n'
        heads.append(commits.commit({".gitmodules": settings, "file": str(number), "a.md": str(number)}))
    opened = open_repository(str(commits.folder), tmp_path, os.environ)
    old, new = heads
    assert opened.changed_paths(old, new, [pattern]) == ["inner"]
    assert opened.changed_paths(old, new) == ["a.md", "file", "inner"]
    assert opened.changed_paths(old, new, ["file/**", "other/**", "inn/**", "deep/inner/**", "n**/lib"]) == []


def test_a_head_whose_past_is_gone_has_changed_everywhere(repository: Repository) -> None:
    """After a forced push, git may have removed the old commit. Then every path counts as changed."""
    assert len(repository.changed_paths("0" * 40, repository.head("main"))) == 2


def test_the_files_of_a_commit_stand_in_a_worktree_of_their_own(
    repository: Repository, commits: Commits, tmp_path: Path
) -> None:
    """The user's own files and branches stay as they are. A worktree that a killed process left is no obstacle."""
    old = repository.head("main")
    commits.commit({"notes.md": "2"})
    (commits.folder / "notes.md").write_text("not committed")
    worktrees = tmp_path / "home" / "worktrees"
    with repository.checked_out(old[:10], worktrees / "a") as files:
        assert (files / "notes.md").read_text() == "1"
        with repository.checked_out(repository.head("main"), worktrees / "b"):
            assert (files / "notes.md").read_text() == "1"
        with pytest.raises(UserError, match="is in use"), repository.checked_out(old, worktrees / "a"):
            pass
    # Git knows the first of these two worktrees.
    repository._git("worktree", "add", "--quiet", "--detach", str(worktrees / "killed"), old)
    (worktrees / "of another repository").mkdir()
    with repository.checked_out(old, worktrees / "killed") as files:
        assert [folder.name for folder in worktrees.glob("*/")] == ["killed"]
    assert list(worktrees.iterdir()) == []
    assert (commits.folder / "notes.md").read_text() == "not committed"
    assert commits.git("worktree", "list", "--porcelain").count("worktree ") == 1
    assert commits.git("branch", "--format=%(refname:short)") == "main"


def test_the_worktree_of_an_interrupted_run_is_removed(
    repository: Repository, commits: Commits, tmp_path: Path
) -> None:
    """An interrupt ends all programs, and no other program starts then: not even git."""
    folder = tmp_path / "home" / "worktrees" / "a"
    with pytest.raises(KeyboardInterrupt), repository.checked_out("main", folder), ended_on_interrupt():
        raise KeyboardInterrupt
    assert list(folder.parent.iterdir()) == []
    assert not list(repository.folder.rglob("worktrees"))
    with ended_on_interrupt():
        # From now on, programs start again. What git does not know as a worktree is removed, and nothing beside it.
        (folder / ".git").mkdir(parents=True)
        (folder.parent / "broken").mkdir()
        (folder.parent / "broken" / ".git").write_text(f"gitdir: {commits.folder}/.git\n")
        with repository.checked_out("main", folder) as files:
            assert (files / "notes.md").is_file()
    assert list(folder.parent.iterdir()) == []
    assert (commits.folder / ".git" / "HEAD").exists()


def test_mistakes_are_named(repository: Repository, tmp_path: Path) -> None:
    """The message also says what was expected."""
    with pytest.raises(UserError, match="has no branch nope; expected one of main"):
        repository.head("nope")
    for name in ("f" * 40, "--all"):
        with pytest.raises(UserError, match=f"has no commit {name}"):
            repository.commit(name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is in no git repository"):
        open_repository(str(tmp_path / "empty"), tmp_path, os.environ)
    with pytest.raises(UserError, match="is not a folder"):
        open_repository(str(tmp_path / "nothing"), tmp_path, os.environ)
    with pytest.raises(UserError, match="git is not on the PATH"):
        open_repository(str(tmp_path), tmp_path, {"PATH": str(tmp_path)})


def test_the_environment_cannot_point_to_another_repository(commits: Commits, tmp_path: Path) -> None:
    """A git hook runs with GIT_DIR."""
    commits.commit({"a": "1"})
    other = Commits.begin(tmp_path / "other")
    other.commit({"b": "1"})
    environ = {**os.environ, "GIT_DIR": str(other.folder / ".git")}
    assert open_repository(str(commits.folder), tmp_path, environ).head("HEAD") == commits.head


def test_every_path_of_a_repository_in_sha_256_is_seen(tmp_path: Path) -> None:
    """Its empty tree has another hash than that of a repository in SHA-1."""
    folder = tmp_path / "mine"
    folder.mkdir()
    commits = Commits(folder)
    commits.git("init", "-q", "-b", "main", "--object-format=sha256")
    head = commits.commit({"notes.md": "1"})
    repository = open_repository(str(folder), tmp_path / "home", os.environ)
    assert repository.changed_paths(None, head) == repository.changed_paths("1" * 64, head) == ["notes.md"]
