"""`workbench init`: write a study file to begin with."""

from __future__ import annotations

from pathlib import Path

from workbench.commands.output import NewFile, out
from workbench.errors import UserError
from workbench.study.opening import RunOptions, load
from workbench.system.files import write_atomically


def init(goal: str, gold: Path, /, *, output: NewFile = Path("study.yaml")) -> int:
    """Write a commented study file from a goal and a gold plan.

    Parameters
    ----------
    goal
        What a plan is wanted for.
    gold
        A hand-written plan: what the judge compares with.
    output
        The study file to write; it must not exist yet.
    """
    # Imported here, as no other command needs it.
    from workbench.study.new import pipeline_copy, starter_study

    if output.exists():
        raise UserError(f"{output} exists already: name a new file with --output")
    if not gold.is_file():
        raise UserError(f"{gold} is not a file; the second argument is a hand-written plan")
    with pipeline_copy(output.absolute()) as pipeline:
        write_atomically(output.absolute(), starter_study(goal, gold, pipeline).encode())
        try:
            load(RunOptions(output))
        except UserError:
            output.unlink()
            raise
    out.print(f"wrote {output}, with {pipeline.name} beside it; next: workbench check {output}", highlight=False)
    return 0
