"""The folder of a run from the time before its files had a `schema`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from workbench.run.folder import RunFolder

OLD_RUN = Path(__file__).resolve().parents[1] / "data" / "old_run"
#: Keys of run.json that even older runs lack.
NEWER_KEYS = ("pipeline", "runtime", "target")


def old_run(home: Path, *, without: tuple[str, ...] = ()) -> RunFolder:
    """Copy the folder into a home, and return the copy. `without` names keys of run.json to leave out."""
    name = json.loads((OLD_RUN / "run.json").read_text())["run_id"]
    shutil.copytree(OLD_RUN, home / "runs" / name)
    folder = RunFolder(home / "runs" / name)
    value = json.loads(folder.read("run.json"))
    folder.write("run.json", json.dumps({key: value[key] for key in value if key not in without}))
    return folder
