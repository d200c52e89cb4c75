"""Writes the order for a run of `runtime: serve`, and reads what the ended run answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbench.errors import ExecutionFailed
from workbench.execution import program
from workbench.execution.own.failure import TOO_LONG, blame
from workbench.execution.pipeline_source import unchanged, unchanged_pipeline
from workbench.foreign_text import scrubbed
from workbench.nouns import ExecutionRequest
from workbench.providers import Provider, digest
from workbench.system.environment import passed_environment, secret_values
from workbench.system.files import write_atomically


def order(request: ExecutionRequest) -> dict[str, Any]:
    """Return the order for a run as a JSON object.

    Raises:
        PipelineRejected: the pipeline file or an input has changed.
    """
    pipeline = request.pipeline
    file, content = unchanged_pipeline(pipeline)
    name, timeout_ms = str(file), int(pipeline.timeout_seconds * 1000)
    return {
        "pipeline": content.decode("utf-8"),
        "name": name,
        "prompt": request.prompt,
        "inputs": {item.name: unchanged(item.path, item.sha256).decode("utf-8") for item in pipeline.inputs},
        "seed": request.replicate,
        "timeout_ms": timeout_ms,
        # The plan depends neither on the name nor on the time limit, but the runtime refuses two different orders under
        # one key.
        "key": digest("run/1", request.key, name, str(timeout_ms)),
    }


def secrets_of(providers: Iterable[Provider]) -> list[str]:
    """Return the secrets that an answer of the runtime may hold: the providers' keys, and those of our environment."""
    return secret_values({**passed_environment(), **program.provider_variables(providers)})


def outcome(run: dict[str, Any], folder: Path, secrets: list[str]) -> tuple[str, str | None]:
    """Return the text and the problem of an ended run, and write the runtime's answer beside the prompt.

    Raises:
        PipelineRejected, MissingKey, ExecutionFailed: the run failed, and the prompt is not to blame.
    """
    answer = json.dumps(
        {name: value for name, value in run.items() if name not in ("text", "files")}, indent=2, ensure_ascii=False
    )
    shown_answer = scrubbed(answer, secrets) + "\n"
    (folder / "run.json").write_bytes(shown_answer.encode("utf-8", errors="replace"))
    # A file cannot hold half a surrogate pair.
    text = str(run.get("text") or "").encode("utf-8", errors="replace").decode()
    if run["status"] == "done" and text.strip():
        if len(text.encode()) > program.PLAN_BYTES:
            return "", TOO_LONG
        return text, None
    error = run.get("error")
    details = error if isinstance(error, dict) else {}
    message = scrubbed(str(details.get("message", f"it ended as {run['status']} without a plan")), secrets)
    return "", blame(str(details.get("kind", "no file")).replace("_", " "), message, folder)


def write_step_files(files: object, folder: Path) -> None:
    """Write the files of the pipeline's steps into the folder into which `mix pipeline.generate.live` writes them.

    Raises:
        ExecutionFailed: a file would stand outside of the folder, or has no name that a file can have.
    """
    for name, text in files.items() if isinstance(files, dict) else ():
        try:
            is_inside = (folder / name).resolve().is_relative_to(folder.resolve())
        except (OSError, ValueError):
            is_inside = False
        if not is_inside:
            raise ExecutionFailed(
                f"the runtime names the file {name[:200]!r}; expected a file below {folder}", kind="no file"
            )
        write_atomically(folder / name, str(text).encode("utf-8", errors="replace"))
