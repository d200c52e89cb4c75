"""Disturb a run at a random moment, continue it with the same command, and compare it with an undisturbed run.

A rehearsal counts every request. All requests of these studies have a seed, so equal requests have equal answers, and
an answer that is bought again is an equal request that is made again.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import patient
from tests.support.command_line import CommandLine, CommandResult, wait_for
from tests.support.command_study import planner_study
from tests.support.processes import working_in
from workbench.rehearsal.server import Rehearsal
from workbench.search.ask_kinds import slots

#: The mean time before an answer. It keeps several requests in flight.
LATENCY_SECONDS = 0.15
#: The longest pause between a request and the disturbance, in seconds.
LONGEST_PAUSE = 0.5
TASKS = ("execute", "propose", "score")

#: Disturbs a process that works on a run.
Disturbance = Callable[[subprocess.Popen[str]], None]


@dataclass(frozen=True)
class Case:
    """An optimizer, and how many executions are in flight at once."""

    optimizer: str
    threads: int

    def study(self, folder: Path) -> Path:
        """Write the study of this case, and return the study file."""
        keys = {"optimizer": self.optimizer, "concurrency": self.threads, "budget": 8, "confirm": 4, "seed": 3}
        return planner_study(folder, **keys)


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing has disturbed.

    Attributes:
        result: the best prompt and all trials.
        requests: how often each request was made.
    """

    result: tuple[str, frozenset[tuple[object, ...]]]
    requests: dict[str, int]


@dataclass(frozen=True)
class Survival:
    """What a disturbance did to a run.

    Attributes:
        disturbed_after: the number of requests before the disturbance. All requests, if the run had ended by then.
        unfinished: the requests that were made before the disturbance, and whose answers were not kept.
        bought_twice: the answers that were kept, and bought again. -1 stands for an answer that was never bought.
        equal: whether the best prompt and all trials are those of the undisturbed run.
        exit_code, stderr: how the disturbed process ended, and what it printed.
    """

    disturbed_after: int
    unfinished: int
    bought_twice: int
    equal: bool
    exit_code: int
    stderr: str


def undisturbed(case: Case, line: CommandLine, study: Path) -> Undisturbed:
    """Run the case to its end."""
    with line.rehearsing(latency=LATENCY_SECONDS) as (rehearsing, rehearsal):
        command = rehearsing.run("run", study, "--rehearse")
        assert command.exit_code == 0, command.stderr
        return Undisturbed(result(line), dict(rehearsal.tries))


def disturbed(
    line: CommandLine, study: Path, reference: Undisturbed, moment: random.Random, disturb: Disturbance
) -> Survival:
    """Disturb a run at a random moment, and continue it with the same command until it ends."""
    total = sum(reference.requests.values())
    with line.rehearsing(latency=LATENCY_SECONDS) as (rehearsing, rehearsal):
        process = rehearsing.start("run", study, "--rehearse")
        wait_until(process, rehearsal, moment.randint(1, total - 1))
        time.sleep(moment.uniform(0, LONGEST_PAUSE))
        disturb(process)
        _, err = process.communicate(timeout=400)
        wait_for(lambda: not working_in(line.home / "executions"))
        # The rehearsal reads what has arrived before it reads our requests. So it counts every request on its way.
        for _ in range(3):
            patient.get(f"{rehearsal.url}/rehearsal")
        before, answers = rehearsal.tries.total(), bought(line)
        continuation = continued(rehearsing, study)
        assert continuation.exit_code == 0, continuation.stderr
        more = rehearsal.tries.total() - total
    unfinished = before - answers
    equal = result(line) == reference.result
    return Survival(before, unfinished, more - unfinished, equal, process.returncode, err)


def bought(line: CommandLine) -> int:
    """Return how many answers are kept that a model gave. A broken plan gets a verdict that no model was asked for."""
    files = [file for task in TASKS for file in line.results(task)]
    return sum(b"The plan is invalid: " not in file.read_bytes() for file in files)


def continued(line: CommandLine, study: Path) -> CommandResult:
    """Give the same command again."""
    return line.run("run", study, "--rehearse")


def wait_until(process: subprocess.Popen[str], rehearsal: Rehearsal, requests: int) -> None:
    """Wait until this many requests were made, or the process has ended."""
    wait_for(lambda: rehearsal.tries.total() >= requests or process.poll() is not None)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)


def most_unfinished(case: Case) -> int:
    """Return how many requests can be in flight at once."""
    return sum(slots(case.threads).values()) - case.threads  # a retrieval is no request


def result(line: CommandLine) -> tuple[str, frozenset[tuple[object, ...]]]:
    """Return the best prompt and the trials of the last run of this home."""
    folder = max((line.home / "runs").iterdir())
    best = json.loads((folder / "report.json").read_text())["best"]["candidate"]
    lines = [json.loads(row) for row in (folder / "trials.jsonl").read_text().splitlines()]
    keys = ("phase", "candidate", "goal", "replicate", "execution", "score", "reason")
    return best, frozenset(tuple(row[key] for key in keys) for row in lines)
