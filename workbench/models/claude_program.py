"""Calls Claude by Anthropic's command-line program `claude`, with the login of the user who starts Workbench.

The program's answer counts only if it ends with exit code 0 and its last result is a success. No tool is allowed. The
user's own settings, hooks and MCP servers are not loaded. The program decides on temperature, seed and length itself.

A rehearsal never starts the program: its server plays it in Anthropic's protocol (`workbench.providers.rehearsal`).
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import OutsideError
from workbench.foreign_text import scrubbed
from workbench.models.call_failed import CallFailed
from workbench.models.claude_failures import recognised, says_error
from workbench.models.endings import ANTHROPIC
from workbench.models.failure import Failure
from workbench.models.reply import Ending, ModelCall, Reply
from workbench.models.schema_words import instruction
from workbench.money.meter import FREE
from workbench.system import process
from workbench.system.environment import passed_environment, secret_values
from workbench.system.temporary import OwnedFolder

PROGRAM = "claude"
INSTALL = "install it with npm install -g @anthropic-ai/claude-code, and log in by starting claude once"
#: How the names of the program's own variables begin. They set its login, its folder, and the service that it uses.
VARIABLES = ("CLAUDE_", "ANTHROPIC_", "AWS_", "GOOGLE_APPLICATION_", "CLOUD_ML_")

#: The exit codes with which a shell or a version manager says that it could not start the program.
NOT_STARTED = (126, 127)
#: The most bytes of the program's output that are read. A verdict or a prompt is far shorter.
OUTPUT_BYTES = 16_000_000
#: The most characters of the program's words in a message.
REASON_CHARACTERS = 500
#: What the program writes as the model's name in a message that no model wrote.
NO_MODEL = "<synthetic>"


@dataclass(frozen=True)
class _Output:
    """What the program printed.

    Attributes:
        result: the last result, or None.
        model: the model that wrote the last message of a model, or an empty text.
        code: the program's code for the error of the last message, or None.
    """

    result: Mapping[str, Any] | None = None
    model: str = ""
    code: str | None = None

    @property
    def dollars(self) -> float | None:
        """Return the amount that the program reports for all its calls of models, or None if it reports none."""
        amount = (self.result or {}).get("total_cost_usd")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < math.inf:
            return None
        return float(amount)


def require_program(environ: Mapping[str, str]) -> None:
    """Check that the program is on the PATH.

    Raises:
        OutsideError: the program is not there. The message says how to install it.
    """
    if shutil.which(PROGRAM, path=environ.get("PATH")) is None:
        raise OutsideError(
            f"the program {PROGRAM} is not on the PATH, and the study names a model of claude-program: {INSTALL}",
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
    # The program reads CLAUDE.md in the folder that it is started in, and in the folders above. This folder has none.
    try:
        with OwnedFolder("claude") as folder:
            prompt = folder / "prompt.md"
            prompt.touch(0o600)
            prompt.write_text(_prompt(call), encoding="utf-8", errors="replace")
            finished = process.run(
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
    if finished.timed_out:
        raise CallFailed(Failure("timeout"), f"no answer within {call.seconds:.0f} s", charged=True)
    output = _read_output(finished.stdout.decode("utf-8", errors="replace"))
    return _reply(call, output, finished, lambda text: scrubbed(text, secrets))


def _command(model: str) -> list[str]:
    """Return the command. The prompt is read from standard input, because everybody can read a process's arguments."""
    command = [PROGRAM, "-p", "--output-format", "stream-json", "--verbose", "--model", model]
    return [*command, "--tools", "", "--setting-sources", "", "--strict-mcp-config"]


def claude_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that belong to the program."""
    return {name: value for name, value in environ.items() if name.startswith(VARIABLES)}


def _environment() -> dict[str, str]:
    """Return the environment of the program: what every program gets, and the program's own variables."""
    return {**passed_environment(), **claude_variables(os.environ)}


def _prompt(call: ModelCall) -> str:
    """Return the whole conversation as one text. Each call starts a new program, which remembers nothing."""
    form = [] if call.schema is None else [instruction(call.schema)]
    turns = [text if role == "user" else f"You answered:\n\n{text}" for role, text in call.messages]
    return "\n\n".join([*([call.system] if call.system else []), *turns, *form])


def _read_output(stdout: str) -> _Output:
    """Read the program's output, which is one JSON value per line. Each turn may have a result. The last one counts."""
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


def _reply(call: ModelCall, output: _Output, finished: process.Finished, clean: Callable[[str], str]) -> Reply:
    """Return the reply of a program that ended. `clean` removes secrets from a text.

    Raises:
        CallFailed: the program failed.
    """
    stderr, exit_code = finished.stderr.decode("utf-8", errors="replace"), finished.exit_code
    result = output.result
    if result is None:
        if exit_code in NOT_STARTED:
            raise CallFailed(
                Failure("not started", lasting=True), f"{PROGRAM} cannot be started: {_end(clean(stderr))}"
            )
        raise _failed(f"{PROGRAM} ended without a result (exit code {exit_code})", output, stderr, clean)
    text, succeeded = result.get("result"), result.get("subtype") == "success" and result.get("is_error") is False
    if not succeeded or exit_code != 0 or not isinstance(text, str):
        problem = f"{PROGRAM} failed (exit code {exit_code}, result {result.get('subtype')})"
        raise _failed(problem, output, "; ".join(_words(result)) or stderr, clean)
    if says_error(text):
        raise _failed(f"{PROGRAM} gave an error as its answer", output, text, clean)
    reason = result.get("stop_reason")
    # Older versions of the program name no stop reason.
    ending = ANTHROPIC.get(reason, Ending.PASSING) if isinstance(reason, str) else Ending.COMPLETE
    # An alias, such as opus, stands for the latest model of a line. A name with a digit is no alias.
    model = output.model if re.search(r"\d", call.model) else ""
    return Reply(text, ending, f"stop reason {reason}", model, dollars=output.dollars)


def _words(result: Mapping[str, Any]) -> list[str]:
    """Return the texts in which a result explains its failure."""
    errors = result.get("errors")
    parts = [result.get("result"), *(errors if isinstance(errors, list) else [errors])]
    return [part if isinstance(part, str) else json.dumps(part) for part in parts if part]


def _failed(problem: str, output: _Output, words: str, clean: Callable[[str], str]) -> CallFailed:
    """Return the error for a program that failed. The program's words decide before its code: they say more."""
    entry = recognised(output.code, words)
    kind, again = (entry.kind, entry.again) if entry else ("provider unavailable", True)
    hint = "start claude once and log in, or set ANTHROPIC_API_KEY" if kind == "authentication" else ""
    failure = Failure(kind, lasting=not again, unknown_model=kind == "unknown model", hint=hint)
    message = f"{problem}: {_end(clean(words)) or 'it did not say why'}"
    return CallFailed(failure, message, charged=kind not in FREE, dollars=output.dollars)


def _end(text: str) -> str:
    """Return the last characters of a text on one line."""
    return " ".join(text[-REASON_CHARACTERS:].split())
