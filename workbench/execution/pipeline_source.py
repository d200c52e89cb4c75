"""Hashes the files that an execution depends on when a study is loaded, and checks later that none has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from workbench.errors import PipelineRejected
from workbench.nouns import InputFile, Pipeline
from workbench.pipeline_file import needs
from workbench.system.environment import passed_environment

#: The most bytes that a pipeline file may have.
PIPELINE_BYTES = 1_000_000
#: The hash of a file that a pipeline names and that does not exist, or cannot be read.
MISSING = "missing"


def named_files(root: yaml.MappingNode, folder: Path, *, expand_home: bool = False) -> tuple[InputFile, ...]:
    """Return the files that a pipeline file names. The runtime reports missing files.

    A missing file has the hash `MISSING` in an execution's key. If the file appears later, the key changes and plans
    are bought again.

    Args:
        folder: the folder that relative paths start from.
        expand_home: True if the runtime replaces `~` and `~/` at the beginning of a path by the user's home.
    """
    return tuple(_named_file(name, _path(name, folder, expand_home)) for name in needs.files(root))


def _path(name: str, folder: Path, expand_home: bool) -> Path:
    # Elixir's Path.expand takes `~name` for a file of that name, not for another user's home.
    if expand_home and (name == "~" or name.startswith("~/")):
        return Path(passed_environment()["HOME"]) / name[1:].lstrip("/")
    return folder / name


def _named_file(name: str, path: Path) -> InputFile:
    content = _content(path)
    return InputFile(name, path, MISSING if content is None else hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes | None:
    """Return a regular file's content, or None if the file is missing or cannot be read."""
    try:
        # Reading a pipe or a device may never end, so only regular files are read.
        return path.read_bytes() if path.is_file() else None
    except (OSError, ValueError):
        return None


def unchanged_pipeline(pipeline: Pipeline) -> tuple[Path, bytes]:
    """Return the pipeline file and its content, after a check that none of the pipeline's files has changed.

    Raises:
        PipelineRejected: a file has changed, or the pipeline has no file.
    """
    check_unchanged(pipeline)
    if pipeline.file is None:
        raise PipelineRejected(f"runtime: {pipeline.engine.name} executes a pipeline file, and the study names none")
    return pipeline.file, unchanged(pipeline.file, pipeline.sha256)


def check_unchanged(pipeline: Pipeline) -> None:
    """Check that none of the pipeline's inputs and files has changed.

    Raises:
        PipelineRejected: one of these files has changed.
    """
    for item in (*pipeline.inputs, *pipeline.files):
        if item.sha256 != MISSING:
            unchanged(item.path, item.sha256)
        elif _content(item.path) is not None:
            raise PipelineRejected(
                f"{item.path} was missing when the study was loaded, and exists now: run the study again with it"
            )


def unchanged(file: Path, sha256: str) -> bytes:
    """Return the file's content if it has this hash, which is part of the execution's key.

    Raises:
        PipelineRejected: the file has changed, so the result would be stored under the wrong key.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PipelineRejected(
            f"{file} cannot be read any more ({error.strerror}): put it back, and run the study again"
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PipelineRejected(f"{file} was changed while the study ran: run it again with the file as it is now")
    return content
