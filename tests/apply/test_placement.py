"""If the best prompt cannot be applied, the message gives the reason and the remedy, and nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import GENESIS, PARTS, World, several, target
from workbench.apply.apply import apply
from workbench.apply.placement import Chosen
from workbench.apply.repository import Repository
from workbench.errors import NotApplied, UserError
from workbench.nouns import Trial, Verdict

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


def test_a_prompt_that_is_worse_than_the_first_is_applied_only_with_anyway(world: World) -> None:
    """Nobody applies such a prompt by mistake. A dry run refuses what applying refuses."""
    run = world.run()
    for n in range(3):
        run.add_trial("confirm", Trial("best", "only", n, f"best{n}", Verdict(1.0 + n / 10, "poor")))
    before = world.state()
    with pytest.raises(NotApplied, match=r"worse than the first: 1\.10 against 4\.10; --anyway applies it"):
        world.apply(run)
    with pytest.raises(NotApplied, match="worse than the first"):
        world.apply(run, dry_run=True)
    assert "worse than the first" in world.apply(run, dry_run=True, anyway=True).notes[0]
    assert world.state() == before
    assert world.apply(run, anyway=True).commit
    assert "Note: this prompt is worse than the first" in world.git("log", "-1", "--format=%B")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"request:\n", b"request, and nothing else:\n"),
        (b"        - type: static\n", b"        - {type: static, content: First.}\n        - type: static\n"),
    ],
    ids=["the text", "another before it"],
)
def test_the_users_change_of_the_text_before_the_prompt_is_not_undone(world: World, old: bytes, new: bytes) -> None:
    """The prompt was measured behind the old text, and applying it would write that text again."""
    run = world.run()
    assert GENESIS.count(old) == 1
    world.pipeline(GENESIS.replace(old, new))
    before = world.state()
    with pytest.raises(NotApplied, match=r"before \{\{user_prompt\}\} in step write_plan .* changed since"):
        world.apply(run)
    assert world.state() == before


def test_a_step_must_be_named_if_several_take_the_prompt(world: World) -> None:
    """The message lists the steps."""
    world.pipeline(several(GENESIS))
    run = world.run()
    with pytest.raises(NotApplied, match=r"several steps take the prompt .* --step write_plan \| second"):
        world.apply(run)
    assert world.apply(run, step="second").step == "second"
    with pytest.raises(NotApplied, match='did you mean "second"'):
        world.apply(run, step="secnd")


def test_a_goal_must_be_named_if_the_study_has_several(world: World) -> None:
    """The text that is written into a target step contains the goal."""
    world.pipeline(PARTS)
    goals = [{"name": "safe", "text": "Make it safe"}, {"name": "fast", "text": "Make it fast"}]
    run = world.run(**target(goals=goals))
    with pytest.raises(NotApplied, match=r"--goal safe \| fast"):
        world.apply(run)
    world.apply(run, goal="fast")
    assert "## Goal\n\n            Make it fast\n" in world.file.read_text()


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"program": "writer"}, "workbench generate"),
        ({"runtime": "pipeline_ex"}, "the request of mix pipeline.generate.live"),
        ({"pipeline": "/nowhere/at/all.yaml"}, "does not exist; expected the pipeline file that the run measured"),
        ({"pipeline": "/proc/self/mem"}, "/proc/self/mem cannot be read"),
    ],
)
def test_a_prompt_that_has_no_place_in_a_file_is_refused(world: World, about: dict[str, Any], message: str) -> None:
    """The message says where the prompt belongs instead, or why the file cannot be used."""
    before = world.state()
    with pytest.raises(NotApplied, match=message):
        world.apply(world.run(**about))
    assert world.state() == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", None, r"run\.json cannot be read \(No such file"),
        ("run.json", b"{", r"run\.json is no JSON"),
        ("best_prompt.md", None, r"best_prompt\.md cannot be read"),
        ("pipeline.yaml", None, r"pipeline\.yaml cannot be read"),
        ("pipeline.yaml", b"a: \xe9\n", r"pipeline\.yaml is not UTF-8 \(byte 3\)"),
        ("pipeline.yaml", b"a:\t1\n", "not one YAML document that can be read .line 1"),
    ],
)
def test_an_incomplete_run_folder_is_reported(world: World, name: str, content: bytes | None, message: str) -> None:
    """The message names the file that is missing or unreadable."""
    run = world.run()
    if content is None:
        (run.path / name).unlink()
    else:
        (run.path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        world.apply(run)


def test_a_symbolic_link_is_refused_as_pipeline_file(world: World) -> None:
    """Only the folders above the file may be links."""
    run = world.run()
    moved = world.file.with_name("moved.yaml")
    world.file.rename(moved)
    world.file.symlink_to(moved)
    with pytest.raises(NotApplied, match=rf"a symbolic link, .* name {moved} in the study"):
        world.apply(run)


def test_a_prompt_with_placeholders_is_refused(world: World) -> None:
    """The pipeline would replace {{…}}. The measured prompt came from a file, in which nothing is replaced."""
    world.pipeline(PARTS)
    run = world.run(**target())
    run.write("best_prompt.md", "Use {{1+1}} stages")
    with pytest.raises(NotApplied, match=r"\{\{1\+1\}\}"):
        world.apply(run)


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


def test_gits_reason_to_refuse_an_identity_is_quoted(world: World) -> None:
    """The reason may be an invalid date."""
    with pytest.raises(NotApplied, match="invalid date format: garbage"):
        apply(world.run(), Chosen(), None, {**world.environ, "GIT_AUTHOR_DATE": "garbage"})


def test_a_missing_folder_is_not_reported_as_a_missing_git(world: World) -> None:
    """The message names the folder in which git could not be started."""
    with pytest.raises(NotApplied, match=r"cannot be started \(/nowhere: No such file"):
        Repository(Path("/nowhere"), world.environ)
