"""The winner goes into the user's file, as a commit on a new branch of a real repository, and comes back out of it."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command_line import WORKBENCH, CommandLine
from tests.support.repository import GENESIS, PARTS, PROMPT, World, git, target
from workbench.apply.apply import apply
from workbench.apply.placement import Chosen
from workbench.errors import NotApplied, UserError
from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.nouns import Trial, Verdict

pytestmark = pytest.mark.processes


def test_the_prompt_is_committed_on_a_new_branch_with_what_it_was_worth(world: World) -> None:
    """Score, interval and run; the user's own branches are where they were."""
    run, before = world.run(), world.git("for-each-ref")
    made = world.apply(run)
    assert world.git("branch", "--show-current") == f"workbench/{run.name}" == made.branch
    assert world.git("status", "--porcelain") == ""
    assert world.git("diff", "--name-only", "-z", "main", "HEAD").rstrip("\0") == "pipelines/Mein Plan, ü.yaml"
    said = world.git("log", "-1", "--format=%B%an")
    for words in ("9.10 instead of 4.10 (+5.00, 95 % ", f"Run: {run.name}", "step write_plan", "Candidate: best"):
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


def test_a_target_that_was_changed_since_is_replaced_with_a_note(world: World) -> None:
    """All of it is the prompt; git keeps what was there."""
    world.pipeline(PARTS)
    run = world.run(**target())
    world.pipeline(PARTS.replace(b"Write it.", b"Write it well."))
    assert any("not the one that was measured" in note for note in world.apply(run).notes)


def test_who_signs_commits_signs_this_one(world: World) -> None:
    """With their own program; where it fails, nothing is committed."""
    run, program = world.run(), world.home / "gpg"
    world.git("config", "commit.gpgsign", "true")
    world.git("config", "gpg.program", str(program))
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    before = world.state()
    with pytest.raises(NotApplied, match=r"git commit-tree failed .* sign"):
        world.apply(run)
    assert world.state() == before
    program.write_text("#!/bin/sh\ncat >/dev/null\nprintf '\\n[GNUPG:] SIG_CREATED \\n' >&2\necho SIGNED\n")
    world.apply(run)
    assert "gpgsig SIGNED" in world.git("cat-file", "commit", "HEAD")


def test_where_git_is_told_to_look_elsewhere_it_does_not(world: World, tmp_path: Path) -> None:
    """As in a hook of another repository's."""
    git(tmp_path, "init", "-q", "elsewhere")
    environ = {**world.environ, "GIT_DIR": str(tmp_path / "elsewhere" / ".git"), "GIT_INDEX_FILE": "nothing"}
    assert apply(world.run(), Chosen(), None, environ).commit == world.git("rev-parse", "HEAD")


PATCHED = {
    "tabs, spaces and smileys": "Use :smile: and\ttabs\n\n\t[bold]x[/bold]  \nend",
    "carriage returns": "old\r\nnew\rlines",
    "wide": "日本\u202e" * 200 + "\nü",
}


@pytest.mark.parametrize("prompt", PATCHED.values(), ids=PATCHED)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_git_takes_what_a_dry_run_prints(world: World, prompt: str, end: bytes) -> None:
    """At the top of the repository, byte for byte what apply itself does."""
    world.pipeline(PARTS.replace(b"to be improved", b"\t:bug: to be improved").replace(b"\n", end))
    run, line = world.run(**target()), CommandLine(world.home, {"HOME": str(world.home)})
    run.write("best_prompt.md", prompt)
    pipe = f"{shlex.quote(str(WORKBENCH))} apply --dry-run | git apply"
    subprocess.run(["bash", "-o", "pipefail", "-c", pipe], cwd=world.repository, env=line.env, check=True)
    patched = world.file.read_bytes()
    world.git("checkout", "-q", ".")
    world.apply(run)
    assert world.file.read_bytes() == patched


def test_the_command_does_it(world: World) -> None:
    """With its messages, its exit codes, and everything as JSON too."""
    run, line = world.run(), CommandLine(world.home, {"HOME": str(world.home)})
    refused = line.run("apply", "--goal", "only")
    assert (refused.exit_code, "leave --goal out" in refused.stderr) == (UserError.exit_code, True)
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


def test_that_the_pipeline_is_everybodys_is_noted(world: World) -> None:
    """The one that comes with Workbench, which the example names."""
    made = world.apply(world.run(pipeline=str(SHIPPED_PIPELINE)), dry_run=True)
    assert "+++ b/runtime/priv/pipelines/genesis.yaml" in made.diff
    assert any("comes with Workbench" in note for note in made.notes)
