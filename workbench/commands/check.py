"""`workbench check`: validate a study and estimate what it takes."""

from __future__ import annotations

from pathlib import Path

from workbench.commands.output import JsonFile, out, write_json
from workbench.study.opening import RunOptions, load
from workbench.system.home import home


def check(study: Path, /, *, json_file: JsonFile = None) -> int:
    """Validate a study and estimate what it takes. Needs no keys and calls no model.

    Parameters
    ----------
    study
        The study file.
    json_file
        Write the estimate there, as JSON.
    """
    # Imported here, as no other command needs it.
    from workbench.study.estimate import estimate

    estimated = estimate(load(RunOptions(study)), home())
    out.print(estimated.text)
    if json_file is not None:
        write_json(json_file, estimated.to_json())
    return 0
