"""A stand-in for the real Gemini service: a rehearsal answers, but the server does not say that it is a rehearsal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from workbench.rehearsal.server import start


@contextmanager
def service() -> Iterator[str]:
    """Yield the address, and serve while the context lasts."""
    with start() as rehearsal, httpx.Client(base_url=rehearsal.url, timeout=30.0) as client:

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server prescribes the name
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = client.post(self.path, content=body, headers={"content-type": "application/json"})
                self.send_response(answer.status_code)
                self.send_header("content-type", answer.headers["content-type"])
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)
