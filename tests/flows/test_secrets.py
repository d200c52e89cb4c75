"""Test of a provider that echoes its key in an error: the key reaches neither the home nor Prefect's database."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.command_line import CommandLine, study

pytestmark = pytest.mark.processes

KEY = "AIza+Sy/secret=0123456789abcdef"
FORMS = [KEY, quote(KEY), quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()]
ECHO = {"error": {"code": 400, "message": f"bad key: {' '.join(FORMS)}", "status": "INVALID_ARGUMENT"}}


@pytest.fixture
def echo() -> Iterator[str]:
    """Yield the address of a provider that refuses every request, and echoes the key."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.dumps(ECHO).encode()
            self.send_response(400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_key_that_a_provider_echoes_is_stored_nowhere(line: CommandLine, tmp_path: Path, echo: str) -> None:
    """The generator, and with `writer` the proposer, fail with the key in the message, in four forms."""
    for name, program in (("generator", "direct"), ("proposer", "writer")):
        file = study(tmp_path / name, optimizer="static", budget=2, program=program)
        result = line.having(GEMINI_API_KEY=KEY, GOOGLE_GEMINI_BASE_URL=echo).run("run", file)
        assert result.exit_code in (2, 3), result.stderr
        assert not [form for form in FORMS if form in result.stdout + result.stderr], result.stderr
    for folder in (line.home, Path(line.env["PREFECT_HOME"])):
        for stored in (file for file in folder.rglob("*") if file.is_file()):
            content = stored.read_bytes()
            assert not [form for form in FORMS if form.encode() in content], stored
