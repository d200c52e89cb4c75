"""`workbench rubric`: draw the criteria of a study's judge from its gold plans."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from workbench.commands.ending import running_flow
from workbench.commands.output import JsonFile, console_beside, err, write_json
from workbench.commands.prefect_api import use_server
from workbench.foreign_text import printable
from workbench.scoring import Criterion
from workbench.system.imports import without_collection


def rubric(
    study: Path,
    /,
    *,
    force: Annotated[bool, Parameter(negative=())] = False,
    again: Annotated[bool, Parameter(negative=())] = False,
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
    again
        Ask the model again. Without this, criteria that it drew before from the same gold plans cost nothing.
    rehearse
        Let a scripted model draw them. This costs nothing. A run with real models refuses such a rubric.
    json_file
        A file for the criteria as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.study import loader
    from workbench.study.draw import price_of_drawing, refuse_existing
    from workbench.study.rubric import needs_rubric, to_json, write_rubric
    from workbench.study.services import require_judge

    loaded = loader.load(study)
    refuse_existing(loaded, force=force)
    if not rehearse:
        # The flow checks the key too. This check comes before a server is started.
        require_judge(loaded, os.environ)
    err.print(price_of_drawing(loaded, rehearse=rehearse), highlight=False)
    drawing = _draw(study, rehearse=rehearse, again=again)
    by_goal = {
        goal: tuple(Criterion(**values) for values in criteria) for goal, criteria in drawing["criteria"].items()
    }
    file = write_rubric(loaded, by_goal, drawing["drawn_by"])
    console = console_beside(json_file)
    _print_criteria(by_goal, console)
    if not drawing["calls"]:
        console.print("these criteria were drawn before, so nothing was paid; --again asks the model again")
    console.print(f"wrote {file}; read it, and change what does not fit", markup=False, highlight=False)
    if not needs_rubric(loaded):
        console.print(
            f"the judge does not use it yet: set judge: {{method: rubric}} in {study}", markup=False, highlight=False
        )
    if json_file is not None:
        goals = {goal: to_json(criteria) for goal, criteria in by_goal.items()}
        cost = None if rehearse else drawing["dollars"]
        value = {
            "study": loaded.name,
            "file": str(file),
            "drawn_by": drawing["drawn_by"],
            "calls": drawing["calls"],
            "goals": goals,
            "used": needs_rubric(loaded),
        }
        write_json(json_file, {**value, "dollars": cost})
    return 0


def _print_criteria(by_goal: Mapping[str, Sequence[Criterion]], console: Console) -> None:
    for goal, criteria in by_goal.items():
        console.print(f"{printable(goal)}:", markup=False, highlight=False)
        for number, criterion in enumerate(criteria, start=1):
            line = f"  {number}. {criterion.name} (weight {criterion.weight:g}): {criterion.question}"
            console.print(printable(line), markup=False, highlight=False)


def _draw(study: Path, *, rehearse: bool, again: bool) -> dict[str, Any]:
    """Run the flow that draws the criteria, and return its result.

    Raises:
        WorkbenchError: the flow failed, or no Prefect server answers.
    """
    with without_collection():
        use_server()
        # Prefect reads its settings at import. Therefore the flow is imported only now.
        from workbench.flows.rubric import rubric as rubric_flow

    with running_flow():
        return dict(rubric_flow(study=study.absolute(), rehearse=rehearse, again=again))
