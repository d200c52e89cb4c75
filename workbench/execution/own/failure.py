"""Decides who is to blame for a failure that our runtime reports: the prompt, the user or the outside world."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey, PipelineRejected
from workbench.execution.blame import lasts, lies_in_prompt
from workbench.execution.program import PLAN_BYTES
from workbench.models.failure import HINTS
from workbench.models.text import LONGEST, take_in

#: The problem of a plan that is too long to be read.
TOO_LONG = f"the plan has more than {PLAN_BYTES:,} bytes, which is the most that a plan may have: ask for less text"
#: Kinds of failure that the user has to mend.
BY_USER = ("usage", "pipeline", "unknown model")


def blame(kind: str, message: str, folder: Path) -> str:
    """Return the message of a failed run if the prompt is to blame. Raise an error for any other failed run.

    Args:
        kind: the word with which the runtime names the failure.
        message: the runtime's message, without secrets. It may hold a model's words.
        folder: the folder with the run's output.

    Raises:
        PipelineRejected: the user has to change the pipeline or the call.
        MissingKey: a key is not in the environment.
        ExecutionFailed: the outside world failed.
    """
    message = take_in(message[:LONGEST])
    if lies_in_prompt(kind):
        return message
    if kind in BY_USER:
        raise PipelineRejected(message)
    if kind == "authentication" and message.endswith("is not set"):
        raise MissingKey(f"{message}: set it in the environment of the runtime", kind="missing key", lasting=True)
    hint = f"; {HINTS[kind]}" if kind in HINTS else ""
    raise ExecutionFailed(
        f"the pipeline failed ({kind}): {message}{hint}; its output is in {folder}",
        kind=kind,
        lasting=lasts(kind, message),
    )
