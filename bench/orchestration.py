"""What orchestration costs: trials of 2 s through the flow's own tasks, against the sequential loop, in one run.

    python bench/orchestration.py

Each trial is the flow's persisted execute → retrieve → score: a stand-in `mix` that sleeps 2 s and writes a plan, and
the judge over HTTP. Prints one line of JSON last.
"""

from __future__ import annotations

import argparse
import atexit
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.run.setting import Setting

CHECKOUT = Path(__file__).resolve().parents[1]
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
    from workbench.execution.runtimes import runtime_of
    from workbench.nouns import Engine
    from workbench.system import prefect_server

    # The real one is compiled before the stand-in takes its name.
    runtime_of(Engine("mix")).prepare()
    ending = ExitStack()
    # Registered before Prefect's own, so that it runs after them: Prefect says good-bye to a server that is there.
    atexit.register(ending.close)
    # A TemporaryDirectory would remove itself before that, and with it what tells which server to stop.
    home = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    ending.callback(shutil.rmtree, home, ignore_errors=True)
    mix = home / "bin" / "mix"
    mix.parent.mkdir()
    mix.write_text(STAND_IN.replace("{sleep}", str(SLEEP)))
    mix.chmod(0o755)
    os.environ["PATH"] = f"{mix.parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["WORKBENCH_HOME"] = str(home)
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    url = ending.enter_context(judge())
    os.environ["GOOGLE_GEMINI_BASE_URL"] = os.environ["ANTHROPIC_BASE_URL"] = url
    ending.callback(prefect_server.stop, home)
    os.environ["PREFECT_API_URL"] = prefect_server.ensure(
        home, os.environ, lambda text: print(text, file=sys.stderr)
    ).url
    print(json.dumps(measure(home, levels)))


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
    from workbench.study.opening import RunOptions, open_run

    study = CHECKOUT / "examples" / "otp_refactor" / "study.yaml"
    environ = {**os.environ, "GEMINI_API_KEY": "rehearsal"}
    with open_run(RunOptions(study), home=home, run="bench", url=None, environ=environ) as setting:
        sequential_seconds = timed(lambda: sequential(setting))
        found = []
        for in_flight in levels:
            orchestrated(setting, f"warm-up {in_flight}", count=1, in_flight=in_flight)
            count = 4 * in_flight
            seconds = timed(lambda n=in_flight, c=count: orchestrated(setting, f"level {n}", count=c, in_flight=n))
            found.append(level(in_flight, count, seconds))
            print(found[-1], file=sys.stderr)
    in_flight, last = levels[-1], found[-1]
    each = float(last["seconds"]) / float(last["trials"])
    return {
        "levels": found,
        "sequential": {"trials": SEQUENTIAL, "seconds": round(sequential_seconds, 2)},
        "speed_up": round(sequential_seconds / SEQUENTIAL / each, 1),
        "overhead_ms_per_trial": round(1000 * (each - SLEEP / in_flight), 2),
    }


def level(in_flight: int, trials: int, seconds: float) -> dict[str, float]:
    ideal = math.ceil(trials / in_flight) * SLEEP
    return {
        "in_flight": in_flight,
        "trials": trials,
        "seconds": round(seconds, 2),
        "ideal_seconds": ideal,
        "share_of_ideal": round(ideal / seconds, 3),
    }


def timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def sequential(setting: Setting) -> None:
    """The loop that one would write first: run, read, judge, one after the other."""
    from workbench.execution.plan import problem
    from workbench.judging import judge
    from workbench.nouns import Plan, ScoreRequest

    for number in range(SEQUENTIAL):
        output = setting.run.path / f"sequential-{number}.yaml"
        subprocess.run(
            ["mix", "pipeline.generate.live", "--output", str(output), "write a plan"], check=True, capture_output=True
        )
        text = output.read_text()
        judge.score(ScoreRequest(setting.study.goals[0], setting.judge), Plan(text, problem(text)))


def orchestrated(setting: Setting, name: str, *, count: int, in_flight: int) -> None:
    """The same number of trials through the flow's tasks, on a running server."""
    from prefect import flow

    from workbench.flows.optimize import answer
    from workbench.nouns import ExecutionRequest, ScoreRequest
    from workbench.search.asks import Asks, Desk, slots

    goal = setting.study.goals[0]

    def work(desk: Desk) -> None:
        def trial(number: int) -> None:
            request = ExecutionRequest(
                f"write a plan: {name}", goal, number, setting.pipeline, setting.executing, name, setting.run.path
            )
            desk.verdict(ScoreRequest(goal, setting.judge, number, name, setting.run.path), desk.plan(request))

        with ThreadPoolExecutor(count) as pool:
            list(pool.map(trial, range(count)))

    @flow(name="bench", persist_result=False)
    def bench() -> None:
        with Asks(work, slots(in_flight)) as asks:
            answer(asks)

    bench()


if __name__ == "__main__":
    main()
