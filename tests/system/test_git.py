"""Tests of running git."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.commits import Commits
from workbench.system import git


def test_the_commit_of_a_folder_is_that_of_its_repository(tmp_path: Path) -> None:
    """None outside of a repository, without a commit, and without git. The environment names no other repository."""
    commits = Commits.begin(tmp_path / "mine")
    assert git.commit_of(commits.folder, os.environ) is None
    head = commits.commit({"studies/study.yaml": "1"})
    other = {**os.environ, "GIT_DIR": str(tmp_path / "other")}
    assert git.commit_of(commits.folder / "studies", other) == head
    (tmp_path / "plain").mkdir()
    assert git.commit_of(tmp_path / "plain", os.environ) is None
    assert git.commit_of(commits.folder, {"PATH": str(tmp_path)}) is None


def test_the_reason_of_a_failure_is_its_fatal_line(tmp_path: Path) -> None:
    result = git.run(tmp_path, "rev-parse", "HEAD", environ=os.environ)
    assert result.exit_code != 0
    assert git.reason(result).startswith("not a git repository")


def test_the_reason_of_a_repository_of_another_user_has_the_command_that_trusts_it(tmp_path: Path) -> None:
    """The receiver of a git server's pushes usually runs as another user than the git server."""
    folder = Commits.begin(tmp_path / "mine").folder
    # The configuration of a container often trusts all repositories.
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    result = git.run(folder, "rev-parse", "HEAD", environ={**os.environ, **own})
    assert git.reason(result) == (
        f"detected dubious ownership in repository at '{folder}': run git config --global --add safe.directory {folder}"
    )
