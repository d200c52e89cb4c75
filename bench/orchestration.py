"""What orchestration costs: trials of 2 s through the flow's own tasks, against the sequential loop, in one run.

    python bench/orchestration.py

Each trial is the flow's persisted execute → retrieve → score: a stand-in `mix` that sleeps 2 s and writes a plan, and the
judge over HTTP. Prints one line of JSON last.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

SLEEP = 2.0
LEVELS = (16, 64)
SEQUENTIAL = 8

STAND_IN = """#!/bin/sh
# Stands in for a pipeline that takes its time: sleeps, writes a plan, says where.
while [ $# -gt 0 ]; do
  case $1 in
    --output) output=$2; shift 2 ;;
    *) shift ;;
  esac
done
sleep {sleep}
printf 'title: a plan\\nstages:\\n- name: first\\n  actions: [one, two]\\n# %s\\n' "$output" > "$output"
printf '✅ Pipeline generated at %s\\n' "$output"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=int, nargs="+", default=LEVELS, help="executions in flight")
    levels = parser.parse_args().levels
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        home = Path(folder)
        bin_ = home / "bin"
        bin_.mkdir()
        mix = bin_ / "mix"
        mix.write_text(STAND_IN.format(sleep=SLEEP))
        mix.chmod(0o755)
        # Before Prefect and Workbench are imported, which read these.
        os.environ["PATH"] = f"{bin_}{os.pathsep}{os.environ['PATH']}"
        os.environ["WORKBENCH_HOME"] = str(home)
        os.environ["PREFECT_HOME"] = str(home / "prefect")
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
        os.environ.pop("PREFECT_API_URL", None)
        from workbench import server

        with judge() as url:
            os.environ["GOOGLE_GEMINI_BASE_URL"] = os.environ["ANTHROPIC_BASE_URL"] = url
            try:
                os.environ["PREFECT_API_URL"] = server.ensure(
                    home, os.environ, lambda text: print(text, file=sys.stderr)
                ).url
                print(json.dumps(measure(home, levels)))
            finally:
                server.stop(home)


@contextmanager
def judge() -> Iterator[str]:
    """A rehearsal in a process of its own, as the provider would be."""
    command = [sys.executable, "-m", "workbench", "rehearsal"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(line for line in process.stdout if "http://" in line).split()[-1]
        finally:
            process.terminate()


def measure(home: Path, levels: list[int]) -> dict[str, object]:
    """Both loops on the same command; seconds are wall time."""
    trial = trials(home)
    sequential_seconds = timed(lambda: sequential(trial))
    found = []
    for in_flight in levels:
        orchestrated(trial, f"warm-up-{in_flight}", count=1, in_flight=in_flight)
        count = 4 * in_flight
        seconds = timed(lambda: orchestrated(trial, str(in_flight), count=count, in_flight=in_flight))
        ideal = math.ceil(count / in_flight) * SLEEP
        found.append(
            {
                "in_flight": in_flight,
                "trials": count,
                "seconds": round(seconds, 2),
                "ideal_seconds": ideal,
                "share_of_ideal": round(ideal / seconds, 3),
            }
        )
        print(found[-1], file=sys.stderr)
    last = found[-1]
    per_trial = sequential_seconds / SEQUENTIAL
    return {
        "levels": found,
        "sequential": {"trials": SEQUENTIAL, "seconds": round(sequential_seconds, 2)},
        "speed_up": round(per_trial / (last["seconds"] / last["trials"]), 1),
        "overhead_ms_per_trial": round(1000 * (last["seconds"] - last["ideal_seconds"]) / last["trials"], 2),
    }
