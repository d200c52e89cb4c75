"""Proves which prompt a run has measured, and in which place of which pipeline file, without the run's folder.

A champion's file keeps this proof, so that another machine can apply the champion.
"""

from __future__ import annotations

from collections.abc import Iterable

from workbench.nouns import ProgramName, Study, Target
from workbench.providers import digest
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord


def proof_of_run(run: RunFolder) -> str | None:
    """Return the proof of a run's best prompt; None if the run has measured no pipeline file."""
    if not (run.path / "pipeline.yaml").exists():
        return None
    record, pipeline = run.load(RunRecord), (run.path / "pipeline.yaml").read_bytes()
    goals = (goal.text for goal in record.goals)
    return _proof(run.read("best_prompt.md"), record.program, record.target, goals, pipeline)


def proof_of_study(study: Study, prompt: str, pipeline: bytes) -> str:
    """Return the proof that this prompt has if it was measured with this study and this pipeline file."""
    return _proof(prompt, study.program, study.pipeline.target, (goal.text for goal in study.goals), pipeline)


def _proof(prompt: str, program: ProgramName, target: Target | None, goals: Iterable[str], pipeline: bytes) -> str:
    """Return a hash of a prompt, and of everything that decides how the prompt is written into the pipeline file.

    With a target, the goal is written beside the prompt. Without a target, the goals do not matter.
    """
    place = [] if target is None else [target.step, target.output, str(target.part), *goals]
    return digest("proof/1", prompt, program, pipeline, *place)
