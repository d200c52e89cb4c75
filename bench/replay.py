"""Measures how fast a finished study replays: its command runs again on a running server, with all answers kept.

    python bench/replay.py [--trials 200] [--replays 3] [--smallest] [--server HOME]

The study's program is a shell script that answers at once, and a rehearsal judges and proposes. The time is that of the
whole command `workbench run`, from its start to its end. Python may keep its bytecode, as in every installation. The
line on stdout is JSON. The exit code is 1 if the numbers are implausible.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.outcome import conclude, positive
from bench.process_tree import virtual_machines
from bench.server import add_server_option, used_server

#: The pairs of fresh executions at the end of a run, at most. They are trials, too.
CONFIRM = 8
#: The same for a study of few trials: the fewest pairs that can decide.
FEWEST_CONFIRM = 4
SMALLEST_TRIALS = 16
#: How many times the study is replayed. The fastest replay counts, because other work on the machine only slows it.
REPLAYS = 3
#: The goal is that a study of this many trials replays within ten seconds on two quiet cores.
GOAL_TRIALS = 200

PROGRAM = r"""# Makes a plan of the prompt: one stage for each line.
printf 'title: a plan\nstages:\n- name: first\n  actions: [one, two]\n'
tr -dc 'a-zA-Z \n' | sed -n 's/^  *//; s/^\(.\)/- name: stage \1/p'
"""


@dataclass(frozen=True)
class Command:
    """How long a command took: seconds of wall time, and seconds of CPU time with its children."""

    seconds: float
    cpu_seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=GOAL_TRIALS, help="the trials of the study")
    parser.add_argument("--replays", type=int, default=REPLAYS, help="how many times it is replayed")
    parser.add_argument("--smallest", action="store_true", help="as few trials as still measure it")
    add_server_option(parser)
    arguments = parser.parse_args()
    trials = SMALLEST_TRIALS if arguments.smallest else arguments.trials
    numbers = measure(trials, 1 if arguments.smallest else arguments.replays, arguments.server)
    return conclude(numbers, expectations(numbers, trials))


def expectations(numbers: dict[str, Any], trials: int) -> dict[str, bool]:
    """Return True for each plausible number, by a sentence that names the expectation."""
    return {
        f"the study has about {trials} trials, not {numbers['trials']}": 0.7 * trials <= numbers["trials"] <= trials,
        "a replay executes nothing": numbers["executed"] == 0,
        "a replay has a duration": positive(numbers["seconds"], numbers["speed_up"], numbers["trials_per_second"]),
        "no virtual machine is left": not virtual_machines(),
    }


def measure(trials: int, replays: int, server_home: Path | None) -> dict[str, Any]:
    """Run the study once, and then replay it."""
    from workbench.rehearsal.server import start

    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="workbench-bench-")))
        rehearsal = ending.enter_context(start())
        environ = {
            **os.environ,
            "WORKBENCH_HOME": str(folder / "home"),
            "PREFECT_HOME": str(folder / "home" / "prefect"),
            "GOOGLE_GEMINI_BASE_URL": rehearsal.url,
            "ANTHROPIC_BASE_URL": rehearsal.url,
        }
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        prefect_server = ending.enter_context(used_server(server_home, folder / "home", environ))
        environ["PREFECT_API_URL"] = prefect_server.url
        study = write_study(folder, trials)
        first, _ = timed(study, folder, environ)
        times, report = zip(*(timed(study, folder, environ) for _ in range(replays)), strict=True)
    fastest = min(times, key=lambda command: command.seconds)
    executions = report[-1]["executions"] + report[-1]["cache_hits"]
    return {
        "trials": executions,
        "executed": report[-1]["executions"],
        "first_seconds": round(first.seconds, 2),
        "seconds": round(fastest.seconds, 2),
        "cpu_seconds": round(min(command.cpu_seconds for command in times), 2),
        "trials_per_second": round(executions / fastest.seconds, 1),
        "speed_up": round(first.seconds / fastest.seconds, 2),
    }


def write_study(folder: Path, trials: int) -> Path:
    """Write a study with about this many trials, and return its file."""
    (folder / "plan.sh").write_text(PROGRAM)
    (folder / "gold.md").write_text(
        "# Plan\n\nSupervision trees first. Telemetry for every process. Backpressure. Rollback. Property tests.\n"
    )
    goals, confirm = (2, CONFIRM) if trials > 8 * CONFIRM else (1, FEWEST_CONFIRM)
    study = {
        "study": "replay",
        "goals": [
            {"name": f"goal-{number}", "goal": f"Write release plan {number}", "gold": "gold.md"}
            for number in range(1, goals + 1)
        ],
        "runtime": "command",
        "command": ["sh", "plan.sh"],
        "files": ["plan.sh"],
        "rehearsal": "allowed",
        "optimizer": "race",
        "budget": trials - 2 * confirm * goals,
        "confirm": confirm,
        "concurrency": 8,
    }
    file = folder / "study.yaml"
    file.write_text(json.dumps(study))
    return file


def timed(study: Path, folder: Path, environ: dict[str, str]) -> tuple[Command, dict[str, Any]]:
    """Run the study with the command line. Return how long that took, and the report."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "workbench", "run", str(study), "--rehearse", "--json", str(report)]
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode == 0, ended.stderr
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Command(seconds, cpu_seconds), json.loads(report.read_text())


if __name__ == "__main__":
    sys.exit(main())
