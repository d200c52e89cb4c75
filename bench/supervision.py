"""Measures the cost of a supervisor: commands through `workbench.system.process` against bare subprocesses.

    python bench/supervision.py [--calls 20] [--at-once 1 64] [--command true] [--smallest]

Both sides run the same command, in turn and in one run. The last line is JSON. For each number of commands at once it
has the milliseconds of wall time and of CPU time per command (the CPU time of supervisors included), what supervision
adds, and the ratio of the two wall times. `memory_mb` is the memory of the supervisors of all commands at once.
`ratio` is the wall-time ratio of the first of these numbers. The exit code is 1 if the numbers are implausible.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.outcome import conclude, positive

CHECKOUT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20, help="the number of rounds; each starts --at-once commands")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--command", nargs="+", default=["true"])
    parser.add_argument("--smallest", action="store_true", help="the smallest number of commands that can be measured")
    # Each measurement is a process of its own, because the CPU time of its whole tree is known after its end.
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.command, options.calls, options.at_once[0])))
        return 0
    calls, levels = (3, [1, 4]) if options.smallest else (options.calls, options.at_once)
    numbers = {str(number): compare(options.command, calls, number) for number in levels}
    return conclude(
        {**numbers, "ratio": numbers[str(levels[0])]["ratio"]},
        {
            "all wall times are positive": positive(
                *(level[f"{side}_wall_ms"] for level in numbers.values() for side in ("bare", "supervised"))
            ),
            "the supervisors hold memory": positive(*(level["memory_mb"] for level in numbers.values())),
        },
    )


def compare(command: list[str], calls: int, at_once: int) -> dict[str, float]:
    """Return the costs of bare and of supervised commands, and what supervision adds."""
    bare, supervised = (measure(side, command, calls, at_once) for side in ("bare", "supervised"))
    return {
        "bare_wall_ms": bare["wall_ms"],
        "bare_cpu_ms": bare["cpu_ms"],
        "supervised_wall_ms": supervised["wall_ms"],
        "supervised_cpu_ms": supervised["cpu_ms"],
        "added_wall_ms": round(supervised["wall_ms"] - bare["wall_ms"], 2),
        "added_cpu_ms": round(supervised["cpu_ms"] - bare["cpu_ms"], 2),
        "ratio": round(supervised["wall_ms"] / bare["wall_ms"], 2),
        "memory_mb": measure("memory", command, calls, at_once)["memory_mb"],
    }


def measure(side: str, command: list[str], calls: int, at_once: int) -> dict[str, float]:
    """Return wall and CPU milliseconds per command, without the CPU time of a process that runs no command."""

    def run_side(rounds: int) -> tuple[float, dict[str, float]]:
        """Return the CPU seconds of a process that measures this side, and the numbers that the process prints."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = [sys.executable, __file__, "--side", side, "--calls", str(rounds), "--at-once", str(at_once)]
        finished = subprocess.run([*line, "--command", *command], cwd=CHECKOUT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, json.loads(finished.stdout)

    if side == "memory":
        return run_side(1)[1]
    empty, _ = run_side(0)
    used, numbers = run_side(calls)
    return {**numbers, "cpu_ms": round(1000 * (used - empty) / (calls * at_once), 2)}


def bare(command: list[str], calls: int, at_once: int) -> dict[str, float]:
    return rounds(lambda: subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True), calls, at_once)


def supervised(command: list[str], calls: int, at_once: int) -> dict[str, float]:
    from workbench.system import process

    env = dict(os.environ)
    return rounds(lambda: process.run(command, cwd=CHECKOUT, env=env, timeout=60), calls, at_once)


def memory(command: list[str], calls: int, at_once: int) -> dict[str, float]:
    """Return the memory of all supervisors while `at_once` commands run, without the commands' own memory."""
    from workbench.system import process

    services = [process.Service(["sleep", "60"], cwd=CHECKOUT, env=dict(os.environ)) for _ in range(at_once)]
    try:
        return {"memory_mb": round(sum(map(proportional, descendants(os.getpid()))) / 1000, 1)}
    finally:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda service: service.stop(), services))


def rounds(call: Callable[[], object], calls: int, at_once: int) -> dict[str, float]:
    """Return the median round's wall time, divided by the commands of a round."""
    wall_times = [0.0]
    with ThreadPoolExecutor(at_once) as pool:
        for _ in range(calls):
            start = time.monotonic()
            for future in [pool.submit(call) for _ in range(at_once)]:
                future.result()
            wall_times.append(time.monotonic() - start)
    return {"wall_ms": round(1000 * sorted(wall_times)[(calls + 1) // 2] / at_once, 2)}


def descendants(root: int) -> list[int]:
    """Return the process ids of all descendants of a process."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    tree = [root]
    for pid in tree:
        tree += [child for child, parent in parents.items() if parent == pid]
    return tree[1:]


def proportional(pid: int) -> int:
    """Return the proportional set size in kB of a supervisor, 0 of a command."""
    if Path("/proc", str(pid), "comm").read_text().strip() == "sleep":
        return 0
    lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


SIDES = {"bare": bare, "supervised": supervised, "memory": memory}


if __name__ == "__main__":
    sys.exit(main())
