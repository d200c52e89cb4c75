"""`revert` goes back to the state before a prompt was applied, and overwrites nobody's work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.repository import PROMPT, World, git
from workbench.errors import NotApplied, RunNotFound, UserError
from workbench.run.folder import RunFolder

pytestmark = pytest.mark.processes


@pytest.fixture
def applied(world: World) -> RunFolder:
    """Return a run whose prompt is applied, with its branch checked out."""
    run = world.run()
    world.apply(run)
    return run


def commit_other_temperature(world: World) -> bytes:
    """Commit a colleague's change to the pipeline on the current branch. Return the new content."""
    world.pipeline(world.file.read_bytes().replace(b"max_tokens: 65536", b"max_tokens: 100"))
    return world.file.read_bytes()


@pytest.mark.parametrize("detached", [False, True])
def test_reverting_restores_the_state_before(world: World, detached: bool) -> None:
    """The checked-out branch, the files, their modes and the list of branches are as before."""
    if detached:
        world.git("checkout", "-q", "--detach")
    (world.repository / "untracked").write_text("mine")
    world.file.chmod(0o600)
    run = world.run()
    files, _, refs, head = world.state()
    files_before = sorted(run.path.iterdir())
    world.apply(run)
    assert world.file.stat().st_mode & 0o777 == 0o600
    reverted = world.revert()
    assert (reverted.as_it_was, reverted.notes) == (True, ())
    assert world.state()[0] == files
    assert world.state()[2:] == (refs, head)
    assert world.file.stat().st_mode & 0o777 == 0o600
    assert world.git("status", "--porcelain") == "?? untracked"
    assert sorted(run.path.iterdir()) == files_before
    with pytest.raises(RunNotFound, match="no run is applied"):
        world.revert()
    assert world.apply(run).commit is not None


@pytest.mark.parametrize("stored", [False, True], ids=["only on disk", "in git"])
def test_the_executable_bit_survives_if_git_ignores_it(world: World, stored: bool) -> None:
    """Git checks a file out with the bit that git has stored, which may differ from the bit of the user's file."""
    world.git("config", "core.fileMode", "false")
    if stored:
        world.git("update-index", "--chmod=+x", str(world.file))
        world.git("commit", "-qm", "Executable")
    for mode in (0o755, 0o644):
        world.file.chmod(mode)
        world.apply(world.run())
        assert world.file.stat().st_mode & 0o777 == mode
        world.revert()
        assert world.file.stat().st_mode & 0o777 == mode


def test_a_branch_with_added_commits_is_kept(world: World, applied: RunFolder) -> None:
    """A note says that the branch is kept."""
    (world.repository / "more").write_text("work")
    world.git("add", "-A")
    world.git("commit", "-qm", "More")
    reverted = world.revert(applied.name)
    assert "is kept" in reverted.notes[0]
    assert world.git("branch", "--show-current") == "main"
    assert world.git("log", "-1", "--format=%s", f"workbench/{applied.name}") == "More"


def test_a_colleagues_later_commit_stays(world: World, applied: RunFolder) -> None:
    """The change is neither overwritten nor staged. The message does not claim that the file is as before."""
    world.git("checkout", "-q", "main")
    changed = commit_other_temperature(world)
    world.git("checkout", "-q", f"workbench/{applied.name}")
    reverted = world.revert()
    assert (world.file.read_bytes(), world.git("status", "--porcelain")) == (changed, "")
    assert (reverted.now, reverted.as_it_was) == ("main", False)
    assert "was changed on main since then" in reverted.notes[0]
    assert "as it was" not in reverted.lines()[0]


@pytest.mark.parametrize("on_main", [False, True])
def test_a_merged_prompt_stays_in_main(world: World, applied: RunFolder, on_main: bool) -> None:
    """Revert does not undo main. A note says which command does."""
    new, commit = world.file.read_bytes(), world.git("rev-parse", "HEAD")
    world.git("branch", "-f", "main", "HEAD")
    if on_main:
        world.git("checkout", "-q", "main")
    reverted = world.revert()
    assert (world.file.read_bytes(), world.git("status", "--porcelain")) == (new, "")
    assert not reverted.as_it_was
    assert f"git revert {commit[:12]}" in reverted.notes[0]
    assert world.git("branch", "--format=%(refname:short)").split() == ["main", "other"]


def test_reverting_works_if_the_pipeline_file_was_deleted_meanwhile(world: World, applied: RunFolder) -> None:
    """The file's folder is gone too, so git has to run in another folder."""
    world.git("checkout", "-q", "main")
    world.git("rm", "-qr", "pipelines")
    world.git("commit", "-qm", "Out")
    world.git("checkout", "-q", f"workbench/{applied.name}")
    reverted = world.revert()
    assert "does not exist on main any more" in reverted.notes[0]
    assert not world.file.exists()
    assert world.git("status", "--porcelain") == ""


def test_a_note_says_that_a_sparse_checkout_leaves_the_file_out(world: World, applied: RunFolder) -> None:
    """Git has the file, but the working folder does not."""
    (world.repository / "kept").mkdir()
    world.git("sparse-checkout", "set", "kept")
    assert not world.file.exists()
    reverted = world.revert()
    assert (reverted.now, reverted.as_it_was, "No such file" in reverted.notes[0]) == ("main", False, True)


def test_reverting_works_if_the_saved_bytes_are_lost(world: World, applied: RunFolder) -> None:
    """The file then has git's bytes, and a note says so."""
    before = world.git("show", f"main:{world.file.relative_to(world.repository)}")
    (applied.path / "applied.before").unlink()
    reverted = world.revert()
    assert world.file.read_text() == before + "\n"
    assert (reverted.as_it_was, "that git gives it" in reverted.notes[0]) == (False, True)


def test_revert_refuses_if_another_branch_or_commit_is_checked_out(world: World) -> None:
    """The message says which branch to switch to. On the original commit, revert works."""
    commit_other_temperature(world)
    world.git("checkout", "-q", "--detach")
    run = world.run()
    world.apply(run)
    for where in (["--detach", "other"], ["other"]):
        world.git("checkout", "-q", *where)
        before = world.state()
        with pytest.raises(NotApplied, match=f"git switch workbench/{run.name} first"):
            world.revert()
        assert world.state() == before
    world.git("checkout", "-q", "--detach", "main")
    assert world.revert().now == world.git("rev-parse", "main")


def test_if_the_applied_branch_was_deleted_only_the_record_is_deleted(world: World, applied: RunFolder) -> None:
    """The branch that is checked out stays checked out."""
    world.git("checkout", "-q", "other")
    world.git("branch", "-D", f"workbench/{applied.name}")
    assert world.revert().now == "other"
    with pytest.raises(RunNotFound, match="no run is applied"):
        world.revert()


def test_a_branch_that_is_checked_out_in_a_worktree_is_kept(world: World, applied: RunFolder) -> None:
    """Without the branch, that worktree would break."""
    world.git("checkout", "-q", "main")
    world.git("worktree", "add", "-q", "../beside", f"workbench/{applied.name}")
    assert "is kept: it has other commits than ours, or a worktree uses it" in world.revert().notes[0]
    assert world.git("rev-parse", f"workbench/{applied.name}")


def test_reverting_works_if_the_original_branch_is_gone(world: World) -> None:
    """Two runs are applied on top of each other, and the first is reverted first. The original commit still exists."""
    runs = [world.run("20260101-000000-aaaaaa")]
    world.apply(runs[0])
    first, commit = world.file.read_bytes(), world.git("rev-parse", "HEAD")
    runs.append(world.run("20260102-000000-bbbbbb"))
    runs[1].write("best_prompt.md", "Other words")
    world.apply(runs[1])
    world.git("checkout", "-q", f"workbench/{runs[0].name}")
    world.revert(runs[0].name)
    world.git("checkout", "-q", f"workbench/{runs[1].name}")
    reverted = world.revert()
    assert (reverted.now, reverted.as_it_was, world.file.read_bytes()) == (commit, True, first)
    assert "on no branch" in reverted.notes[0]
    assert world.git("branch", "--format=%(refname:short)", "--list", "workbench/*") == ""


def test_a_tag_with_the_name_of_a_branch_is_not_taken_for_the_branch(world: World) -> None:
    """In this situation, git itself prints heads/main."""
    world.git("tag", "main")
    world.git("tag", "v1")
    world.apply(world.run(), branch="v1")
    reverted = world.revert()
    assert (reverted.now, reverted.notes, world.git("branch", "--show-current")) == ("main", (), "main")


def test_a_moved_repository_is_found_behind_a_symbolic_link(world: World, applied: RunFolder) -> None:
    """Without a link, revert refuses. It uses no other repository instead."""
    moved = world.repository.with_name("moved")
    world.repository.rename(moved)
    with pytest.raises(NotApplied, match="put the folder back"):
        world.revert()
    git(world.repository.parent, "init", "-q")
    world.repository.mkdir()
    with pytest.raises(NotApplied, match="is not a git repository any more"):
        world.revert()
    world.repository.rmdir()
    world.repository.symlink_to(moved)
    assert world.apply(applied).diff == ""
    assert world.revert().as_it_was
    assert world.apply(applied).commit
    assert world.revert().as_it_was


@pytest.mark.parametrize("content", ["{", "[]", '{"repository": 5}'])
def test_an_unreadable_record_is_reported(world: World, applied: RunFolder, content: str) -> None:
    """The message names the file."""
    applied.write("applied.json", content)
    with pytest.raises(NotApplied, match=r"applied\.json cannot be read"):
        world.revert()


def test_the_revert_option_takes_the_prompt_back(world: World, applied: RunFolder) -> None:
    """Options that do not fit --revert are refused, not ignored."""
    line = CommandLine(world.home, {"HOME": str(world.home)})
    before = world.state()
    for more in (["--dry-run"], ["--branch", "x"], ["--step", "x"], ["--goal", "x"], ["--anyway"]):
        refused = line.call("apply", "--revert", *more)
        assert (refused.exit_code, "nothing else" in refused.stderr) == (UserError.exit_code, True)
    assert world.state() == before
    report = world.home / "report.json"
    reverted = line.call("apply", "--revert", "--json", report)
    assert (reverted.exit_code, "back on main, where" in reverted.stdout) == (0, True)
    assert json.loads(report.read_text())["as_it_was"] is True
    assert PROMPT.encode() not in world.file.read_bytes()
    again = line.call("apply", "--revert")
    assert (again.exit_code, "no run is applied" in again.stderr) == (UserError.exit_code, True)


def test_an_empty_home_has_no_applied_run(tmp_path: Path) -> None:
    """Revert says that no run is applied."""
    world = World(tmp_path, tmp_path / "home")
    with pytest.raises(RunNotFound, match="no run is applied"):
        world.revert()
