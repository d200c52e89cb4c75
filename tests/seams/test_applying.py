"""The winner goes into the user's file, as a commit on a new branch of a real repository, and comes back out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.command_line import CHECKOUT, CommandLine
from tests.fakes.repository import PROMPT, World, git
from workbench.applying import apply
from workbench.errors import NotApplied, UserError
from workbench.placing import Chosen
from workbench.trial import Trial, Verdict

GENESIS = (CHECKOUT / "runtime" / "priv" / "pipelines" / "genesis.yaml").read_bytes()
PARTS = b"""# My pipeline
workflow:
  name: mine
  steps:
    - name: draft
      type: claude
      prompt:
        - type: static
          content: "Write it."   # to be improved
        - {type: static, content: Be brief.}
    - name: polish
      type: claude
      prompt: [{type: previous_response, step: draft}]
"""


def target(**more: object) -> dict[str, Any]:
    return {"runtime": "pipeline_ex", "target": {"step": "draft", "output": "polish", "part": 1}, **more}


def test_the_prompt_is_committed_on_a_new_branch_with_what_it_was_worth(world: World) -> None:
    """Score, interval and run; the user's own branches are where they were."""
    run, before = world.run(), world.git("for-each-ref")
    made = world.apply(run)
    assert world.git("branch", "--show-current") == f"workbench/{run.name}" == made.branch
    assert world.git("status", "--porcelain") == ""
    assert world.git("diff", "--name-only", "-z", "main", "HEAD").rstrip("\0") == "pipelines/Mein Plan, ü.yaml"
    said = world.git("log", "-1", "--format=%B%an")
    for words in ("9.1 instead of 4.1 (+5.0, 95 % ", f"Run: {run.name}", "step write_plan", "Candidate: best"):
        assert words in said
    assert said.endswith("Ü")
    assert set(before.splitlines()) <= set(world.git("for-each-ref").splitlines())


def test_what_was_measured_is_what_the_pipeline_then_does(world: World) -> None:
    """The static part, the candidate and the heading come before the goal, as they did."""
    old = yaml.safe_load(GENESIS)["workflow"]["steps"][0]["prompt"]
    world.apply(world.run())
    text = world.file.read_bytes()
    new = yaml.safe_load(text)["workflow"]["steps"][0]["prompt"]
    assert new[1:] == old[1:]
    assert new[0]["content"] == old[0]["content"].rstrip("\n") + f"\n\n{PROMPT}\n\n## Goal\n"
    added = [line for line in world.git("diff", "main", "HEAD").splitlines() if line.startswith("-")]
    assert len(added) == 1


def test_a_step_that_was_the_target_has_the_prompt_and_its_goal(world: World) -> None:
    """It replaced that part, and does so now; the comment behind it stays."""
    world.pipeline(PARTS)
    world.apply(world.run(**target()))
    text = world.file.read_text(encoding="utf-8")
    parts = yaml.safe_load(text)["workflow"]["steps"][0]["prompt"]
    assert parts[0]["content"] == f"{PROMPT}\n\n## Goal\n\nMake it safe\n"
    head, tail = PARTS.decode().split('"Write it."   # to be improved\n')
    assert text.startswith(f"{head}|   # to be improved\n")
    assert text.endswith(tail)


def test_applying_twice_changes_nothing(world: World) -> None:
    """Nor does a dry run, which shows the change as git would take it."""
    run = world.run()
    before = world.state()
    shown = world.apply(run, dry_run=True)
    assert world.state() == before
    world.apply(run)
    after = world.state()
    again = world.apply(run)
    assert (again.commit, again.diff, world.state()) == (None, "", after)
    world.git("checkout", "-q", "main")
    patch = world.repository.parent / "patch"
    patch.write_bytes(shown.diff.encode())
    world.git("apply", str(patch))
    assert world.git("diff", f"workbench/{run.name}") == ""


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


def test_hooks_and_filters_of_the_user_change_nothing(world: World) -> None:
    """No hook runs; line ends in the file are what they were although git would write others."""
    world.git("config", "core.autocrlf", "true")
    hooks = world.repository / ".git" / "hooks"
    for name in ("pre-commit", "commit-msg", "post-checkout", "reference-transaction", "prepare-commit-msg"):
        (hooks / name).write_text("#!/bin/sh\ntouch hooked\nexit 1\n")
        (hooks / name).chmod(0o755)
    made = world.apply(world.run())
    assert made.commit
    assert not list(world.repository.rglob("hooked"))
    assert b"\r" not in world.file.read_bytes()
    assert world.git("-c", "core.hooksPath=/dev/null", "status", "--porcelain") == ""
    world.revert()
    assert world.file.read_bytes() == GENESIS


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.rstrip(b"\n"),
        lambda text: text.replace(b"# Writes", "# Grüße\t日本語: writes".encode()),
    ],
    ids=["CRLF", "BOM", "no final newline", "tabs and more than ASCII"],
)
def test_a_file_keeps_its_ways(world: World, change: Any) -> None:
    """Line ends, byte order mark, the missing newline at the end."""
    text = change(GENESIS)
    world.pipeline(text)
    world.file.chmod(0o755)
    world.git("add", "-A")
    if world.git("status", "--porcelain"):
        world.git("commit", "-qm", "Executable")
    world.apply(world.run())
    new = world.file.read_bytes()
    place = text.index(b"        - type: variable")
    assert new.endswith(text[place:])
    assert new.startswith(text[:place])
    assert new.count(b"\n") == new.count(b"\r\n") or b"\r" not in new
    assert world.file.stat().st_mode & 0o111


def test_a_prompt_that_is_no_better_or_was_rehearsed_says_so(world: World) -> None:
    """In the commit, for whoever reads it later."""
    run = world.run(rehearsal="default:0")
    for n in range(3):
        run.add_trial("confirm", Trial("best", "only", n, f"best{n}", Verdict(4.0 + n / 10, "fine")))
    made = world.apply(run)
    said = world.git("log", "-1", "--format=%B")
    assert "REHEARSAL" in said
    assert "is within chance" in " ".join(said.split())
    assert any("not better than the first" in note for note in made.notes)


def test_a_pipeline_that_was_changed_since_is_told(world: World) -> None:
    """A comment keeps the score; that is for a person to judge. The prompt goes where it was measured all the same."""
    run = world.run()
    world.pipeline(GENESIS.replace(b"temperature: 0.7", b"temperature: 0.9"))
    made = world.apply(run)
    assert any("not the one that was measured" in note for note in made.notes)
    assert b"temperature: 0.9" in world.file.read_bytes()


def several(text: bytes) -> bytes:
    """A pipeline with a second step that takes the prompt."""
    step = text[text.index(b"    - name: write_plan") :]
    return text + step.replace(b"write_plan", b"second")


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
    ],
)
def test_a_prompt_that_has_no_place_in_a_file_is_not_put_there(world: World, about: dict[str, Any], said: str) -> None:
    """With where it belongs instead."""
    before = world.state()
    with pytest.raises(NotApplied, match=said):
        world.apply(world.run(**about))
    assert world.state() == before


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
    with pytest.raises(NotApplied, match=r"git does not know who you are|is not in git"):
        world.apply(run)
    with pytest.raises(NotApplied, match="git is not on the PATH"):
        apply(run, Chosen(), None, {"PATH": str(tmp_path)}, dry_run=False)
    (world.repository / ".git").rename(tmp_path / "elsewhere")
    with pytest.raises(NotApplied, match="not a git repository"):
        world.apply(run)
    assert world.file.read_bytes() == before[0][world.file]


def test_where_git_is_told_to_look_elsewhere_it_does_not(world: World, tmp_path: Path) -> None:
    """As in a hook of another repository's."""
    git(tmp_path, "init", "-q", "elsewhere")
    environ = {**world.environ, "GIT_DIR": str(tmp_path / "elsewhere" / ".git"), "GIT_INDEX_FILE": "nothing"}
    assert apply(world.run(), Chosen(), None, environ, dry_run=False).commit == world.git("rev-parse", "HEAD")


def test_the_command_does_it_and_takes_it_back(world: World) -> None:
    """With its messages, its exit codes, and everything as JSON too."""
    run, line = world.run(), CommandLine(world.home, {"HOME": str(world.home)})
    shown = line.run("apply", "--dry-run")
    assert (shown.exit_code, "+            Order the stages" in shown.stdout) == (0, True)
    report = world.home / "report.json"
    done = line.run("apply", run.name[:9], "--json", report, "--branch", "better")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "workbench apply --revert goes back" in done.stdout
    told = json.loads(report.read_text())
    assert told["commit"] == world.git("rev-parse", "better")
    assert (told["changed"], told["branch"], told["step"]) == (True, "better", "write_plan")
    assert "nothing was changed" in line.run("apply").stdout
    back = line.run("apply", "--revert")
    assert (back.exit_code, "back on main" in back.stdout) == (0, True)
    again = line.run("apply", "--revert")
    assert (again.exit_code, "no run is applied" in again.stderr) == (UserError.exit_code, True)
