"""What came of a run of a pipeline: classified from what it left behind, never believed.

Exit code 0 and a success line prove nothing with pipeline_ex (see `pipeline_ex_log`): a run is `ok` when every question
that it asked a model was answered, when no fallback or mock stood in, and when the file that it names last is a plan.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.execution import pipeline_ex_log, reply
from workbench.execution.causes import cause, failure
from workbench.execution.failure import BY_PROMPT
from workbench.execution.pipeline_ex_log import Log
from workbench.execution.plan import TRIMMED, WRAPPED, problem, unfenced

Status = Literal["ok", "invalid plan", "failed"]

STAND_INS = {
    "emergent_intelligence": "fallback used",
    "fallback_generator": "fallback used",
    "mock_generated": "mock used",
}
TRAITS = {"mock_generated": "mock used", "emergent": "fallback used", "fallback": "fallback used"}
#: A reply that is only an error's text.
ERROR_REPLY = re.compile(
    r"\A\s*(?:API Error\b|Invalid API key\b|Credit balance is too low|Not logged in\b|Claude (?:AI|Code) usage limit"
    r"|OAuth token (?:has expired|revoked)|Please run /login)"
)
#: More than this is no error's text.
ERROR_CHARACTERS = 2000


@dataclass(frozen=True)
class Outcome:
    """`kind` is "ok", or what failures are counted under; `message` is for a person; no text unless it is scored."""

    status: Status
    kind: str
    message: str
    path: str | None = None
    text: str | None = None


def classify(exit_code: int, stdout: bytes | str, stderr: bytes | str, files: Mapping[str, str]) -> Outcome:
    """Say what a run came to. Never raises, in time linear in what it is given.

    Args:
        exit_code: negative for a signal.
        stdout, stderr: as printed; bounded readers may have left out their middle.
        files: text by path, of each new regular file of the run, none of which grows any more.
    """
    log = pipeline_ex_log.read(pipeline_ex_log.plain(stdout))
    said = failure(exit_code, pipeline_ex_log.plain(stderr))
    if said is not None:
        return _unsuccessful(*said, log)
    if (instead := _stood_in(log, files)) is not None:
        return instead
    if not log.proven:
        return _unproven(log)
    if log.has("task"):
        return _failed(
            "crashed", f"a part of a step failed, and the pipeline went on: {log.seen['task'].strip()[:300]}"
        )
    path = _written(log, files)
    if path is None:
        return _failed("no file", _no_file(log))
    return _read(path, files[path], log)


def _failed(kind: str, message: str) -> Outcome:
    return Outcome("failed", kind, message)


def _unsuccessful(kind: str, message: str, log: Log) -> Outcome:
    """A run that says itself that it failed. Its log may know better why."""
    if kind in BY_PROMPT:
        return Outcome("invalid plan", kind, message)
    if log.has("login"):
        return _login(log)
    if kind == "crashed" and log.bad is not None and (known := cause(log.bad.words)):
        return _failed(known, f"{message}: {log.bad.words[-300:]}")
    return _failed(kind, message)


def _login(log: Log) -> Outcome:
    return _failed(
        "login needed",
        "the claude program showed an address to log in at, or its reply mentioned one, which pipeline_ex takes for "
        "that: run `claude` once and log in; ask for plans without such addresses",
    )


def _stood_in(log: Log, files: Mapping[str, str]) -> Outcome | None:
    """A fallback or a mock that wrote the plan instead of a model."""
    kind = "fallback used" if log.has("fallback") else "mock used" if log.has("mock") else None
    path = _among(log.named, files)
    if kind is None and path is not None:
        kind = _pedigree(files.get(f"{posixpath.splitext(path)[0]}_dna.json", ""))
    if kind is None:
        return None
    why = cause(log.bad.words) if log.bad else None
    because = f" ({log.bad.subtype or 'no result'}{f', {why}' if why else ''})" if log.bad else ""
    told = log.seen.get("fallback") or log.seen.get("mock") or "its _dna.json says so"
    what = "a fallback of pipeline_ex" if kind == "fallback used" else "pipeline_ex's mock mode"
    return _failed(kind, f"{what} wrote the plan, not a model{because}: {told.strip()}")


def _pedigree(text: str) -> str | None:
    try:
        dna = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(dna, dict):
        return None
    traits = dna.get("traits")
    known = (
        [TRAITS[one] for one in traits if isinstance(one, str) and one in TRAITS] if isinstance(traits, list) else []
    )
    return STAND_INS.get(str(dna.get("source"))) or (known[0] if known else None)


def _unproven(log: Log) -> Outcome:
    bad = log.bad
    if bad is None:
        return _failed(
            "no result", "nothing in the log proves that a model answered: it needs the logger's level debug"
        )
    if log.has("login"):
        return _login(log)
    said = f": {bad.words.strip()[:300]}" if bad.words.strip() else ""
    ended = "gave no result" if bad.subtype is None else f"ended with {bad.subtype}{' that is an error' * bad.is_error}"
    return _failed(
        cause(bad.words) or "no result", f"the claude program {ended}, although pipeline_ex ended well{said}"
    )


def _written(log: Log, files: Mapping[str, str]) -> str | None:
    """The file with the plan: the one that was named last, if it is there and not empty."""
    if log.kind != "run":
        path = _among(log.named, files)
    elif not log.has("completed"):
        path = None
    else:
        there = [found for one in log.saved if (found := _among(one, files)) is not None]
        path = there[-1] if there else None
    return path if path is not None and files[path].strip() else None


def _among(named: str | None, files: Mapping[str, str]) -> str | None:
    """The one file that a printed path means. One of both may be relative to a folder that is not known here."""
    if not named:
        return None
    wanted = posixpath.normpath(named)
    if named in files:
        return named
    same = [path for path in files if posixpath.normpath(path) == wanted]
    if not same:
        same = [path for path in files if _ends_alike(posixpath.normpath(path), wanted)]
    return same[0] if len(same) == 1 else None


def _ends_alike(path: str, wanted: str) -> bool:
    """Whether one is absolute, or climbs out of its folder, and the other is the end of it."""
    for whole, part in ((path, wanted), (wanted, path)):
        if part.startswith("/") == whole.startswith("/") and not whole.startswith("../"):
            continue
        while part.startswith("../"):
            part = part[3:]
        if whole.endswith(f"/{part.lstrip('/')}"):
            return True
    return False


def _no_file(log: Log) -> str:
    if log.has("skipped"):
        return f"the pipeline ended without writing its plan: {log.seen['skipped'].strip()[:200]}"
    if log.named:
        return f"the pipeline says that it wrote {log.named[:300]}, but there is no such new file with a text in it"
    return "the pipeline ended without saying where its plan is"


def _read(path: str, text: str, log: Log) -> Outcome:
    """What is in the file: a plan, something else, or an error that passed for a reply."""
    opened = reply.opened(text) if log.kind == "run" else reply.Reply(text)
    if opened.wrong is not None:
        kind, message = opened.wrong
        return _failed(cause(message) or kind if kind in ("no result", "crashed") else kind, message)
    wrapped = WRAPPED.match(opened.text)
    body = wrapped["reply"] if wrapped else opened.text
    if len(body) < ERROR_CHARACTERS and ERROR_REPLY.match(body):
        said = " ".join(body.split())[:300]
        return _failed(cause(body) or "crashed", f"the claude program's reply is an error: {said}")
    if log.has("untold"):
        return Outcome(
            "invalid plan", "truncated", "the reply was too long: pipeline_ex wrote no plan of it", path, text
        )
    if wrong := problem(unfenced(opened.text)):
        kind = "truncated" if TRIMMED.search(opened.text) else "no plan"
        return Outcome("invalid plan", kind, wrong, path, opened.text)
    return Outcome("ok", "ok", opened.note or "a plan", path, opened.text)
