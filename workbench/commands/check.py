"""`workbench check`: validate a study, and estimate its executions, its time and its cost."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.commands.output import JsonFile, console_beside, err, write_json
from workbench.execution.runtimes import runtime_of
from workbench.foreign_text import printable
from workbench.study.held_out import held_out_gold
from workbench.study.opening import RunOptions, load
from workbench.study.readiness import require_accepted
from workbench.study.rubric import rehearsal_problem, require_rubric
from workbench.system.home import home
from workbench.system.storage import results_of


def check(study: Path, /, *, json_file: JsonFile = None) -> int:
    """Validate a study, and estimate its executions, its time and its cost. Needs no keys and calls no model.

    Parameters
    ----------
    study
        The study file.
    json_file
        A file for the estimate as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.evidence.gate import undecidable
    from workbench.evidence.promotion import alpha_of
    from workbench.study import calibrating
    from workbench.study.estimate import estimate

    loaded = load(RunOptions(study))
    results_of(home(), os.environ)
    require_rubric(loaded, rehearsal=True)
    unchecked = require_accepted(loaded)
    estimated = estimate(loaded, home())
    console_beside(json_file).print(estimated.text)
    refused_rubric, held_out = rehearsal_problem(loaded), held_out_gold(loaded)
    no_influence = runtime_of(loaded.pipeline.engine).warning(loaded.pipeline)
    too_few_pairs = undecidable(loaded.confirm, alpha_of(loaded.promote))
    notes = (
        refused_rubric and f"a run with real models will not start: {refused_rubric}",
        unchecked,
        no_influence,
        held_out,
        too_few_pairs,
        calibrating.note(loaded, home(), os.environ),
    )
    for note in filter(None, notes):
        err.print(printable(f"note: {note}"), markup=False, highlight=False)
    if json_file is not None:
        calibration = calibrating.to_json(loaded, home(), os.environ)
        write_json(
            json_file,
            {
                **estimated.to_json(),
                "calibration": calibration,
                "refused_rubric": refused_rubric,
                "unchecked": unchecked,
                "no_influence": no_influence,
                "too_few_pairs": too_few_pairs,
                "held_out_gold": held_out,
            },
        )
    return 0
