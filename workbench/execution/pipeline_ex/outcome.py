"""Classifies a run of a pipeline by its log and its files. A run's own report of success proves nothing.

pipeline_ex may end with exit code 0 and a success line without a model's answer (see `log.py`). A run is `ok` if three
things are true: a model answered every question, no fallback or mock wrote the plan, and the file that the run names
last is a plan.
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
from workbench.execution.pipeline_ex.causes import Cause, cause, cause_of_kind, failure, prompt_cause
from workbench.execution.pipeline_ex.claude_messages import Answer
from workbench.execution.pipeline_ex.log import Log, plain_text, read_log
from workbench.execution.plan import TRIMMED, problem, unfenced

Status = Literal["ok", "invalid plan", "failed"]

#: The kinds of failure by the `source` in a plan's _dna.json, when pipeline_ex wrote the plan without a model.
STAND_INS = {
    "emergent_intelligence": "fallback used",
    "fallback_generator": "fallback used",
    "mock_generated": "mock used",
}
#: The kinds of failure by a trait in a plan's _dna.json.
TRAITS = {"mock_generated": "mock used", "emergent": "fallback used", "fallback": "fallback used"}
#: The addresses of pages on which people log in to use the claude program.
LOGINS = re.compile(r"https?://(?!docs\.)(?:[\w-]+\.)*(?:anthropic\.com|claude\.ai|claude\.com)(?:[/?:#]|\Z)")


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        kind: "ok", or the kind that failures are counted under.
        message: a sentence for a person.
        path: the plan's file; None if there is no text.
        text: the text that is scored, a plan or an invalid plan; None if nothing is scored.
        lasting: True if the run failed and another try cannot mend that.
    """

    status: Status
    kind: str
    message: str
    path: str | None = None
    text: str | None = None
    lasting: bool = False


def classify(
    exit_code: int, stdout: bytes | str, stderr: bytes | str, files: Mapping[str, str], plan: str | None = None
) -> Outcome:
    """Return the outcome of a run. Never raise. The time is linear in the size of the arguments.

    Args:
        exit_code: negative for a signal.
        stdout, stderr: the output as printed. A bounded reader may have left out the middle.
        files: the text by path of each new regular file of the run. No process writes to them any more.
        plan: the name of the file in which a step of the pipeline file saves the plan. None means the last saved file.
    """
    log = read_log(plain_text(stdout))
    reported = failure(exit_code, plain_text(stderr), from_own_runtime=log.kind == "contract")
    if reported is not None:
        return _unsuccessful(*reported, log)
    if (stand_in_outcome := _written_by_stand_in(log, files)) is not None:
        return stand_in_outcome
    outputs = _outputs(log, files)
    if not log.proven or log.unseen > sum(output.proved and not output.unlogged for output in outputs.values()):
        return _unproven(log)
    if log.has("task"):
        task_line = log.marks["task"].strip()
        return _failed(
            prompt_cause(task_line.partition("failed: ")[2]) or Cause("crashed"),
            f"a part of a step failed, and the pipeline went on: {task_line[:300]}",
        )
    path = _plan_path(log, files, outputs, plan)
    for output_path, output in outputs.items():
        if output_path != path and (error := _error(output)) is not None:
            return error
    if path is None:
        return _failed(Cause("no file"), _no_file(log))
    outcome = _plan_outcome(path, outputs.get(path, reply.Reply(files[path])), log)
    if outcome.status != "failed" and log.unlogged > sum(output.unlogged for output in outputs.values()):
        return _failed(
            Cause("no result"),
            "a step whose questions pipeline_ex does not log saved no output that proves the answer: give the step an "
            "output_to_file; a step within a while_loop cannot have one",
        )
    return outcome


def _failed(reason: Cause, message: str) -> Outcome:
    """Return the outcome of a run without a plan: an invalid plan if the cause lies in the prompt."""
    status: Status = "invalid plan" if lies_in_prompt(reason.kind) else "failed"
    return Outcome(status, reason.kind, message, lasting=reason.lasting)


def _unsuccessful(reason: Cause, message: str, log: Log) -> Outcome:
    """Return the outcome of a run that reports its own failure. The cause may stand in the run's log."""
    if lies_in_prompt(reason.kind):
        return _failed(reason, message)
    if log.has("login"):
        return _login(log)
    # pipeline_ex reports "Empty response from Claude" although the answer's result message holds the reason.
    answer = log.bad_answer
    if reason.kind in ("crashed", "no result") and answer is not None and (reason_of_answer := _bad_cause(answer)):
        return _failed(reason_of_answer, f"{message}: {answer.reason.strip()[-300:] or answer.subtype}")
    return _failed(reason, message)


def _login(log: Log) -> Outcome:
    """Return the outcome of a run that pipeline_ex ended because it read an address.

    pipeline_ex takes every address with `auth`, `login` or `verify` in it for a login page, even in a reply.
    """
    if LOGINS.match(log.address):
        message = f"the claude program asks for a login: run `claude` once; {log.address[:300]}"
        return _failed(cause_of_kind("login needed"), message)
    return _failed(
        Cause("no result"),
        f"pipeline_ex took an address in the claude program's output for a login, and ended the program: "
        f"{log.address[:300]}; ask for plans without addresses that hold auth, login or verify",
    )


def _written_by_stand_in(log: Log, files: Mapping[str, str]) -> Outcome | None:
    """Return the outcome of a run in which a fallback or a mock wrote the plan; None if a model wrote it."""
    fallback = log.marks.get("fallback") or log.marks.get("recovered")
    kind = "fallback used" if fallback else "mock used" if log.has("mock") else None
    path = _path_of(log.plan_path, files)
    if kind is None and path is not None:
        kind = _kind_by_dna(files.get(f"{posixpath.splitext(path)[0]}_dna.json", ""))
    if kind is None:
        return None
    answer = log.bad_answer
    reason = _bad_cause(answer) if answer else cause(log.marks.get("exhausted", ""))
    answer_words = f" ({answer.subtype or 'no result'}{f', {reason.kind}' if reason else ''})" if answer else ""
    evidence = fallback or log.marks.get("mock") or "its _dna.json says so"
    author = "a fallback of pipeline_ex" if kind == "fallback used" else "pipeline_ex's mock mode"
    counted = reason if reason is not None and lies_in_prompt(reason.kind) else cause_of_kind(kind)
    return _failed(counted, f"{author} wrote the plan, not a model{answer_words}: {evidence.strip()}")


def _bad_cause(bad_answer: Answer) -> Cause | None:
    """Return the cause of a bad answer, from the reason in its result or from its subtype."""
    return cause(bad_answer.reason) or cause(bad_answer.subtype or "")


def _kind_by_dna(text: str) -> str | None:
    """Return the kind of failure if a plan's _dna.json says that no model wrote the plan; else None."""
    try:
        dna = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(dna, dict):
        return None
    traits = dna.get("traits")
    names = [trait for trait in traits if isinstance(trait, str)] if isinstance(traits, list) else []
    kinds = [TRAITS[name] for name in names if name in TRAITS]
    return STAND_INS.get(str(dna.get("source"))) or (kinds[0] if kinds else None)


def _unproven(log: Log) -> Outcome:
    """Return the outcome of a run whose log does not prove that a model answered every question."""
    bad_answer = log.bad_answer
    if log.has("login"):
        return _login(log)
    if bad_answer is None:
        cut = "uncut lines (ELIXIR_ERL_OPTIONS='-logger truncate infinity')"
        needed = cut if log.unseen else "the logger's level debug and a time on its lines"
        return _failed(Cause("no result"), f"nothing in the log proves that a model answered: it needs {needed}")
    reason = f": {bad_answer.reason.strip()[:300]}" if bad_answer.reason.strip() else ""
    ended = (
        "gave no result"
        if bad_answer.subtype is None
        else f"ended with {bad_answer.subtype}{' that is an error' * (bad_answer.is_error is True)}"
    )
    return _failed(
        _bad_cause(bad_answer) or Cause("no result"),
        f"the claude program {ended}, although pipeline_ex ended well{reason}",
    )


def _outputs(log: Log, files: Mapping[str, str]) -> dict[str, reply.Reply]:
    """Return the outputs of a pipeline file's steps by path, in the order in which the steps saved them."""
    if log.kind != "run":
        return {}
    paths = (_path_of(saved, files) for saved in log.saved)
    return {path: reply.reply_in(files[path]) for path in paths if path is not None}


def _plan_path(log: Log, files: Mapping[str, str], outputs: Mapping[str, reply.Reply], plan: str | None) -> str | None:
    """Return the path of the plan: the output named `plan`, or the last output. None if it is missing or empty."""
    if log.kind != "run":
        path = _path_of(log.plan_path, files)
    elif not log.has("completed"):
        path = None
    else:
        path = next((path for path in reversed(list(outputs)) if plan in (None, posixpath.basename(path))), None)
    return path if path is not None and files[path].strip() else None


def _path_of(printed: str | None, files: Mapping[str, str]) -> str | None:
    """Return the path of the only file that a printed path can mean, or None.

    The printed path and the paths of the files may be relative to folders that this function does not know.
    """
    if not printed:
        return None
    if printed in files:
        return printed
    normal = posixpath.normpath(printed)
    matches = [path for path in files if posixpath.normpath(path) == normal]
    if not matches:
        matches = [path for path in files if _ends_alike(posixpath.normpath(path), normal)]
    return matches[0] if len(matches) == 1 else None


def _ends_alike(first: str, second: str) -> bool:
    """Return True if one path is absolute, or climbs out of its folder, and ends with the other path."""
    for whole, part in ((first, second), (second, first)):
        if part.startswith("/") == whole.startswith("/") and not whole.startswith("../"):
            continue
        while part.startswith("../"):
            part = part[3:]
        if whole.endswith(f"/{part.lstrip('/')}"):
            return True
    return False


def _no_file(log: Log) -> str:
    """Return the message for a run without a plan's file."""
    if log.has("skipped"):
        return f"the pipeline ended without writing its plan: {log.marks['skipped'].strip()[:200]}"
    if log.plan_path:
        return f"the pipeline says that it wrote {log.plan_path[:300]}, but no new file with a text has this path"
    return "the pipeline ended without saying where its plan is"


def _error(output: reply.Reply) -> Outcome | None:
    """Return the outcome of an error that a step saved as its answer, or None if the step saved a real answer."""
    if output.failure is not None:
        kind, message = output.failure
        message_cause = cause(message) if kind in ("no result", "crashed") else prompt_cause(message)
        return _failed(message_cause or cause_of_kind(kind, message), message)
    error = reply.error_in(output.text)
    return None if error is None else _failed(cause(error) or Cause("crashed"), reply.error_message(error))


def _plan_outcome(path: str, output: reply.Reply, log: Log) -> Outcome:
    """Return the outcome by the content of the plan's file: a plan, an invalid plan, or an error instead of a reply."""
    if (error := _error(output)) is not None:
        return error
    if log.has("no_text"):
        return Outcome(
            "invalid plan", "truncated", "the reply was too long: pipeline_ex wrote no plan of it", path, output.text
        )
    if output.cut:
        message = "the reply was cut off at Gemini's output limit: its markdown block is not closed; ask for less text"
        return Outcome("invalid plan", "truncated", message, path, output.text)
    if defect := problem(unfenced(output.text)):
        kind = "truncated" if TRIMMED.search(output.text) else "no plan"
        return Outcome("invalid plan", kind, defect, path, output.text)
    return Outcome("ok", "ok", output.note or "a plan", path, output.text)
