"""A provider on loopback that answers each request with the next entry of a script.

A request after the end of the script fails the test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.http_server import Handler, serving

#: A pair of status and body, or "hang" for no answer, or "trickle" for one byte in a tenth of a second.
Answer = tuple[int, Any] | str
#: A reply with its status and its body.
Reply = tuple[int, dict[str, Any]]


@dataclass
class Scripted:
    """A server with a script.

    Attributes:
        script: the answers that are left.
        url: the server's address.
        requests: the path and body of each request, in order.
        headers: the headers of each request, in order.
        unscripted: counts the requests after the end of the script.
    """

    script: list[Answer]
    url: str = ""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    unscripted: int = 0


def gemini_reply(text: str) -> Reply:
    """Return Gemini's reply with this text."""
    return 200, {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}]}


def anthropic_reply(text: str, model: str = "claude-sonnet-5-5") -> Reply:
    """Return Anthropic's reply with this text, after a thinking block."""
    content = [{"type": "thinking", "thinking": "", "signature": "c2ln"}, {"type": "text", "text": text}]
    return 200, {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def openai_reply(text: str, model: str = "gpt-4.1-2025-04-14") -> Reply:
    """Return the reply of OpenAI's chat protocol with this text."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return 200, {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


@contextmanager
def scripted(*script: Answer) -> Iterator[Scripted]:
    """Serve the script while the context lasts."""
    state = Scripted(list(script))
    lock, over = threading.Lock(), threading.Event()

    class Player(Handler):
        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            body = json.loads(self.body())
            with lock:
                state.requests.append((self.path, body))
                state.headers.append(dict(self.headers))
                answer: Answer = state.script.pop(0) if state.script else (500, {"error": {"message": "unscripted"}})
                state.unscripted += not state.script and answer == (500, {"error": {"message": "unscripted"}})
            if answer == "trickle":
                self.send_response(200)
                self.end_headers()
                with suppress(OSError):
                    while not over.wait(0.1):
                        self.wfile.write(b" ")
            if isinstance(answer, str):
                over.wait()
                return
            data = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
            self.reply(answer[0], data)

    with serving(Player) as url:
        state.url = url
        try:
            yield state
        finally:
            over.set()
    assert state.unscripted == 0, f"{state.unscripted} requests came after the end of the script"
