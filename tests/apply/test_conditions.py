"""If a repository cannot take the change, the message gives the reason and the remedy, and nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repository import GENESIS, World, several
from workbench.apply.apply import apply
from workbench.apply.placement import Chosen
from workbench.apply.repository import Repository
from workbench.errors import NotApplied

pytestmark = pytest.mark.processes

IDENTITY = {f"GIT_{role}_{field}": "x" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}


@pytest.mark.parametrize("situation", ["changed", "staged", "merging", "detour"])
def test_apply_and_revert_refuse_uncommitted_changes(world: World, situation: str) -> None:
    """They could get lost, or get into our commit. Revert also refuses to act while another branch is checked out."""
    run = world.run()
    other = world.repository / "other.txt"
    other.write_text("one\n")
    world.git("add", "-A")
    world.git("commit", "-qm", "Other")

    def dirty() -> None:
        if situation == "merging":
            (world.repository / ".git" / "MERGE_HEAD").write_text(world.git("rev-parse", "other") + "\n")
        elif situation == "detour":
            world.git("checkout", "-q", "other")
        else:
            other.write_text("two\n")
            if situation == "staged":
                world.git("add", "-A")

    if situation != "detour":
        dirty()
        before = world.state()
        with pytest.raises(NotApplied, match=r"commit or stash|a merge is going on"):
            world.apply(run)
        assert world.state() == before
        (world.repository / ".git" / "MERGE_HEAD").unlink(missing_ok=True)
        world.git("reset", "-q", "--hard")
    world.apply(run)
    dirty()
    before = world.state()
    with pytest.raises(NotApplied, match=r"commit or stash|a merge is going on|git switch workbench/"):
        world.revert()
    assert world.state() == before


def test_if_git_cannot_commit_the_message_says_what_to_do(world: World, tmp_path: Path) -> None:
    """No identity, an existing branch, an invalid name, an untracked file, no git and no repository are covered.

    A dry run refuses the same.
    """
    run = world.run()

    def refused(message: str, branch: str | None = None, environ: dict[str, str] | None = None) -> None:
        for dry_run in (True, False):
            with pytest.raises(NotApplied, match=message):
                apply(run, Chosen(), branch, environ or world.environ, dry_run=dry_run)

    world.git("branch", "taken")
    for branch, message in (
        ("taken", "git switch taken"),
        ("a..b", "is not a valid branch name"),
        ("main/x", "the branch main exists, and git cannot hold a branch main/x"),
    ):
        refused(message, branch)
    before = world.state()
    for name in ("user.name", "user.email"):
        world.git("config", "--unset", name)
    world.git("config", "user.useConfigOnly", "true")
    refused("git config --global user")
    world.git("rm", "-q", "--cached", str(world.file))
    world.git("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "Out")
    refused("is not in git", environ={**world.environ, **IDENTITY})
    refused("git is not on the PATH", environ={"PATH": str(tmp_path)})
    (world.repository / ".git").rename(tmp_path / "elsewhere")
    refused("not a git repository")
    assert world.file.read_bytes() == before[0][world.file]


def test_another_branch_name_helps_if_git_cannot_hold_the_default_one(world: World) -> None:
    """Git cannot hold the branches `a` and `a/b` at the same time."""
    run = world.run()
    world.git("branch", "workbench")
    world.git("branch", "a/b/c")
    for name, conflict in ((None, "workbench"), ("a/b", "a/b/c")):
        message = f"the branch {conflict} exists, and git cannot hold .* choose another name with --branch"
        with pytest.raises(NotApplied, match=message):
            world.apply(run, branch=name)
    for name in ("", "-x", "HEAD", "@{-1}", "a..b"):
        for dry_run in (True, False):
            with pytest.raises(NotApplied, match="is not a valid branch name"):
                world.apply(run, branch=name, dry_run=dry_run)
    assert world.apply(run, branch="better").branch == "better"
    assert world.apply(run, branch="better", dry_run=True).diff == ""


def test_a_run_cannot_be_applied_twice_at_the_same_time(world: World) -> None:
    """The run's folder holds only one record to revert."""
    world.pipeline(several(GENESIS))
    run = world.run()
    world.apply(run, step="second")
    before = world.state()
    with pytest.raises(NotApplied, match=f"already applied on branch workbench/{run.name}: .* --revert takes it back"):
        world.apply(run, step="write_plan", branch="more")
    world.git("checkout", "-q", "main")
    with pytest.raises(NotApplied, match="is already applied on branch"):
        world.apply(run, step="second", branch="more")
    assert world.state()[2] == before[2]
    assert world.revert().as_it_was
    assert world.apply(run, step="write_plan", branch="more").commit


def test_if_the_record_cannot_be_written_nothing_changes(world: World) -> None:
    """Without the record, nobody could revert the new branch."""
    run, before = world.run(), world.state()
    (run.path / "applied.before").mkdir()
    (run.path / "applied.before" / "full").touch()
    with pytest.raises(NotApplied, match="the record that --revert needs cannot be written"):
        world.apply(run)
    assert world.state() == before


def test_if_the_checkout_fails_nothing_changes(world: World) -> None:
    """A checkout fails, for example, while another git process holds the lock."""
    run, before = world.run(), world.state()
    files_before = sorted(run.path.iterdir())
    lock = world.repository / ".git" / "index.lock"
    lock.touch()
    with pytest.raises(NotApplied, match=r"index\.lock"):
        world.apply(run)
    lock.unlink()
    assert (world.state(), sorted(run.path.iterdir())) == (before, files_before)


def test_an_unfinished_bisection_is_refused(world: World) -> None:
    """A bisection continues from the commit that is checked out, so that commit must not change."""
    world.pipeline(GENESIS + b"# more\n")
    run = world.run()
    world.git("bisect", "start", "HEAD", "HEAD~1")
    with pytest.raises(NotApplied, match="a bisection is going on"):
        world.apply(run)


def test_a_commit_that_a_colleague_makes_meanwhile_is_not_lost(world: World) -> None:
    """The new branch would lack that commit. So nothing is changed."""
    run, program = world.run(), world.home / "gpg"
    world.git("config", "commit.gpgsign", "true")
    world.git("config", "gpg.program", str(program))
    # The program that signs our commit stands for a colleague who commits at this moment.
    signature = "cat >/dev/null\nprintf '\\n[GNUPG:] SIG_CREATED \\n' >&2\necho SIGNED\n"
    colleague = "git update-ref HEAD $(git commit-tree -p HEAD -m Meanwhile HEAD^{tree} </dev/null)\n"
    program.write_text(f"#!/bin/sh\n{colleague}{signature}")
    program.chmod(0o755)
    with pytest.raises(NotApplied, match=r"is not at commit .* of main any more: somebody"):
        world.apply(run)
    assert world.git("log", "--format=%s", "HEAD", "-1") == "Meanwhile"
    assert world.git("branch", "--format=%(refname:short)").split() == ["main", "other"]
    assert not (run.path / "applied.json").exists()
    program.write_text(f"#!/bin/sh\n{signature}")
    assert world.apply(run).commit
    assert world.git("log", "--format=%s", "HEAD^", "-1") == "Meanwhile"


def test_gits_reason_to_refuse_an_identity_is_quoted(world: World) -> None:
    """The reason may be an invalid date."""
    with pytest.raises(NotApplied, match="invalid date format: garbage"):
        apply(world.run(), Chosen(), None, {**world.environ, "GIT_AUTHOR_DATE": "garbage"})


def test_a_missing_folder_is_not_reported_as_a_missing_git(world: World) -> None:
    """The message names the folder in which git could not be started."""
    with pytest.raises(NotApplied, match=r"cannot be started \(/nowhere: No such file"):
        Repository(Path("/nowhere"), world.environ)
