"""Test of a provider that echoes its key in an error: the key reaches neither the home nor Prefect's database."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.command_line import CommandLine, study
from tests.support.http_server import Handler, serving

pytestmark = pytest.mark.processes

KEY = "AIza+Sy/secret=0123456789abcdef"
FORMS = [KEY, quote(KEY), quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()]
ECHO = {"error": {"code": 400, "message": f"bad key: {' '.join(FORMS)}", "status": "INVALID_ARGUMENT"}}


@pytest.fixture
def echo() -> Iterator[str]:
    """Yield the address of a provider that refuses every request, and echoes the key."""

    class Echo(Handler):
        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.body()
            self.reply(400, json.dumps(ECHO).encode())

        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.do_POST()

    with serving(Echo) as url:
        yield url


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
