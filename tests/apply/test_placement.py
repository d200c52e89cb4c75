"""What keeps a winner out of the user's file: the reason, what to do, and nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import GENESIS, PARTS, World, several, target
from workbench.apply.apply import apply
from workbench.apply.git import Repository
from workbench.apply.placement import Chosen
from workbench.errors import NotApplied, UserError
from workbench.nouns import Trial, Verdict

pytestmark = pytest.mark.processes

NAMED = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.mark.parametrize("what", ["changed", "staged", "merging", "detour"])
def test_a_dirty_tree_is_refused_either_way(world: World, what: str) -> None:
    """Whatever is not committed could get lost, or into our commit."""
    run = world.run()
    other = world.repository / "other.txt"
    other.write_text("one\n")
    world.git("add", "-A")
    world.git("commit", "-qm", "Other")

    def dirty() -> None:
        if what == "merging":
            (world.repository / ".git" / "MERGE_HEAD").write_text(world.git("rev-parse", "other") + "\n")
        elif what == "detour":
            world.git("checkout", "-q", "other")
        else:
            other.write_text("two\n")
            if what == "staged":
                world.git("add", "-A")

    if what != "detour":
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


def test_a_prompt_that_is_worse_than_the_first_is_applied_only_anyway(world: World) -> None:
    """Nobody puts it into a pipeline by mistake; a dry run shows it all the same."""
    run = world.run()
    for n in range(3):
        run.add_trial("confirm", Trial("best", "only", n, f"best{n}", Verdict(1.0 + n / 10, "poor")))
    before = world.state()
    with pytest.raises(NotApplied, match=r"worse than the first: 1\.10 against 4\.10; --anyway applies it"):
        world.apply(run)
    assert "worse than the first" in world.apply(run, dry_run=True).notes[0]
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
def test_a_text_before_the_prompt_that_was_changed_since_is_not_undone(world: World, old: bytes, new: bytes) -> None:
    """The prompt was measured behind another, and would be written with it."""
    run = world.run()
    assert GENESIS.count(old) == 1
    world.pipeline(GENESIS.replace(old, new))
    before = world.state()
    with pytest.raises(NotApplied, match=r"before \{\{user_prompt\}\} in step write_plan .* changed since"):
        world.apply(run)
    assert world.state() == before


def test_a_step_is_named_where_several_take_the_prompt(world: World) -> None:
    """The message says which there are."""
    world.pipeline(several(GENESIS))
    run = world.run()
    with pytest.raises(NotApplied, match=r"several steps take the prompt .* --step write_plan \| second"):
        world.apply(run)
    assert world.apply(run, step="second").step == "second"
    with pytest.raises(NotApplied, match='did you mean "second"'):
        world.apply(run, step="secnd")


def test_a_goal_is_named_where_the_study_has_several(world: World) -> None:
    """It is in the text that was measured."""
    world.pipeline(PARTS)
    goals = [{"name": "safe", "text": "Make it safe"}, {"name": "fast", "text": "Make it fast"}]
    run = world.run(**target(goals=goals))
    with pytest.raises(NotApplied, match=r"--goal safe \| fast"):
        world.apply(run)
    world.apply(run, goal="fast")
    assert "## Goal\n\n            Make it fast\n" in world.file.read_text()


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"program": "writer"}, "workbench generate"),
        ({"runtime": "pipeline_ex"}, "the request of mix pipeline.generate.live"),
        ({"pipeline": "/nowhere/at/all.yaml"}, "is not there any more"),
        ({"pipeline": "/proc/self/mem"}, "/proc/self/mem cannot be read"),
    ],
)
def test_a_prompt_that_has_no_place_in_a_file_is_not_put_there(world: World, about: dict[str, Any], said: str) -> None:
    """With where it belongs instead."""
    before = world.state()
    with pytest.raises(NotApplied, match=said):
        world.apply(world.run(**about))
    assert world.state() == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", None, r"run\.json cannot be read \(No such file"),
        ("run.json", b"{", r"run\.json is no JSON"),
        ("best_prompt.md", None, r"best_prompt\.md cannot be read"),
        ("pipeline.yaml", None, r"pipeline\.yaml cannot be read"),
        ("pipeline.yaml", b"a: \xe9\n", r"pipeline\.yaml is not UTF-8 \(byte 3\)"),
        ("pipeline.yaml", b"a:\t1\n", "not one YAML document that can be read .line 1"),
    ],
)
def test_a_run_that_is_not_whole_is_told(world: World, name: str, content: bytes | None, said: str) -> None:
    """With what is missing of it."""
    run = world.run()
    if content is None:
        (run.path / name).unlink()
    else:
        (run.path / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        world.apply(run)


def test_a_link_is_no_pipeline_file(world: World) -> None:
    """Only the folders on the way may be links."""
    run = world.run()
    moved = world.file.with_name("moved.yaml")
    world.file.rename(moved)
    world.file.symlink_to(moved)
    with pytest.raises(NotApplied, match=rf"a symbolic link, .* name {moved} in the study"):
        world.apply(run)


def test_what_the_pipeline_would_replace_in_the_prompt_is_refused(world: World) -> None:
    """It was measured from a file, where nothing is replaced."""
    world.pipeline(PARTS)
    run = world.run(**target())
    run.write("best_prompt.md", "Use {{1+1}} stages")
    with pytest.raises(NotApplied, match=r"\{\{1\+1\}\}"):
        world.apply(run)


def test_git_that_cannot_commit_says_what_to_do(world: World, tmp_path: Path) -> None:
    """No identity, a branch that is there, a file that is not in git, no repository, no git."""
    run = world.run()
    world.git("branch", "taken")
    for branch, said in (
        ("taken", "git switch taken"),
        ("a..b", "no name for a branch"),
        ("main/x", "a branch main, and git has no main/x"),
    ):
        with pytest.raises(NotApplied, match=said):
            world.apply(run, branch=branch)
    before = world.state()
    for name in ("user.name", "user.email"):
        world.git("config", "--unset", name)
    world.git("config", "user.useConfigOnly", "true")
    with pytest.raises(NotApplied, match="git config --global user"):
        world.apply(run)
    world.git("rm", "-q", "--cached", str(world.file))
    world.git("-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "Out")
    with pytest.raises(NotApplied, match="is not in git"):
        apply(run, Chosen(), None, {**world.environ, **NAMED})
    with pytest.raises(NotApplied, match="git is not on the PATH"):
        apply(run, Chosen(), None, {"PATH": str(tmp_path)})
    (world.repository / ".git").rename(tmp_path / "elsewhere")
    with pytest.raises(NotApplied, match="not a git repository"):
        world.apply(run)
    assert world.file.read_bytes() == before[0][world.file]


def test_another_name_for_the_branch_helps_where_the_usual_one_cannot_be(world: World) -> None:
    """No file is a folder as well."""
    run = world.run()
    world.git("branch", "workbench")
    world.git("branch", "a/b/c")
    for name, said in ((None, "workbench"), ("a/b", "a/b/c")):
        with pytest.raises(NotApplied, match=f"there is a branch {said}, and git has no .* name another with --branch"):
            world.apply(run, branch=name)
    for name in ("", "-x", "HEAD", "@{-1}", "a..b"):
        for dry_run in (True, False):
            with pytest.raises(NotApplied, match="no name for a branch"):
                world.apply(run, branch=name, dry_run=dry_run)
    assert world.apply(run, branch="better").branch == "better"
    assert world.apply(run, branch="better", dry_run=True).diff == ""


def test_a_run_is_applied_once_at_a_time(world: World) -> None:
    """Its record holds one way back."""
    world.pipeline(several(GENESIS))
    run = world.run()
    world.apply(run, step="second")
    before = world.state()
    with pytest.raises(NotApplied, match=f"is applied on branch workbench/{run.name}: .* --revert takes it back"):
        world.apply(run, step="write_plan", branch="more")
    world.git("checkout", "-q", "main")
    with pytest.raises(NotApplied, match="is applied on branch"):
        world.apply(run, step="second", branch="more")
    assert world.state()[2] == before[2]
    assert world.revert().as_it_was
    assert world.apply(run, step="write_plan", branch="more").commit


def test_a_way_back_that_cannot_be_kept_leaves_nothing(world: World) -> None:
    """No branch that nobody knows how to leave."""
    run, before = world.run(), world.state()
    (run.path / "applied.before").mkdir()
    (run.path / "applied.before" / "full").touch()
    with pytest.raises(NotApplied, match="the way back cannot be kept"):
        world.apply(run)
    assert world.state() == before


def test_a_checkout_that_fails_leaves_nothing(world: World) -> None:
    """As where another git is at work."""
    run, before = world.run(), world.state()
    kept = sorted(run.path.iterdir())
    lock = world.repository / ".git" / "index.lock"
    lock.touch()
    with pytest.raises(NotApplied, match=r"index\.lock"):
        world.apply(run)
    lock.unlink()
    assert (world.state(), sorted(run.path.iterdir())) == (before, kept)


def test_a_bisection_is_finished_first(world: World) -> None:
    """It goes on from the commit that it is at."""
    world.pipeline(GENESIS + b"# more\n")
    run = world.run()
    world.git("bisect", "start", "HEAD", "HEAD~1")
    with pytest.raises(NotApplied, match="a bisection is going on"):
        world.apply(run)


def test_what_git_has_against_a_name_is_told_in_its_own_words(world: World) -> None:
    """It may be a date."""
    with pytest.raises(NotApplied, match="invalid date format: garbage"):
        apply(world.run(), Chosen(), None, {**world.environ, "GIT_AUTHOR_DATE": "garbage"})


def test_only_a_missing_git_is_said_to_be_missing(world: World) -> None:
    """Not where the folder to start it in is."""
    with pytest.raises(NotApplied, match=r"cannot be started \(/nowhere: No such file"):
        Repository(Path("/nowhere"), world.environ)
