"""A provider on loopback that answers from a script, one entry per request, and fails the test on any other."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: (status, body), or "hang".
Answer = tuple[int, Any] | str


@dataclass
class Scripted:
    """`requests` has (path, body) of all that was asked, in order."""

    script: list[Answer]
    url: str = ""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    unscripted: int = 0


def said(text: str) -> Answer:
    """Gemini saying this."""
    return 200, {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}]}


@contextmanager
def scripted(*script: Answer) -> Iterator[Scripted]:
    told = Scripted(list(script))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                told.requests.append((self.path, body))
                told.headers.append(dict(self.headers))
                answer: Answer = told.script.pop(0) if told.script else (500, {"error": {"message": "unscripted"}})
                told.unscripted += not told.script and answer == (500, {"error": {"message": "unscripted"}})
            if isinstance(answer, str):
                time.sleep(1.0)
                return
            data = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert told.unscripted == 0, f"{told.unscripted} requests beyond the script"
