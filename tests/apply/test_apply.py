"""`apply` commits the best prompt into the user's pipeline file, on a new branch of a real git repository."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command_line import WORKBENCH, CommandLine
from tests.support.repository import GENESIS, PARTS, PROMPT, World, git, target
from workbench.apply.apply import apply
from workbench.apply.placement import Chosen
from workbench.errors import NotApplied, UserError
from workbench.nouns import Trial, Verdict

pytestmark = pytest.mark.processes


def test_the_prompt_is_committed_on_a_new_branch_with_its_score(world: World) -> None:
    """The commit message names score, interval and run. The user's own branches do not move."""
    run, before = world.run(), world.git("for-each-ref")
    applied = world.apply(run)
    assert world.git("branch", "--show-current") == f"workbench/{run.name}" == applied.branch
    assert world.git("status", "--porcelain") == ""
    assert world.git("diff", "--name-only", "-z", "main", "HEAD").rstrip("\0") == "pipelines/Mein Plan, ü.yaml"
    message = world.git("log", "-1", "--format=%B%an")
    for words in (
        "The new prompt scores 9.10 (",
        "the old one 4.10 (",
        "better beyond chance (+5.00, ",
        f"Run: {run.name}",
        "step write_plan",
        "Candidate: best",
    ):
        assert words in message
    assert message.endswith("Ü")
    assert set(before.splitlines()) <= set(world.git("for-each-ref").splitlines())


def test_the_applied_pipeline_sends_the_prompt_that_was_measured(world: World) -> None:
    """The static part, the candidate and the heading come before the goal, as in the measured executions."""
    old = yaml.safe_load(GENESIS)["workflow"]["steps"][0]["prompt"]
    world.apply(world.run())
    text = world.file.read_bytes()
    new = yaml.safe_load(text)["workflow"]["steps"][0]["prompt"]
    assert new[1:] == old[1:]
    assert new[0]["content"] == old[0]["content"].rstrip("\n") + f"\n\n{PROMPT}\n\n## Goal\n"
    removed = [line for line in world.git("diff", "main", "HEAD").splitlines() if line.startswith("-")]
    assert len(removed) == 1


def test_a_target_step_gets_the_prompt_and_its_goal(world: World) -> None:
    """The text replaces the target part, as it did when it was measured. The comment behind the part stays."""
    world.pipeline(PARTS)
    world.apply(world.run(**target()))
    text = world.file.read_text(encoding="utf-8")
    parts = yaml.safe_load(text)["workflow"]["steps"][0]["prompt"]
    assert parts[0]["content"] == f"{PROMPT}\n\n## Goal\n\nMake it safe\n"
    head, tail = PARTS.decode().split('"Write it."   # to be improved\n')
    assert text.startswith(f"{head}|   # to be improved\n")
    assert text.endswith(tail)


def test_applying_twice_changes_nothing(world: World) -> None:
    """A dry run changes nothing either. Its diff can be applied by git."""
    run = world.run()
    before = world.state()
    preview = world.apply(run, dry_run=True)
    assert world.state() == before
    world.apply(run)
    after = world.state()
    again = world.apply(run)
    assert (again.commit, again.diff, world.state()) == (None, "", after)
    world.git("checkout", "-q", "main")
    patch = world.repository.parent / "patch"
    patch.write_bytes(preview.diff.encode())
    world.git("apply", str(patch))
    assert world.git("diff", f"workbench/{run.name}") == ""


def test_the_users_hooks_and_filters_change_nothing(world: World) -> None:
    """No hook runs. The file keeps its line ends, although git is configured to write others."""
    world.git("config", "core.autocrlf", "true")
    hooks = world.repository / ".git" / "hooks"
    for name in ("pre-commit", "commit-msg", "post-checkout", "reference-transaction", "prepare-commit-msg"):
        (hooks / name).write_text("#!/bin/sh\ntouch hooked\nexit 1\n")
        (hooks / name).chmod(0o755)
    assert world.apply(world.run()).commit
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
def test_a_file_keeps_its_format(world: World, change: Any) -> None:
    """Line ends, byte order mark, a missing final newline and the executable bit stay as they were."""
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


def test_the_commit_message_says_that_a_prompt_is_not_better_or_was_rehearsed(world: World) -> None:
    """A later reader of the history must know it. The notes say it as well."""
    run = world.run(rehearsal="default:0")
    for n in range(3):
        run.add_trial("confirm", Trial("best", "only", n, f"best{n}", Verdict(4.0 + n / 10, "fine")))
    with pytest.raises(NotApplied, match="found in a rehearsal, which proves nothing about it; --anyway applies it"):
        world.apply(run)
    applied = world.apply(run, anyway=True)
    message = world.git("log", "-1", "--format=%B")
    assert "REHEARSAL" in message
    assert "No better prompt found" in " ".join(message.split())
    assert any("not better than the baseline" in note for note in applied.notes)


def test_a_note_says_that_the_pipeline_changed_after_it_was_measured(world: World) -> None:
    """The prompt is applied all the same. A person must judge if the change, such as a comment, affects the score."""
    run = world.run()
    world.pipeline(GENESIS.replace(b"max_tokens: 65536", b"max_tokens: 60000"))
    applied = world.apply(run)
    assert any("changed after it was measured" in note for note in applied.notes)
    assert b"max_tokens: 60000" in world.file.read_bytes()


def test_a_target_part_that_changed_since_is_replaced_with_a_note(world: World) -> None:
    """The prompt is the whole part, and git keeps the earlier text."""
    world.pipeline(PARTS)
    run = world.run(**target())
    world.pipeline(PARTS.replace(b"Write it.", b"Write it well."))
    assert any("changed after it was measured" in note for note in world.apply(run).notes)


def test_a_commit_is_signed_if_the_user_signs_commits(world: World) -> None:
    """The user's own program signs it. If the program fails, nothing is committed."""
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


def test_environment_variables_cannot_point_git_to_another_repository(world: World, tmp_path: Path) -> None:
    """Git sets such variables, for example, when it runs a hook of another repository."""
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
def test_git_can_apply_the_output_of_a_dry_run(world: World, prompt: str, end: bytes) -> None:
    """At the top of the repository, the result is byte for byte what apply itself writes."""
    check_patch(world, prompt, end, lambda line: line.call("apply", "--dry-run", cwd=world.repository).stdout.encode())


def test_git_can_apply_the_output_of_the_process(world: World) -> None:
    """The process writes the same bytes to a pipe."""

    def printed(line: CommandLine) -> bytes:
        command: list[str | Path] = [WORKBENCH, "apply", "--dry-run"]
        return subprocess.run(command, cwd=world.repository, env=line.env, check=True, stdout=subprocess.PIPE).stdout

    check_patch(world, PATCHED["carriage returns"], b"\r\n", printed)


def check_patch(world: World, prompt: str, end: bytes, dry_run: Callable[[CommandLine], bytes]) -> None:
    """Check that git can apply what a dry run prints."""
    world.pipeline(PARTS.replace(b"to be improved", b"\t:bug: to be improved").replace(b"\n", end))
    run, line = world.run(**target()), CommandLine(world.home, {"HOME": str(world.home)})
    run.write("best_prompt.md", prompt)
    subprocess.run(["git", "apply"], cwd=world.repository, env=line.env, check=True, input=dry_run(line))
    patched = world.file.read_bytes()
    world.git("checkout", "-q", ".")
    world.apply(run)
    assert world.file.read_bytes() == patched


def test_the_apply_command_prints_its_result_and_writes_it_as_json(world: World) -> None:
    """It refuses a superfluous --goal with exit code 2, shows a dry run, applies, and reports a repeated call."""
    run, line = world.run(), CommandLine(world.home, {"HOME": str(world.home)})
    refused = line.call("apply", "--goal", "only")
    assert (refused.exit_code, "leave --goal out" in refused.stderr) == (UserError.exit_code, True)
    preview = line.call("apply", "--dry-run")
    assert (preview.exit_code, "+            Order the stages" in preview.stdout) == (0, True)
    report_file = world.home / "report.json"
    applied = line.call("apply", run.name[:9], "--json", report_file, "--branch", "better")
    assert (applied.exit_code, applied.stderr) == (0, "")
    assert "workbench apply --revert goes back" in applied.stdout
    report = json.loads(report_file.read_text())
    assert report["commit"] == world.git("rev-parse", "better")
    assert (report["changed"], report["branch"], report["step"]) == (True, "better", "write_plan")
    assert "nothing was changed" in line.call("apply").stdout


def test_a_note_says_that_the_pipeline_comes_with_workbench(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example study uses that pipeline, and other studies may use it too."""
    monkeypatch.setattr("workbench.apply.apply.SHIPPED_PIPELINE", world.file)
    applied = world.apply(world.run(), dry_run=True)
    assert any("comes with Workbench" in note for note in applied.notes)
