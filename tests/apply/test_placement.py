"""If the best prompt cannot be applied, the message gives the reason and the remedy, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.repository import GENESIS, PARTS, World, several, target
from workbench.errors import NotApplied, UserError
from workbench.nouns import Trial, Verdict

pytestmark = pytest.mark.processes


def test_a_prompt_that_is_worse_than_the_baseline_is_applied_only_with_anyway(world: World) -> None:
    """Nobody applies such a prompt by mistake. A dry run refuses what applying refuses."""
    run = world.run()
    for n in range(3):
        run.add_trial("confirm", Trial("best", "only", n, f"best{n}", Verdict(1.0 + n / 10, "poor")))
    before = world.state()
    with pytest.raises(NotApplied, match=r"worse than the baseline: 1\.10 against 4\.10; --anyway applies it"):
        world.apply(run)
    with pytest.raises(NotApplied, match="worse than the baseline"):
        world.apply(run, dry_run=True)
    assert "worse than the baseline" in world.apply(run, dry_run=True, anyway=True).notes[0]
    assert world.state() == before
    assert world.apply(run, anyway=True).commit
    assert "Note: this prompt is worse than the baseline" in world.git("log", "-1", "--format=%B")


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
