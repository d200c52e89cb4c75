"""Calls Claude by Anthropic's command-line program `claude`, with the login of the user who starts Workbench.

The program's answer counts only if it ends with exit code 0 and its last result is a success. No tool is allowed. The
user's own settings, hooks and MCP servers are not loaded. The program decides on temperature, seed and length itself.

A rehearsal never starts the program: its server plays it in Anthropic's protocol (`workbench.providers.rehearsal`).
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import OutsideError
from workbench.foreign_text import scrubbed
from workbench.models.call_failed import CallFailed
from workbench.models.failure import Failure
from workbench.models.reply import ANTHROPIC, Ending, ModelCall, Reply
from workbench.models.schema_words import instruction
from workbench.money.meter import FREE
from workbench.system import process
from workbench.system.environment import passed_environment, secret_values
from workbench.system.temporary import OwnedFolder

PROGRAM = "claude"
INSTALL = "install it with npm install -g @anthropic-ai/claude-code, and log in by starting claude once"
#: The program's own variables begin with these: its login, its folder, the services that it can be told to use.
VARIABLES = ("CLAUDE_", "ANTHROPIC_", "AWS_", "GOOGLE_APPLICATION_", "CLOUD_ML_")

#: The failures by words and codes. The Elixir runtime reads the same list, and its module `Failures` explains it.
LIST = Path(__file__).parents[1] / "runtime" / "priv" / "claude_program" / "failures.json"
#: The exit codes with which a shell or a version manager says that it could not start the program.
NOT_STARTED = (126, 127)
#: Bytes of the program's output that are read. A verdict or a prompt is far shorter.
OUTPUT_BYTES = 16_000_000
#: Characters of the program's own words in a message.
REASON_CHARACTERS = 500
#: The name in place of a model's in a message that the program itself wrote.
NO_MODEL = "<synthetic>"

#: A reply that is nothing but an error, in the words of the program. The program may call such a reply a success.
ERROR_REPLY = re.compile(
    r"\A\s*(?:API Error(?: \(|: ?[\dA-Z])|Error: \d{3}\b|Invalid API key\b|Credit balance is too low|Not logged in\b"
    r"|(?:Claude (?:AI |Code )?)?usage limit reached|[\w-]{1,20} limit reached\b"
    r"|You've (?:hit|reached) your .{0,20}limit"
    r"|OAuth token (?:has expired|revoked)|Please run /login|Failed to authenticate\b|Request timed out\b"
    r"|Connection error\b|Execution error\s*\Z|(?:Prompt|Conversation|Input) is too long\b"
    r"|There's an issue with the selected model"
    r"|Your (?:organization|account) (?:has been|does not)|This organization has been)",
    re.IGNORECASE,
)
#: A longer reply is no error.
ERROR_CHARACTERS = 2000


@dataclass(frozen=True)
class _Entry:
    """One entry of the list: the kind of a failure, and the words or the code by which it is recognised.

    `again` is True if another call may succeed.
    """

    kind: str
    again: bool
    code: str | None
    words: re.Pattern[str] | None


@dataclass(frozen=True)
class _Output:
    """What the program printed.

    Attributes:
        result: its last result, or None.
        model: the model of its last message that a model wrote, or an empty text.
        code: its code for the error of the last message, or None.
    """

    result: Mapping[str, Any] | None = None
    model: str = ""
    code: str | None = None

    @property
    def dollars(self) -> float | None:
        """Return what the program says that all its calls of models cost, or None if it does not say."""
        amount = (self.result or {}).get("total_cost_usd")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < math.inf:
            return None
        return float(amount)


def says_error(reply: str) -> bool:
    """Return True if a reply is nothing but an error, in the words of the program."""
    return len(reply) < ERROR_CHARACTERS and ERROR_REPLY.match(reply) is not None


def require_program(environ: Mapping[str, str]) -> None:
    """Check that the program is on the PATH.

    Raises:
        OutsideError: it is not. The message says how to install it.
    """
    if shutil.which(PROGRAM, path=environ.get("PATH")) is None:
        raise OutsideError(
            f"the program {PROGRAM} is not on the PATH, and the study names a model of claude-program: {INSTALL}, or "
            "rehearse with --rehearse",
            kind="not started",
            lasting=True,
        )


def complete(call: ModelCall, key: str) -> Reply:
    """Start the program once, and read its answer. `key` is not used: the program has a login of its own.

    Raises:
        CallFailed: the program could not be started, failed, or gave no answer.
    """
    environ = _environment()
    secrets = secret_values(environ)
    # The program reads CLAUDE.md in the folder that it is started in, and in those above. This folder has none.
    try:
        with OwnedFolder("claude") as folder:
            prompt = folder / "prompt.md"
            prompt.touch(0o600)
            prompt.write_text(_prompt(call), encoding="utf-8", errors="replace")
            done = process.run(
                _command(call.model),
                cwd=folder,
                env=environ,
                timeout=call.seconds,
                limit=OUTPUT_BYTES,
                stdin=prompt,
            )
    except (FileNotFoundError, PermissionError):
        raise CallFailed(Failure("not started", lasting=True), f"{PROGRAM} cannot be started: {INSTALL}") from None
    except OSError as error:
        raise CallFailed(Failure("not started"), f"{PROGRAM} was not started: {error.strerror or error}") from None
    if done.timed_out:
        raise CallFailed(Failure("timeout"), f"no answer within {call.seconds:.0f} s", charged=True)
    output = _read_output(done.stdout.decode("utf-8", errors="replace"))
    return _reply(call, output, done, lambda text: scrubbed(text, secrets))


def _command(model: str) -> list[str]:
    """Return the command. The prompt is read from standard input, because everybody can read a process's arguments."""
    command = [PROGRAM, "-p", "--output-format", "stream-json", "--verbose", "--model", model]
    return [*command, "--tools", "", "--setting-sources", "", "--strict-mcp-config"]


def claude_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that belong to the program."""
    return {name: value for name, value in environ.items() if name.startswith(VARIABLES)}


def _environment() -> dict[str, str]:
    return {**passed_environment(), **claude_variables(os.environ)}


def _prompt(call: ModelCall) -> str:
    """Return the whole conversation as one text: each call starts the program anew, and it remembers nothing."""
    form = [] if call.schema is None else [instruction(call.schema)]
    turns = [text if role == "user" else f"You answered:\n\n{text}" for role, text in call.messages]
    return "\n\n".join([*([call.system] if call.system else []), *turns, *form])


def _read_output(stdout: str) -> _Output:
    """Read the lines of JSON. The program may report results of turns before the last one: the last result counts."""
    result, model, code = None, "", None
    for line in stdout.split("\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "result":
            result = value
        elif kind == "assistant":
            message = value.get("message")
            name = message.get("model") if isinstance(message, dict) else None
            model = name if isinstance(name, str) and name != NO_MODEL else model
            code = value["error"] if isinstance(value.get("error"), str) else None
    return _Output(result, model, code)


def _reply(call: ModelCall, output: _Output, done: process.Finished, clean: Callable[[str], str]) -> Reply:
    """Return the reply of a program that ended. `clean` removes secrets from a text.

    Raises:
        CallFailed: the program failed.
    """
    stderr = done.stderr.decode("utf-8", errors="replace")
    result = output.result
    if result is None:
        if done.exit_code in NOT_STARTED:
            raise CallFailed(
                Failure("not started", lasting=True), f"{PROGRAM} cannot be started: {_end(clean(stderr))}"
            )
        raise _failed(f"{PROGRAM} ended without a result (exit code {done.exit_code})", output, stderr, clean)
    text, succeeded = result.get("result"), result.get("subtype") == "success" and result.get("is_error") is False
    if not succeeded or done.exit_code != 0 or not isinstance(text, str):
        problem = f"{PROGRAM} failed (exit code {done.exit_code}, result {result.get('subtype')})"
        raise _failed(problem, output, "; ".join(_words(result)) or stderr, clean)
    if says_error(text):
        raise _failed(f"{PROGRAM} gave an error as its answer", output, text, clean)
    reason = result.get("stop_reason")
    # Older versions of the program name no stop reason.
    ending = ANTHROPIC.get(reason, Ending.PASSING) if isinstance(reason, str) else Ending.COMPLETE
    # An alias, such as opus, stands for whatever model is the latest.
    model = output.model if re.search(r"\d", call.model) else ""
    return Reply(text, ending, f"stop reason {reason}", model, dollars=output.dollars)


def _words(result: Mapping[str, Any]) -> list[str]:
    """Return what a result says about its failure."""
    errors = result.get("errors")
    parts = [result.get("result"), *(errors if isinstance(errors, list) else [errors])]
    return [part if isinstance(part, str) else json.dumps(part) for part in parts if part]


def _failed(problem: str, output: _Output, words: str, clean: Callable[[str], str]) -> CallFailed:
    """Return the error for a program that failed. Its words decide first, because they say more than its code."""
    entry = _entry(output.code, words)
    kind, again = (entry.kind, entry.again) if entry else ("provider unavailable", True)
    hint = "start claude once and log in, or set ANTHROPIC_API_KEY" if kind == "authentication" else ""
    failure = Failure(kind, lasting=not again, unknown_model=kind == "unknown model", hint=hint)
    message = f"{problem}: {_end(clean(words)) or 'it did not say why'}"
    return CallFailed(failure, message, charged=kind not in FREE, dollars=output.dollars)


def _end(text: str) -> str:
    return " ".join(text[-REASON_CHARACTERS:].split())


def _entry(code: str | None, words: str) -> _Entry | None:
    """Return the first entry whose pattern matches the words, else the first with this code, else None."""
    entries = _entries()
    by_words = (entry for entry in entries if entry.words is not None and entry.words.search(words))
    by_code = (entry for entry in entries if code is not None and entry.code == code)
    return next(by_words, None) or next(by_code, None)


def limit_lasts(words: str) -> bool:
    """Return True if these words tell of a limit of a subscription. Such a limit passes only after hours or days."""
    entry = _entry(None, words)
    return entry is not None and entry.kind == "rate limit" and not entry.again


def lasting_failures() -> dict[str, re.Pattern[str]]:
    """Return the patterns of the messages about failures that another call cannot mend, by kind of failure."""
    return {entry.kind: entry.words for entry in _entries() if entry.words is not None and not entry.again}


@functools.cache
def _entries() -> tuple[_Entry, ...]:
    values: Iterable[dict[str, Any]] = json.loads(LIST.read_text(encoding="utf-8"))
    return tuple(
        _Entry(
            kind=str(value["kind"]).replace("_", " "),
            again=bool(value.get("again")),
            code=value.get("code"),
            words=re.compile(value["words"], re.IGNORECASE | re.DOTALL) if value.get("words") else None,
        )
        for value in values
    )
