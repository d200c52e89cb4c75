"""Kills runs at random moments, and prints what that did as a table and, on the last line, as JSON.

    script/soak [--kills 20] [--optimizers gepa mipro copro race] [--threads 1 4] [--seed 0]

Each kill has a home of its own: a run is killed, and the same command continues it. The exit code is 1 if anything was
bought twice, or if a result differs from that of an undisturbed run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.prefect_database import new_database
from tests.support.survival import Case, Survival, disturbed, kill, most_unfinished, undisturbed

OPTIMIZERS = ("gepa", "mipro", "copro", "race")
COLUMNS = "{:<10} {:>7} {:>6} {:>10} {:>11} {:>13} {:>14}"


@dataclass(frozen=True)
class Row:
    """The result of one case.

    Attributes:
        unfinished: the answers that were on their way at a kill, and had to be bought again.
        too_many_unfinished: the kills after which these were more than can be on their way.
    """

    optimizer: str
    threads: int
    kills: int
    unfinished: int
    too_many_unfinished: int
    bought_twice: int
    results_equal: int

    @classmethod
    def of(cls, case: Case, survivals: list[Survival]) -> Row:
        most = most_unfinished(case)
        return cls(
            case.optimizer,
            case.threads,
            len(survivals),
            sum(survival.unfinished for survival in survivals),
            sum(not 0 <= survival.unfinished <= most for survival in survivals),
            sum(abs(survival.bought_twice) for survival in survivals),
            sum(survival.equal for survival in survivals),
        )

    @property
    def good(self) -> bool:
        return not self.bought_twice and not self.too_many_unfinished and self.results_equal == self.kills


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="kills of each case")
    parser.add_argument("--optimizers", nargs="+", default=OPTIMIZERS, choices=OPTIMIZERS)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seed", type=int, default=0, help="the seed of the moments")
    arguments = parser.parse_args()
    print(COLUMNS.format("optimizer", "threads", "kills", "unfinished", "too many", "bought twice", "results equal"))
    rows = []
    with tempfile.TemporaryDirectory(prefix="workbench-soak-") as folder, server(Path(folder)) as environ:
        for optimizer in arguments.optimizers:
            for threads in arguments.threads:
                case = Case(optimizer, threads)
                place = Path(folder, f"{optimizer}-{threads}")
                row = Row.of(case, list(survivals(case, place, environ, arguments.kills, arguments.seed)))
                print(COLUMNS.format(*asdict(row).values()), flush=True)
                rows.append(row)
    good = all(row.good for row in rows)
    totals = {
        "kills": sum(row.kills for row in rows),
        "bought_twice": sum(row.bought_twice for row in rows),
        "results_equal": sum(row.results_equal for row in rows),
    }
    print(json.dumps({**totals, "good": good, "cases": [asdict(row) for row in rows]}))
    return 0 if good else 1


def survivals(case: Case, folder: Path, environ: dict[str, str], kills: int, seed: int) -> Iterator[Survival]:
    """Kill a run of the case this many times, each in a new home, and yield what that did."""
    study = case.study(folder / "study")
    reference = undisturbed(case, CommandLine(folder / "undisturbed", environ), study)
    for number in range(kills):
        moment = random.Random(f"{seed} {case} {number}")
        survival = disturbed(CommandLine(folder / f"kill-{number}", environ), study, reference, moment, kill)
        print(f"{case.optimizer} {case.threads}: kill {number + 1} of {kills}: {survival}", file=sys.stderr, flush=True)
        yield survival


@contextmanager
def server(folder: Path) -> Iterator[dict[str, str]]:
    """Start a Prefect server, and yield the variables with which a command finds it. Stop it at the end."""
    owner = CommandLine(folder / "server", new_database(folder / "server" / "prefect"))
    started = owner.run("server")
    assert started.exit_code == 0, started.stderr
    try:
        yield {"PREFECT_API_URL": started.stdout.strip(), "PREFECT_HOME": str(owner.home / "prefect")}
    finally:
        owner.run("server", "--stop")


if __name__ == "__main__":
    sys.exit(main())
