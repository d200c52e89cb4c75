"""Measures the cost of orchestration: trials through the flow's own tasks against the sequential loop, in one run.

    python bench/orchestration.py [--levels 16 64 | --smallest] [--runner threads dask] [--server HOME]

Each trial consists of the flow's persisted tasks execute → retrieve → score. A stand-in for `mix` sleeps 2 s and writes
a plan, and the judge answers over HTTP. The line on stdout is JSON. The exit code is 1 if the numbers are implausible.

On a machine that is not quiet, compare the CPU milliseconds of a trial, and not the share of the ideal: other programs
slow the trials down. The CPU time of a cluster's workers is not in these numbers.
"""

from __future__ import annotations

import argparse
import atexit
import itertools
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from bench.outcome import conclude, is_share, positive
from bench.process_tree import cpu_seconds_of
from bench.server import add_server_option, used_server
from workbench.nouns import TaskRunnerName

if TYPE_CHECKING:
    from workbench.run.setting import Setting

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Size:
    """The size of the measurement.

    Attributes:
        sleep: seconds that a stand-in sleeps.
        levels: numbers of executions in flight.
        rounds: how many trials of a level follow each other in each place.
        sequential: the number of trials of the sequential loop.
        runners: the task runners that are measured, each at every level.
    """

    sleep: float = 2.0
    levels: tuple[int, ...] = (16, 64)
    rounds: int = 4
    sequential: int = 8
    runners: tuple[TaskRunnerName, ...] = ("threads",)


#: The stand-ins sleep long, so that the tasks are quicker than the sequential loop on a busy machine, too.
SMALLEST = Size(levels=(4,), rounds=2, sequential=2)

STAND_IN = """#!/bin/sh
# Takes the place of a slow pipeline: sleeps, writes a plan, prints its path.
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=int, nargs="+", default=Size.levels, help="executions in flight")
    parser.add_argument("--smallest", action="store_true", help="as few trials as still measure it")
    parser.add_argument(
        "--runner",
        nargs="+",
        choices=get_args(TaskRunnerName),
        default=Size.runners,
        help="the task runners to measure",
    )
    add_server_option(parser)
    arguments = parser.parse_args()
    size = SMALLEST if arguments.smallest else replace(Size(), levels=tuple(arguments.levels))
    numbers = measure_in_new_home(replace(size, runners=tuple(arguments.runner)), arguments.server)
    # With few trials, a busy machine may take longer for the tasks than for their executions.
    return conclude(numbers, expectations(numbers, least=0.2 if arguments.smallest else 1.0))


def measure_in_new_home(size: Size, running_server: Path | None) -> dict[str, Any]:
    """Measure with a home, a scripted judge and a Prefect server of their own, and with the stand-in as `mix`.

    Args:
        running_server: the home of a Prefect server that runs already, or None.
    """
    from workbench.execution.runtimes import runtime_of
    from workbench.nouns import Engine

    # Compile the real runtime before the stand-in takes the name mix.
    runtime_of(Engine("mix")).prepare()
    ending = ExitStack()
    # Register this before Prefect's own exit functions, so that it runs after them: they still need the server.
    atexit.register(ending.close)
    # A TemporaryDirectory would be removed earlier, together with the file that names the server to stop.
    home = Path(tempfile.mkdtemp(prefix="workbench-bench-"))
    ending.callback(shutil.rmtree, home, ignore_errors=True)
    mix = home / "bin" / "mix"
    mix.parent.mkdir()
    mix.write_text(STAND_IN.replace("{sleep}", str(size.sleep)))
    mix.chmod(0o755)
    os.environ["PATH"] = f"{mix.parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["WORKBENCH_HOME"] = str(home)
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    url = ending.enter_context(judge())
    os.environ["GOOGLE_GEMINI_BASE_URL"] = os.environ["ANTHROPIC_BASE_URL"] = url
    prefect_server = ending.enter_context(used_server(running_server, home, os.environ))
    os.environ["PREFECT_API_URL"] = prefect_server.url
    return measure(home, size, prefect_server.pid)


def expectations(numbers: dict[str, Any], least: float) -> dict[str, bool]:
    """Return True for each plausible number, by a sentence that names the expectation.

    Args:
        least: the speed-up that is exceeded.
    """
    levels, speed_up = numbers["levels"], numbers["speed_up"]
    return {
        "every level reaches a share of the ideal": all(is_share(level["share_of_ideal"]) for level in levels),
        "the flow and the server work for every trial": all(
            positive(level["flow_cpu_ms_per_trial"], level["server_cpu_ms_per_trial"]) for level in levels
        ),
        f"the tasks are more than {least} times as quick as the sequential loop, not {speed_up} times": positive(
            speed_up
        )
        and speed_up > least,
        "the sequential loop takes as long as its executions, or longer": numbers["sequential"]["share_of_ideal"] <= 1,
    }


@contextmanager
def judge() -> Iterator[str]:
    """Yield the address of a rehearsal that runs in a process of its own, like a real provider."""
    command = [sys.executable, "-m", "workbench", "rehearsal"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(line for line in process.stdout if "http://" in line).split()[-1]
        finally:
            process.terminate()


def measure(home: Path, size: Size, server_pid: int) -> dict[str, Any]:
    """Measure both loops with the same command."""
    from workbench.study.opening import RunOptions, open_run

    study = CHECKOUT / "examples" / "otp_refactor" / "study.yaml"
    environ = {**os.environ, "GEMINI_API_KEY": "rehearsal"}
    with open_run(RunOptions(study), home=home, run="bench", url=None, environ=environ) as setting:
        sequential_seconds = timed(lambda: sequential(setting, size.sequential))
        levels = []
        for runner, in_flight in itertools.product(size.runners, size.levels):
            levels.append(level(setting, size, runner, in_flight, server_pid))
            print(levels[-1], file=sys.stderr)
    last = [row for row in levels if row["runner"] == size.runners[0]][-1]
    trial_seconds = last["seconds"] / last["trials"]
    return {
        "levels": levels,
        "sequential": {
            "trials": size.sequential,
            "seconds": round(sequential_seconds, 2),
            "share_of_ideal": round(size.sequential * size.sleep / sequential_seconds, 3),
        },
        "speed_up": round(sequential_seconds / size.sequential / trial_seconds, 1),
        "overhead_ms_per_trial": last["overhead_ms_per_trial"],
    }


def level(setting: Setting, size: Size, runner: TaskRunnerName, in_flight: int, server_pid: int) -> dict[str, Any]:
    """Measure trials in seconds of wall time, and in milliseconds of CPU time of the flow and of the server.

    A cluster has started when the clock starts, as it has for all but the first trials of a search.
    """
    trials = size.rounds * in_flight
    measured: dict[str, float] = {}

    def measured_run(run: Callable[[int], None]) -> None:
        run(in_flight if runner != "threads" else 1)  # every worker imports what it needs
        flow_before, server_before = time.process_time(), cpu_seconds_of(server_pid)
        measured["seconds"] = timed(lambda: run(trials))
        measured["flow"] = time.process_time() - flow_before
        measured["server"] = cpu_seconds_of(server_pid) - server_before

    orchestrated(setting, runner, in_flight, measured_run)
    seconds = measured["seconds"]
    ideal = math.ceil(trials / in_flight) * size.sleep
    return {
        "runner": runner,
        "in_flight": in_flight,
        "trials": trials,
        "seconds": round(seconds, 2),
        "ideal_seconds": ideal,
        "share_of_ideal": round(ideal / seconds, 3),
        "overhead_ms_per_trial": round(1000 * (seconds - ideal) / trials, 2),
        "flow_cpu_ms_per_trial": round(1000 * measured["flow"] / trials, 1),
        "server_cpu_ms_per_trial": round(1000 * measured["server"] / trials, 1),
    }


def timed(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def sequential(setting: Setting, trials: int) -> None:
    """Run the simplest loop: execute, read and judge, one trial after the other."""
    from workbench.execution.plan import problem
    from workbench.judging import judge
    from workbench.nouns import Plan, ScoreRequest

    for number in range(trials):
        output = setting.run.path / f"sequential-{number}.yaml"
        subprocess.run(
            ["mix", "pipeline.generate.live", "--output", str(output), "write a plan"], check=True, capture_output=True
        )
        text = output.read_text()
        judge.score(ScoreRequest(setting.study.goals[0], setting.judge), Plan(text, problem(text)))


def orchestrated(
    setting: Setting, runner: TaskRunnerName, in_flight: int, use: Callable[[Callable[[int], None]], None]
) -> None:
    """Begin a flow on a running server, and call `use` with a function that runs trials through the flow's tasks."""
    from prefect import flow

    from workbench.nouns import ExecutionRequest, ScoreRequest, TaskRunner
    from workbench.search.ask_kinds import slots
    from workbench.search.asker import Asker
    from workbench.search.asks import Asks
    from workbench.tasks.answering import answer
    from workbench.tasks.runners import started

    goal = setting.study.goals[0]

    def work(asker: Asker, count: int) -> None:
        name = f"{runner} {in_flight} {count}"

        def trial(number: int) -> None:
            request = ExecutionRequest(
                f"write a plan: {name}", goal, number, setting.pipeline, setting.step_providers, name, setting.run.path
            )
            asker.verdict(
                ScoreRequest(goal, setting.judge, number, candidate=name, run=setting.run.path), asker.plan(request)
            )

        with ThreadPoolExecutor(count) as pool:
            list(pool.map(trial, range(count)))

    @flow(name="bench", persist_result=False)
    def bench() -> None:
        with started(TaskRunner(runner), in_flight) as tasks:

            def run(count: int) -> None:
                with Asks(lambda asker: work(asker, count), slots(in_flight)) as asks:
                    answer(asks, setting.run, tasks)

            use(run)

    bench()


if __name__ == "__main__":
    sys.exit(main())
