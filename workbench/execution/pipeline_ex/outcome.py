"""Classifies a run of a pipeline from its log and its files. Nothing that the run says of its success is believed.

Exit code 0 and a success line prove nothing with pipeline_ex (see `log.py`): a run is `ok` when every question
that it asked a model was answered, when no fallback or mock stood in, and when the file that it names last is a plan.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.execution.blame import lies_in_prompt
from workbench.execution.pipeline_ex import reply
from workbench.execution.pipeline_ex.causes import cause, failure, prompt_cause
from workbench.execution.pipeline_ex.claude_messages import Answer
from workbench.execution.pipeline_ex.log import Log, plain_text, read_log
from workbench.execution.plan import TRIMMED, problem, unfenced

Status = Literal["ok", "invalid plan", "failed"]

STAND_INS = {
    "emergent_intelligence": "fallback used",
    "fallback_generator": "fallback used",
    "mock_generated": "mock used",
}
TRAITS = {"mock_generated": "mock used", "emergent": "fallback used", "fallback": "fallback used"}
#: Where people log in to use the claude program.
LOGINS = re.compile(r"https?://(?!docs\.)(?:[\w-]+\.)*(?:anthropic\.com|claude\.ai|claude\.com)(?:[/?:#]|\Z)")


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        kind: "ok", or the word that failures are counted under.
        message: a sentence for a person.
        text: the plan; None if nothing is scored.
    """

    status: Status
    kind: str
    message: str
    path: str | None = None
    text: str | None = None


def classify(
    exit_code: int, stdout: bytes | str, stderr: bytes | str, files: Mapping[str, str], plan: str | None = None
) -> Outcome:
    """Return the outcome of a run. Never raises; takes time linear in the size of its arguments.

    Args:
        exit_code: negative for a signal.
        stdout, stderr: as printed; bounded readers may have left out their middle.
        files: text by path, of each new regular file of the run, none of which grows any more.
        plan: the name of the file that a pipeline file's step saves the plan in; without it, the last that was saved.
    """
    log = read_log(plain_text(stdout))
    said = failure(exit_code, plain_text(stderr), ours=log.kind == "contract")
    if said is not None:
        return _unsuccessful(*said, log)
    if (instead := _stood_in(log, files)) is not None:
        return instead
    outputs = _outputs(log, files)
    if not log.proven or log.unseen > sum(one.proved and not one.unlogged for one in outputs.values()):
        return _unproven(log)
    if log.has("task"):
        part = log.seen["task"].strip()
        return _failed(
            prompt_cause(part.partition("failed: ")[2]) or "crashed",
            f"a part of a step failed, and the pipeline went on: {part[:300]}",
        )
    path = _written(log, files, outputs, plan)
    for other, output in outputs.items():
        if other != path and (wrong := _error(output)) is not None:
            return wrong
    if path is None:
        return _failed("no file", _no_file(log))
    made = _read(path, outputs.get(path, reply.Reply(files[path])), log)
    if made.status != "failed" and log.unlogged > sum(one.unlogged for one in outputs.values()):
        return _failed(
            "no result",
            "a step that asks a model without logging it saved no output that proves the answer: it needs an "
            "output_to_file; within a while_loop it cannot have one",
        )
    return made


def _failed(kind: str, message: str) -> Outcome:
    """Return the outcome of a run without a plan: an invalid plan if the cause lies in the prompt."""
    return Outcome("invalid plan" if lies_in_prompt(kind) else "failed", kind, message)


def _unsuccessful(kind: str, message: str, log: Log) -> Outcome:
    """Return the outcome of a run that reports its own failure. Its log may have the cause."""
    if lies_in_prompt(kind):
        return _failed(kind, message)
    if log.has("login"):
        return _login(log)
    # pipeline_ex says "Empty response from Claude" of an answer whose result has the reason.
    if kind in ("crashed", "no result") and log.bad is not None and (known := _bad_cause(log.bad)):
        return _failed(known, f"{message}: {log.bad.words.strip()[-300:] or log.bad.subtype}")
    return _failed(kind, message)


def _login(log: Log) -> Outcome:
    """Return the outcome of a run that pipeline_ex ended because of an address.

    pipeline_ex takes any address with `auth`, `login` or `verify` in it for a login page, also one in a reply.
    """
    if LOGINS.match(log.address):
        return _failed("login needed", f"the claude program asks for a login: run `claude` once; {log.address[:300]}")
    return _failed(
        "no result",
        f"pipeline_ex took an address in the claude program's output for a login, and ended it: {log.address[:300]}; "
        "ask for plans without such addresses",
    )


def _stood_in(log: Log, files: Mapping[str, str]) -> Outcome | None:
    """Return the outcome of a run in which a fallback or a mock wrote the plan; None if a model wrote it."""
    fallback = log.seen.get("fallback") or log.seen.get("recovered")
    kind = "fallback used" if fallback else "mock used" if log.has("mock") else None
    path = _among(log.named, files)
    if kind is None and path is not None:
        kind = _pedigree(files.get(f"{posixpath.splitext(path)[0]}_dna.json", ""))
    if kind is None:
        return None
    why = _bad_cause(log.bad) if log.bad else cause(log.seen.get("exhausted", ""))
    because = f" ({log.bad.subtype or 'no result'}{f', {why}' if why else ''})" if log.bad else ""
    told = fallback or log.seen.get("mock") or "its _dna.json says so"
    what = "a fallback of pipeline_ex" if kind == "fallback used" else "pipeline_ex's mock mode"
    blamed = why if why is not None and lies_in_prompt(why) else kind
    return _failed(blamed, f"{what} wrote the plan, not a model{because}: {told.strip()}")


def _bad_cause(bad: Answer) -> str | None:
    """Return why a question was not answered well, from the result's words or its subtype."""
    return cause(bad.words) or cause(bad.subtype or "")


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
    if log.has("login"):
        return _login(log)
    if bad is None:
        cut = "uncut lines (ELIXIR_ERL_OPTIONS='-logger truncate infinity')"
        needed = cut if log.unseen else "the logger's level debug and a time on its lines"
        return _failed("no result", f"nothing in the log proves that a model answered: it needs {needed}")
    said = f": {bad.words.strip()[:300]}" if bad.words.strip() else ""
    ended = (
        "gave no result"
        if bad.subtype is None
        else f"ended with {bad.subtype}{' that is an error' * (bad.is_error is True)}"
    )
    return _failed(_bad_cause(bad) or "no result", f"the claude program {ended}, although pipeline_ex ended well{said}")


def _outputs(log: Log, files: Mapping[str, str]) -> dict[str, reply.Reply]:
    """Return by path what the steps of a pipeline file saved, in the order in which they saved it."""
    if log.kind != "run":
        return {}
    there = (_among(one, files) for one in log.saved)
    return {path: reply.opened(files[path]) for path in there if path is not None}


def _written(log: Log, files: Mapping[str, str], outputs: Mapping[str, reply.Reply], plan: str | None) -> str | None:
    """Return the path of the plan: the output named `plan`, or the last output. None if it is missing or empty."""
    if log.kind != "run":
        path = _among(log.named, files)
    elif not log.has("completed"):
        path = None
    else:
        path = next((one for one in reversed(list(outputs)) if plan in (None, posixpath.basename(one))), None)
    return path if path is not None and files[path].strip() else None


def _among(named: str | None, files: Mapping[str, str]) -> str | None:
    """Return the one file that a printed path means. Either path may be relative to a folder that is not known here."""
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
    """Return whether one path is absolute, or climbs out of its folder, and ends with the other path."""
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


def _error(opened: reply.Reply) -> Outcome | None:
    """Return the outcome of a failure that a step saved as if it were its answer; None if it saved an answer."""
    if opened.wrong is not None:
        kind, message = opened.wrong
        known = cause(message) if kind in ("no result", "crashed") else prompt_cause(message)
        return _failed(known or kind, message)
    said = reply.error_in(opened.text)
    return None if said is None else _failed(cause(said) or "crashed", reply.error_message(said))


def _read(path: str, opened: reply.Reply, log: Log) -> Outcome:
    """Return the outcome that the plan's file gives: a plan, an invalid plan, or an error instead of a reply."""
    if (wrong := _error(opened)) is not None:
        return wrong
    if log.has("untold"):
        return Outcome(
            "invalid plan", "truncated", "the reply was too long: pipeline_ex wrote no plan of it", path, opened.text
        )
    if opened.cut:
        message = "the reply was cut off at Gemini's output limit: its markdown block is not closed; ask for less text"
        return Outcome("invalid plan", "truncated", message, path, opened.text)
    if none := problem(unfenced(opened.text)):
        kind = "truncated" if TRIMMED.search(opened.text) else "no plan"
        return Outcome("invalid plan", kind, none, path, opened.text)
    return Outcome("ok", "ok", opened.note or "a plan", path, opened.text)
