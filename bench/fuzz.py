"""Fuzzes the readers of model-written text, guided by coverage: retrieval, envelopes, logs. CI tries a few texts.

    python bench/fuzz.py -max_total_time=600
    python bench/fuzz.py --smallest

Further arguments are libFuzzer's. It starts from the recordings and pipelines in tests/data. A text is a crash if a
reader raises an exception for it, or takes longer than `-timeout` seconds. The line on stdout is JSON: the time of a
fuzzed text, and its ratio to the time of an initial text. The exit code is 1 if there was a crash or the numbers are
implausible.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import atheris

from bench.outcome import conclude, positive

with atheris.instrument_imports(include=["workbench.execution", "yaml"]):
    from workbench.execution.pipeline_ex.outcome import classify
    from workbench.execution.pipeline_ex.reply import reply_in
    from workbench.execution.plan import problem, unfenced

SMALLEST = ["-max_total_time=5"]
DATA = Path(__file__).resolve().parents[1] / "tests" / "data"

#: libFuzzer ends its process without notice to Python. So it runs in a process of its own, which shares this counter.
FORK = multiprocessing.get_context("fork")
tried = FORK.Value("Q", 0, lock=False)


def try_text(data: bytes) -> None:
    """Give the data to a reader. The first byte chooses the reader: of plans, of replies, or of runs."""
    tried.value += 1
    kind, rest = data[:1], data[1:]
    text = rest.decode("utf-8", errors="replace")
    if kind < b"\x60":
        reason = problem(unfenced(text))
        assert reason is None or reason.strip()
    elif kind < b"\x90":
        reply_in(text)
    else:
        out, _, after_out = rest.partition(b"\xff\xff")
        err, _, file = after_out.partition(b"\xff\xff")
        outcome = classify(data[0] % 2, out, err, {"some/ok.yaml": file.decode("utf-8", errors="replace")})
        assert (outcome.text is None) == (outcome.path is None)


def write_seeds(folder: Path) -> None:
    """Write the initial texts of each kind into the folder."""
    for number, file in enumerate(sorted((DATA / "pipelines").glob("*.yaml"))):
        (folder / f"plan-{number}").write_bytes(b"A" + file.read_bytes())
    for number, file in enumerate(sorted((DATA / "pipeline_ex_runs").glob("*.json"))):
        run = json.loads(file.read_text())
        plan = next(iter(run["files"].values()), "")
        streams = [run["stdout"].encode(), run["stderr"].encode(), plan.encode()]
        (folder / f"run-{number}").write_bytes(bytes([0xB0 | run["exit_code"]]) + b"\xff\xff".join(streams))
        (folder / f"reply-{number}").write_bytes(b"\x70" + json.dumps({"success": True, "text": plan}).encode())


def main() -> int:
    arguments = [
        option for argument in sys.argv[1:] for option in (SMALLEST if argument == "--smallest" else [argument])
    ]
    with tempfile.TemporaryDirectory(prefix="workbench-fuzz-") as corpus:
        write_seeds(Path(corpus))
        texts = [file.read_bytes() for file in Path(corpus).iterdir()]
        seed_seconds = timed(lambda: try_texts(texts)) / len(texts)
        tried.value = 0
        process = FORK.Process(target=fuzz, args=(["-timeout=10", "-max_len=20000", *arguments, corpus],))
        seconds = timed(lambda: run_to_its_end(process))
    text_seconds = seconds / max(1, tried.value)
    numbers = {
        "tried": tried.value,
        "seconds": round(seconds, 1),
        "ms": round(1000 * text_seconds, 3),
        "seed_ms": round(1000 * seed_seconds, 3),
        "ratio": round(text_seconds / seed_seconds, 3),
    }
    return conclude(
        numbers,
        {
            f"no text is a crash, but libFuzzer ended with {process.exitcode}": process.exitcode == 0,
            f"more than the {len(texts)} initial texts are tried, not {tried.value}": tried.value > len(texts),
            "the ratio is finite and positive": positive(text_seconds / seed_seconds),
        },
    )


def fuzz(arguments: list[str]) -> None:
    atheris.Setup([sys.argv[0], *arguments], try_text)
    atheris.Fuzz()


def try_texts(texts: list[bytes]) -> None:
    for text in texts:
        try_text(text)


def run_to_its_end(process: BaseProcess) -> None:
    process.start()
    process.join()


def timed(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
