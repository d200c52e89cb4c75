"""Reads the names of a study and of its optimizer, for titles and tags. Nothing else of the study is checked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from workbench.errors import RunNotFound, StudyError
from workbench.fields import nearest
from workbench.search.catalogue import DEFAULT_OPTIMIZER
from workbench.study import yaml_lines


def names(path: Path, text: str | None = None) -> tuple[str, str]:
    """Return the names of a study and of its optimizer, for a title.

    If the file cannot be read, the study's name is the file's name without its ending, and the optimizer's name is
    empty.

    Args:
        text: the content of the file, if the file is in a commit of a repository. None reads the file itself.
    """
    try:
        values = (yaml_lines.read(path) if text is None else yaml_lines.parse(text, path)).value
    except StudyError:
        values = None
    keys = values if isinstance(values, dict) else {}
    return str(keys.get("study", path.stem)), str(keys.get("optimizer", DEFAULT_OPTIMIZER if keys else ""))


def name_of(study: str, known: Collection[str]) -> str:
    """Return the name of a study. `study` is the name itself, or the study's file.

    Args:
        known: the names of the studies that have runs.

    Raises:
        RunNotFound: there is no such file, and no run is of a study with this name.
    """
    if Path(study).is_file():
        return names(Path(study))[0]
    if study not in known:
        listed = ", ".join(sorted(known)) or "none that can be read"
        raise RunNotFound(
            f'"{study}" is no study file, and no study with this name has a run; the studies with runs are: {listed}'
            f"{nearest(study, known)}"
        )
    return study
