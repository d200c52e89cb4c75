"""Tests of a study in a git repository: the files of a commit, and the place of its champions."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.command_line import study
from tests.support.commits import IDENTITY, Commits
from workbench.champion.champion import Champion
from workbench.champion.champions import Champions
from workbench.errors import StudyError, UserError
from workbench.repository.opening import known_file, open_repository
from workbench.study.at_commit import StudyInRepository, names_at
from workbench.study.names import names
from workbench.study.opening import RunOptions, champions_of, load

STUDY = "plans/study.yaml"
SECOND = Champion(number=2, text="Second.")


@pytest.fixture
def commits(tmp_path: Path) -> Commits:
    commits = Commits.begin(tmp_path / "mine")
    study(commits.folder / "plans", prompt="Write the plan.")
    commits.commit()
    return commits


def opened(address: object, home: Path) -> StudyInRepository:
    return StudyInRepository.of(open_repository(str(address), home, os.environ), STUDY)


def cloned(commits: Commits, parent: Path) -> Path:
    """Clone the repository into a new folder, with a name and an address for commits."""
    clone = Path(tempfile.mkdtemp(prefix="clone", dir=parent))
    settings = [word for setting in IDENTITY if "=" in setting for word in ("--config", setting)]
    commits.git("clone", "-q", *settings, f"file://{commits.folder}", str(clone))
    return clone


def in_shell(folder: Path, command: str | None) -> subprocess.CompletedProcess[str]:
    assert command is not None
    return subprocess.run(["sh", "-ec", command], cwd=folder, check=False, capture_output=True, text=True)


def test_champions_of_a_folder_are_beside_the_study_and_not_in_the_worktree(commits: Commits, tmp_path: Path) -> None:
    """A champion that is not committed yet counts for every commit."""
    study, head = opened(commits.folder, tmp_path / "home"), commits.head
    Champions("small", commits.folder / "plans" / "prompts" / "small", "").add(SECOND)
    with study.at(head, tmp_path / "home", "run") as file:
        assert not (file.parent / "prompts").exists()
        loaded = load(RunOptions(file, prompts=study.prompts(tmp_path / "home")))
        assert (loaded.prompt, loaded.champion) == ("Second.", 2)
        added = champions_of(loaded).add(Champion(number=3, text="Third."))
    assert added.file == commits.folder / "plans" / "prompts" / "small" / "0003.md"
    assert study.how_to_commit(added.file, head) is None
    assert study.label == f"{commits.folder}/{STUDY}"


def test_a_mistake_names_the_file_of_the_commit(commits: Commits, tmp_path: Path) -> None:
    """The worktree is gone when somebody reads the notification. `git show COMMIT:PATH` shows the file."""
    (commits.folder / "plans" / "pipeline.yaml").unlink()
    study, head = opened(commits.folder, tmp_path / "home"), commits.commit()
    with (
        pytest.raises(StudyError, match=rf"^{head[:12]}:{STUDY}:\d+: pipeline: "),
        study.at(head, tmp_path / "home", "run") as file,
    ):
        load(RunOptions(file))


@pytest.mark.slow
def test_champions_of_a_url_are_under_the_home_until_they_are_committed(commits: Commits, tmp_path: Path) -> None:
    """Champions that were committed are known, too. A command commits a new one in a clone."""
    home, url = tmp_path / "home", f"file://{commits.folder}"
    Champions("small", commits.folder / "plans" / "prompts" / "small", "").add(SECOND)
    head = commits.commit()
    study = opened(url, home)
    with study.at(head, home, "run") as file:
        loaded = load(RunOptions(file, prompts=study.prompts(home)))
        assert loaded.champion == 2
        first_added = champions_of(loaded).add(Champion(number=3, text="Third."))
        added = champions_of(loaded).add(Champion(number=4, text="Fourth."))
    assert added.file is not None and first_added.file is not None
    assert added.file.is_relative_to(home / "prompts")
    with study.at(head, home, "again") as file:
        assert load(RunOptions(file, prompts=study.prompts(home))).champion == 4
        second = first_added.file.with_name("0002.md")
        assert [study.differs_from_committed(champion, file) for champion in (second, added.file)] == [False, False]
        (file.parent / "prompts" / "small" / "0002.md").write_text("An edit.\n")
        assert [study.differs_from_committed(champion, file) for champion in (second, added.file)] == [True, False]
    clone = cloned(commits, tmp_path)
    assert in_shell(clone, study.how_to_commit(added.file, head)).returncode == 0
    for file in (first_added.file, added.file):
        assert (clone / "plans" / "prompts" / "small" / file.name).read_bytes() == file.read_bytes()
    log = subprocess.check_output(["git", "log", "-1", "--format=%s"], cwd=clone, text=True)
    assert log == "Promote champion 4 of small\n"


@pytest.mark.slow
def test_the_command_leaves_a_champion_that_somebody_else_committed(commits: Commits, tmp_path: Path) -> None:
    """The commit has another champion 3 than this machine. After that, somebody commits another champion 4."""
    home, small = tmp_path / "home", commits.folder / "plans" / "prompts" / "small"
    study = opened(f"file://{commits.folder}", home)
    Champions("small", study.prompts(home) / "small", "").add(Champion(number=3, text="Never committed."))
    Champions("small", small, "").add(Champion(number=3, text="Of somebody else."))
    head = commits.commit()
    study = opened(f"file://{commits.folder}", home)
    with study.at(head, home, "run") as file:
        loaded = load(RunOptions(file, prompts=study.prompts(home)))
        added = champions_of(loaded).add(Champion(number=4, text="Fourth."))
    assert added.file is not None
    command, clone = study.how_to_commit(added.file, head), cloned(commits, tmp_path)
    assert in_shell(clone, command).returncode == 0
    changed = subprocess.check_output(["git", "show", "--format=", "--name-status"], cwd=clone, text=True)
    assert changed == "A\tplans/prompts/small/0004.md\n"

    other = Champions("small", small, "").add(Champion(number=4, text="Of somebody else, too."))
    assert other.file is not None
    commits.commit()
    clone = cloned(commits, tmp_path)
    refused = in_shell(clone, command)
    assert refused.returncode != 0
    assert "plans/prompts/small/0004.md" in refused.stderr
    assert (clone / "plans" / "prompts" / "small" / "0004.md").read_bytes() == other.file.read_bytes()


@pytest.mark.parametrize("path", ["/etc/passwd", "../study.yaml", "plans/../../study.yaml", ""])
def test_a_path_that_leads_out_of_the_repository_is_refused(commits: Commits, tmp_path: Path, path: str) -> None:
    repository = open_repository(str(commits.folder), tmp_path, os.environ)
    with pytest.raises(UserError, match="is no path inside"):
        StudyInRepository.of(repository, path)


def test_a_commit_without_the_study_is_named(commits: Commits, tmp_path: Path) -> None:
    study = StudyInRepository.of(open_repository(str(commits.folder), tmp_path, os.environ), "other.yaml")
    with (
        pytest.raises(UserError, match=r"has no file other\.yaml at .+: if it has another name"),
        study.at(commits.head, tmp_path, "run"),
    ):
        pass


def test_a_study_is_named_for_a_title_even_if_it_has_mistakes(commits: Commits, tmp_path: Path) -> None:
    """A flow run has a name before its study is read."""
    assert names(commits.folder / STUDY) == ("small", "gepa")
    url, home = f"file://{commits.folder}", tmp_path / "home"
    assert known_file(url, "HEAD", STUDY, home, os.environ) is None
    opened(url, home)
    for address in (url, str(commits.folder)):
        assert names_at(address, None, STUDY, home, os.environ) == ("small", "gepa")
        assert names_at(address, "HEAD", "plans/other.yaml", home, os.environ) == ("other", "")
        assert known_file(address, "HEAD", f".//{STUDY}", home, os.environ) is not None
    (tmp_path / "broken.yaml").write_text("study: [")
    assert names(tmp_path / "broken.yaml") == ("broken", "")
    assert names(tmp_path / "nothing.yaml") == ("nothing", "")
