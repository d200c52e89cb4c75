"""`workbench rubric`: draw the criteria of a study's judge from its gold plans."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from workbench.commands.output import JsonFile, console_beside, err, write_json
from workbench.foreign_text import printable
from workbench.system.interruption import GracefulInterrupt


def rubric(
    study: Path,
    /,
    *,
    force: Annotated[bool, Parameter(negative=())] = False,
    rehearse: Annotated[bool, Parameter(negative=())] = False,
    json_file: JsonFile = None,
) -> int:
    """Draw 5 to 15 criteria for each goal from its gold plans, and write them beside the study, for you to edit.

    The judge's model draws them, with one call for each goal. A judge with `method: rubric` answers these criteria.

    Parameters
    ----------
    study
        The study file.
    force
        Replace the rubric if it exists. Your changes to it are lost.
    rehearse
        Let a scripted model draw them. This costs nothing, and a real run refuses such a rubric.
    json_file
        A file for the criteria as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.study import loader
    from workbench.study.draw import draw_rubric, price_of_drawing, refuse_existing
    from workbench.study.rubric import needs_rubric, to_json

    loaded = loader.load(study)
    refuse_existing(loaded, force=force)
    err.print(price_of_drawing(loaded, rehearse=rehearse), highlight=False)
    with GracefulInterrupt():
        drawn = draw_rubric(loaded, rehearse=rehearse, environ=os.environ)
    console = console_beside(json_file)
    for goal, criteria in drawn.criteria.items():
        console.print(f"{printable(goal)}:", markup=False, highlight=False)
        for number, c in enumerate(criteria, start=1):
            line = f"  {number}. {c.name} (weight {c.weight:g}): {c.question}"
            console.print(printable(line), markup=False, highlight=False)
    console.print(f"wrote {drawn.file}; read it, and change what does not fit", markup=False, highlight=False)
    if not needs_rubric(loaded):
        console.print(
            f"the judge does not use it yet: set judge: {{method: rubric}} in {study}", markup=False, highlight=False
        )
    if json_file is not None:
        goals = {goal: to_json(criteria) for goal, criteria in drawn.criteria.items()}
        cost = None if rehearse else drawn.dollars
        value = {
            "study": loaded.name,
            "file": str(drawn.file),
            "drawn_by": drawn.drawn_by,
            "goals": goals,
            "used": needs_rubric(loaded),
        }
        write_json(json_file, {**value, "dollars": cost})
    return 0
