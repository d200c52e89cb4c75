"""The files that an execution depends on: their content when the study is read, and the check that none has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from workbench.errors import PipelineRejected
from workbench.nouns import InputFile, Pipeline
from workbench.pipeline_file import needs

#: The most bytes that a pipeline file may have.
PIPELINE_BYTES = 1_000_000


def named_files(root: yaml.MappingNode, folder: Path) -> tuple[InputFile, ...]:
    """Return the files that a pipeline file names itself. The runtime reports those that are missing."""
    named = ((name, folder / name) for name in needs.files(root))
    return tuple(InputFile.read(name, path) for name, path in named if path.is_file())


def unchanged_pipeline(pipeline: Pipeline) -> tuple[Path, bytes]:
    """Return the pipeline file and its content, after a check that none of the pipeline's files has changed.

    Raises:
        PipelineRejected: one of them has changed, or the pipeline has no file.
    """
    check_unchanged(pipeline)
    if pipeline.file is None:
        raise PipelineRejected(f"runtime: {pipeline.engine.name} executes a pipeline file, and the study names none")
    return pipeline.file, unchanged(pipeline.file, pipeline.sha256)


def check_unchanged(pipeline: Pipeline) -> None:
    """Check the pipeline's inputs and files.

    Raises:
        PipelineRejected: one of them has changed.
    """
    for item in (*pipeline.inputs, *pipeline.files):
        unchanged(item.path, item.sha256)


def unchanged(file: Path, sha256: str) -> bytes:
    """Return the file's content if it is what the execution's key was made from.

    Raises:
        PipelineRejected: the file has changed, so its result would be kept under the wrong key.
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
