"""`workbench init`: write a first study file."""

from __future__ import annotations

import shlex
from pathlib import Path

from workbench.commands.output import NewFile, is_standard_output, out
from workbench.errors import UserError
from workbench.study.opening import RunOptions, load
from workbench.system.files import write_atomically


def init(goal: str, gold: Path, /, *, output: NewFile = Path("study.yaml")) -> int:
    """Write a commented study file from a goal and a gold plan, and copy the shipped pipeline into its folder.

    Parameters
    ----------
    goal
        The goal in words: what a plan should achieve.
    gold
        A file with a hand-written plan, which the judge compares plans with.
    output
        The new study file.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.study.checks import TEXT_BYTES
    from workbench.study.new import name_for, pipeline_copy, starter_study
    from workbench.study.yaml_lines import read_text

    if is_standard_output(output):
        raise UserError(
            f"--output {output} is standard output; expected a new file, which gets the study: the files that it names "
            "stand beside it"
        )
    if not goal.strip():
        raise UserError("the goal is empty; expected what a plan should achieve, in words, as the first argument")
    if output.exists():
        raise UserError(f"{output} exists already: name a new file with --output")
    if not gold.is_file():
        raise UserError(f"{gold} is not a file; expected a file with a hand-written plan as the second argument")
    # The study would name a line of itself for this mistake, and it is not written yet.
    read_text(gold, TEXT_BYTES)
    with pipeline_copy(output.absolute()) as pipeline:
        study = starter_study(name_for(output), goal, gold, pipeline)
        write_atomically(output.absolute(), study.encode())
        try:
            load(RunOptions(output))
        except UserError:
            output.unlink()
            raise
    check = shlex.join(["workbench", "check", str(output)])
    out.print(f"wrote {output}, with {pipeline.name} beside it; next: {check}", highlight=False)
    return 0
