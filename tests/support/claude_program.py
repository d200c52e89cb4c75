"""A stand-in for the `claude` program: it sends its arguments and prompt to a scripted server, and prints the answer.

The server's address is in ANTHROPIC_BASE_URL, as for the real program. The body of its answer has the keys `stdout`,
`stderr` and `exit_code`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_server import Answer

MODEL = "claude-opus-5-5"

SCRIPT = f"""\
#!{sys.executable} -IS
import http.client, json, os, sys, urllib.parse
url = urllib.parse.urlsplit(os.environ["ANTHROPIC_BASE_URL"])
names = ("HOME", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "CLAUDE_CONFIG_DIR")
environ = {{name: os.environ.get(name) for name in names}}
sent = {{"arguments": sys.argv[1:], "prompt": sys.stdin.read(), "folder": os.listdir("."), "environ": environ}}
connection = http.client.HTTPConnection(url.hostname, url.port)
connection.request("POST", "/claude", json.dumps(sent))
answer = json.loads(connection.getresponse().read())
sys.stdout.write(answer["stdout"])
sys.stderr.write(answer["stderr"])
sys.exit(answer["exit_code"])
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-in first on the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "claude").write_text(SCRIPT)
    (folder / "claude").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def printed(*lines: Mapping[str, Any], exit_code: int = 0, stderr: str = "") -> Answer:
    """Return the scripted answer for a program that prints these messages."""
    stdout = "".join(json.dumps(line) + "\n" for line in lines)
    return 200, {"stdout": stdout, "stderr": stderr, "exit_code": exit_code}


def assistant(text: str, model: str = MODEL, **changes: Any) -> dict[str, Any]:
    """Return a message that the model wrote, as the program prints it."""
    message = {"role": "assistant", "model": model, "content": [{"type": "text", "text": text}]}
    return {"type": "assistant", "message": message, **changes}


def result(text: str | None, **changes: Any) -> dict[str, Any]:
    """Return the program's result."""
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": text,
        "stop_reason": "end_turn",
        "total_cost_usd": 0.01,
        **changes,
    }


def claude_reply(text: str, model: str = MODEL) -> Answer:
    """Return what the program prints when its model says this text."""
    return printed({"type": "system", "subtype": "init"}, assistant(text, model), result(text))


def claude_failure(text: str, code: str | None = None) -> Answer:
    """Return what the program prints when it fails with these words."""
    message = assistant(text, "<synthetic>", **({"error": code} if code else {}))
    return printed(message, result(text, is_error=True, stop_reason="stop_sequence"), exit_code=1)
