"""Fuzzes what reads model-written text, guided by coverage: retrieval, envelopes, logs. Not part of CI.

    pip install atheris && python bench/fuzz.py -max_total_time=600

Whatever libFuzzer understands can follow. It starts from the recordings and pipelines in tests/data. An exception is a
crash, and so is what takes longer than `-timeout` seconds for one text. Prints one line of JSON last.
"""

from __future__ import annotations

import atexit
import json
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["workbench.execution", "yaml"]):
    from workbench.execution.pipeline_ex.outcome import classify
    from workbench.execution.pipeline_ex.reply import opened
    from workbench.execution.plan import problem, unfenced

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
tried = 0


def one(data: bytes) -> None:
    """The first byte says which reader gets the rest."""
    global tried
    tried += 1
    what, rest = data[:1], data[1:]
    text = rest.decode("utf-8", errors="replace")
    if what < b"\x60":
        said = problem(unfenced(text))
        assert said is None or said.strip()
    elif what < b"\x90":
        opened(text)
    else:
        out, _, more = rest.partition(b"\xff\xff")
        err, _, file = more.partition(b"\xff\xff")
        made = classify(data[0] % 2, out, err, {"some/ok.yaml": file.decode("utf-8", errors="replace")})
        assert (made.text is None) == (made.path is None)


def seeds(folder: Path) -> None:
    """A text of each kind to begin with."""
    for number, file in enumerate(sorted((DATA / "pipelines").glob("*.yaml"))):
        (folder / f"plan-{number}").write_bytes(b"A" + file.read_bytes())
    for number, file in enumerate(sorted((DATA / "pipeline_ex_runs").glob("*.json"))):
        run = json.loads(file.read_text())
        plan = next(iter(run["files"].values()), "")
        streams = [run["stdout"].encode(), run["stderr"].encode(), plan.encode()]
        (folder / f"run-{number}").write_bytes(bytes([0xB0 | run["exit_code"]]) + b"\xff\xff".join(streams))
        (folder / f"reply-{number}").write_bytes(b"\x70" + json.dumps({"success": True, "text": plan}).encode())


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="workbench-fuzz-") as corpus:
        seeds(Path(corpus))
        begun = time.monotonic()
        atexit.register(lambda: print(json.dumps({"tried": tried, "seconds": round(time.monotonic() - begun)})))
        atheris.Setup([sys.argv[0], "-timeout=10", "-max_len=20000", *sys.argv[1:], corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
