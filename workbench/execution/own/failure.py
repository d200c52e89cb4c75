"""What a failure that the runtime reports means to us: the prompt's fault, the user's, or the outside world's."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import ExecutionFailed, MissingKey, PipelineRejected

#: Kinds of failure for which the prompt is to blame: they are scored, as plans that are none.
BY_PROMPT = ("truncated", "context window", "blocked", "turn limit", "invalid answer")
BY_USER = ("usage", "pipeline", "unknown model")
#: Kinds that another try cannot mend.
LASTING = ("authentication", "bad request", "no credit", "quota exhausted", "account disabled")


def blame(kind: str, message: str, folder: Path) -> str:
    """The sentence for a failed run that the prompt is to blame for; for any other, raise what it was.

    Raises:
        PipelineRejected, MissingKey, ExecutionFailed: by the kind.
    """
    if kind in BY_PROMPT:
        return message
    if kind in BY_USER:
        raise PipelineRejected(message)
    if kind == "authentication" and message.endswith("is not set"):
        raise MissingKey(f"{message}; or rehearse with --rehearse", kind="missing key", lasting=True)
    raise ExecutionFailed(
        f"the pipeline failed ({kind}): {message}; its output is in {folder}", kind=kind, lasting=kind in LASTING
    )
