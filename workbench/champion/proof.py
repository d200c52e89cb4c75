"""Tells which prompt a run has measured, and in which place of which pipeline file, without the run's folder.

A champion's file keeps this proof, so that another machine can apply the champion. It notices a prompt, a pipeline or a
study that was changed since. It is no signature: whoever changes the file on purpose can compute the proof anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from workbench.champion.champion import Champion
from workbench.nouns import Study, Target
from workbench.providers import digest
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord


def proof_of_run(run: RunFolder) -> str | None:
    """Return the proof of a run's best prompt; None if the run has measured no pipeline file."""
    if not (run.path / "pipeline.yaml").exists():
        return None
    record, pipeline = run.load(RunRecord), (run.path / "pipeline.yaml").read_bytes()
    measured = (run.read("best_prompt.md"), record.program, record.rehearsal or "")
    return _proof(measured, pipeline, record.target, (goal.text for goal in record.goals))


def proof_of_study(study: Study, prompt: str, rehearsal: str | None, pipeline: bytes) -> str:
    """Return the proof that this prompt has if it was measured with this study and this pipeline file.

    Args:
        rehearsal: world and seed of the rehearsal that measured it; None if real models did.
    """
    measured = (prompt, study.program, rehearsal or "")
    return _proof(measured, pipeline, study.pipeline.target, (goal.text for goal in study.goals))


def is_edited(champion: Champion, study: Study, current_fingerprint: str) -> bool:
    """Return True if somebody has changed the prompt in a champion's file since the prompt was measured.

    This can be told only if the file has a proof, and if the study is still as it was measured.
    """
    file = study.pipeline.file
    if champion.proof is None or champion.fingerprint != current_fingerprint or file is None:
        return False
    return proof_of_study(study, champion.text, champion.rehearsal, file.read_bytes()) != champion.proof


def _proof(measured: Iterable[str], pipeline: bytes, target: Target | None, goals: Iterable[str]) -> str:
    """Return a hash of what was measured, and of what decides the prompt's place in the pipeline file.

    With a target, the goal is written beside the prompt. Without a target, the goals do not matter.

    Args:
        measured: the prompt, the kind of program, and the rehearsal or an empty text.
    """
    place = [] if target is None else [target.step, target.output, str(target.part), *goals]
    return digest("proof/1", *measured, pipeline, *place)
