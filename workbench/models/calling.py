"""Calls a model once, with the client of its provider, in a thread that the caller can leave before it ends."""

from __future__ import annotations

import pkgutil
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from workbench.errors import Interrupted
from workbench.models.call_failed import CallFailed
from workbench.models.failure import Failure
from workbench.models.reply import ModelCall, Reply
from workbench.system import process

#: The pause between two checks for an interrupt while a reply is awaited, in seconds.
LOOK_SECONDS = 0.2
#: How long a reply is still awaited after an interrupt, in seconds.
INTERRUPT_SECONDS = 1.5

Complete = Callable[[ModelCall, str], Reply]

#: The clients by protocol, as `module:function`. They are imported when a model is called.
CLIENTS = {
    "gemini": "workbench.models.gemini:complete",
    "anthropic": "workbench.models.dspy_client:complete",
    "openai": "workbench.models.dspy_client:complete",
    "claude-program": "workbench.models.claude_program:complete",
}


def call_in_thread(call: ModelCall, key: str, seconds: float) -> Reply:
    """Call the model in a thread of its own, and return the reply if it arrives before the call's time is over.

    After an interrupt, the call has only `INTERRUPT_SECONDS` left, so that a silent provider does not delay the end of
    an interrupted run.

    A client's own time limit is not enough: it starts again with every byte, so a server that sends one byte a second
    never reaches it. A call whose time is over keeps its thread until its connection or the process ends.

    Args:
        seconds: the time limit of all calls for one answer, for the message.

    Raises:
        CallFailed: the call failed, or its time is over.
        Interrupted: somebody interrupted the run.
    """
    complete = cast("Complete", pkgutil.resolve_name(CLIENTS[call.provider.service.protocol]))
    outcome: queue.SimpleQueue[Reply | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put(complete(call, key))
        except BaseException as error:  # every kind of error: the waiting thread raises it again
            outcome.put(error)

    threading.Thread(target=run, name="workbench-model-call", daemon=True).start()
    deadline, leaving = time.monotonic() + call.seconds, False
    while True:
        with suppress(queue.Empty):
            result = outcome.get(timeout=min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
            if isinstance(result, BaseException):
                raise result
            return result
        if not leaving and process.interrupted():
            deadline, leaving = min(deadline, time.monotonic() + INTERRUPT_SECONDS), True
        if time.monotonic() >= deadline:
            if leaving:
                raise Interrupted("interrupted")
            raise CallFailed(Failure("timeout"), f"no answer within {seconds:.0f} s", charged=True)
