"""The way back from a prompt that was applied: to where the user was, and over nobody's work."""

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
    """A run whose prompt is in the file, on a branch that the user is on."""
    run = world.run()
    world.apply(run)
    return run


def warmer(world: World) -> bytes:
    """A colleague's change, committed where the user is."""
    world.pipeline(world.file.read_bytes().replace(b"temperature: 0.7", b"temperature: 0.1"))
    return world.file.read_bytes()


@pytest.mark.parametrize("detached", [False, True])
def test_reverting_goes_back_to_the_state_before(world: World, detached: bool) -> None:
    """Branch, files, their modes and branches: as if nothing had been."""
    if detached:
        world.git("checkout", "-q", "--detach")
    (world.repository / "untracked").write_text("mine")
    world.file.chmod(0o600)
    run = world.run()
    files, _, refs, head = world.state()
    kept = sorted(run.path.iterdir())
    world.apply(run)
    assert world.file.stat().st_mode & 0o777 == 0o600
    back = world.revert()
    assert (back.as_it_was, back.notes) == (True, ())
    assert world.state()[0] == files
    assert world.state()[2:] == (refs, head)
    assert world.file.stat().st_mode & 0o777 == 0o600
    assert world.git("status", "--porcelain") == "?? untracked"
    assert sorted(run.path.iterdir()) == kept
    with pytest.raises(RunNotFound, match="no run is applied"):
        world.revert()
    assert world.apply(run).commit is not None


def test_commits_that_were_added_are_not_thrown_away(world: World, applied: RunFolder) -> None:
    """The branch is kept then, and a note says so."""
    (world.repository / "more").write_text("work")
    world.git("add", "-A")
    world.git("commit", "-qm", "More")
    back = world.revert(applied.name)
    assert "is kept" in back.notes[0]
    assert world.git("branch", "--show-current") == "main"
    assert world.git("log", "-1", "--format=%s", f"workbench/{applied.name}") == "More"


def test_what_a_colleague_committed_meanwhile_stays(world: World, applied: RunFolder) -> None:
    """It is theirs: neither written over nor staged away, and the message claims no older state."""
    world.git("checkout", "-q", "main")
    changed = warmer(world)
    world.git("checkout", "-q", f"workbench/{applied.name}")
    back = world.revert()
    assert (world.file.read_bytes(), world.git("status", "--porcelain")) == (changed, "")
    assert (back.now, back.as_it_was) == ("main", False)
    assert "was changed on main since" in back.notes[0]
    assert "as it was" not in back.lines()[0]


@pytest.mark.parametrize("there", [False, True])
def test_a_prompt_that_was_merged_stays_where_it_is(world: World, applied: RunFolder, there: bool) -> None:
    """Nobody asked to undo main; a note tells how."""
    new, commit = world.file.read_bytes(), world.git("rev-parse", "HEAD")
    world.git("branch", "-f", "main", "HEAD")
    if there:
        world.git("checkout", "-q", "main")
    back = world.revert()
    assert (world.file.read_bytes(), world.git("status", "--porcelain")) == (new, "")
    assert not back.as_it_was
    assert f"git revert {commit[:12]}" in back.notes[0]
    assert world.git("branch", "--format=%(refname:short)").split() == ["main", "other"]


def test_a_file_that_is_gone_meanwhile_is_not_missed(world: World, applied: RunFolder) -> None:
    """Its folder with it: git needs another one to stand in."""
    world.git("checkout", "-q", "main")
    world.git("rm", "-qr", "pipelines")
    world.git("commit", "-qm", "Out")
    world.git("checkout", "-q", f"workbench/{applied.name}")
    back = world.revert()
    assert "is not on main any more" in back.notes[0]
    assert not world.file.exists()
    assert world.git("status", "--porcelain") == ""


def test_a_file_that_a_sparse_checkout_leaves_out_is_told(world: World, applied: RunFolder) -> None:
    """git has it, and the folder has not."""
    (world.repository / "kept").mkdir()
    world.git("sparse-checkout", "set", "kept")
    assert not world.file.exists()
    back = world.revert()
    assert (back.now, back.as_it_was, "No such file" in back.notes[0]) == ("main", False, True)


def test_the_bytes_before_may_be_lost(world: World, applied: RunFolder) -> None:
    """git has them too, and the note says whose they are."""
    before = world.git("show", f"main:{world.file.relative_to(world.repository)}")
    (applied.path / "applied.before").unlink()
    back = world.revert()
    assert world.file.read_text() == before + "\n"
    assert (back.as_it_was, "that git gives it" in back.notes[0]) == (False, True)


def test_one_who_went_elsewhere_is_not_told_to_be_back(world: World) -> None:
    """Neither on a branch nor on another commit of none."""
    warmer(world)
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


def test_a_branch_that_is_gone_is_nothing_to_go_back_from(world: World, applied: RunFolder) -> None:
    """The record goes, the user stays."""
    world.git("checkout", "-q", "other")
    world.git("branch", "-D", f"workbench/{applied.name}")
    assert world.revert().now == "other"
    with pytest.raises(RunNotFound, match="no run is applied"):
        world.revert()


def test_a_branch_that_a_worktree_is_on_is_kept(world: World, applied: RunFolder) -> None:
    """Without it, that worktree would be on nothing."""
    world.git("checkout", "-q", "main")
    world.git("worktree", "add", "-q", "../beside", f"workbench/{applied.name}")
    assert "a worktree on it, and is kept" in world.revert().notes[0]
    assert world.git("rev-parse", f"workbench/{applied.name}")


def test_where_the_user_came_from_may_be_gone(world: World) -> None:
    """As after the first of two that stand on each other: its commit is still there."""
    runs = [world.run("20260101-000000-aaaaaa")]
    world.apply(runs[0])
    first, commit = world.file.read_bytes(), world.git("rev-parse", "HEAD")
    runs.append(world.run("20260102-000000-bbbbbb"))
    runs[1].write("best_prompt.md", "Other words")
    world.apply(runs[1])
    world.git("checkout", "-q", f"workbench/{runs[0].name}")
    world.revert(runs[0].name)
    world.git("checkout", "-q", f"workbench/{runs[1].name}")
    back = world.revert()
    assert (back.now, back.as_it_was, world.file.read_bytes()) == (commit, True, first)
    assert "on no branch" in back.notes[0]
    assert world.git("branch", "--format=%(refname:short)", "--list", "workbench/*") == ""


def test_a_tag_of_the_same_name_is_no_branch(world: World) -> None:
    """git itself says heads/main then."""
    world.git("tag", "main")
    world.git("tag", "v1")
    world.apply(world.run(), branch="v1")
    back = world.revert()
    assert (back.now, back.notes, world.git("branch", "--show-current")) == ("main", (), "main")


def test_a_repository_may_move(world: World, applied: RunFolder) -> None:
    """Behind a link it is the same; without one, no other repository is taken for it."""
    moved = world.repository.with_name("moved")
    world.repository.rename(moved)
    with pytest.raises(NotApplied, match="put it back"):
        world.revert()
    git(world.repository.parent, "init", "-q")
    world.repository.mkdir()
    with pytest.raises(NotApplied, match="is no repository any more"):
        world.revert()
    world.repository.rmdir()
    world.repository.symlink_to(moved)
    assert world.apply(applied).diff == ""
    assert world.revert().as_it_was
    assert world.apply(applied).commit
    assert world.revert().as_it_was


@pytest.mark.parametrize("said", ["{", "[]", '{"repository": 5}'])
def test_a_way_back_that_cannot_be_read_is_told(world: World, applied: RunFolder, said: str) -> None:
    """With where it is."""
    applied.write("applied.json", said)
    with pytest.raises(NotApplied, match=r"applied\.json cannot be read"):
        world.revert()


def test_the_command_takes_it_back(world: World, applied: RunFolder) -> None:
    """And nothing beside it: what it does not do is refused, and not left out."""
    line = CommandLine(world.home, {"HOME": str(world.home)})
    before = world.state()
    for more in (["--dry-run"], ["--branch", "x"], ["--step", "x"], ["--goal", "x"], ["--anyway"]):
        refused = line.run("apply", "--revert", *more)
        assert (refused.exit_code, "nothing else" in refused.stderr) == (UserError.exit_code, True)
    assert world.state() == before
    report = world.home / "report.json"
    back = line.run("apply", "--revert", "--json", report)
    assert (back.exit_code, "back on main, where" in back.stdout) == (0, True)
    assert json.loads(report.read_text())["as_it_was"] is True
    assert PROMPT.encode() not in world.file.read_bytes()
    again = line.run("apply", "--revert")
    assert (again.exit_code, "no run is applied" in again.stderr) == (UserError.exit_code, True)


def test_no_run_has_to_be_there(tmp_path: Path) -> None:
    """A home that nothing was kept in."""
    world = World(tmp_path, tmp_path / "home")
    with pytest.raises(RunNotFound, match="no run is applied"):
        world.revert()
