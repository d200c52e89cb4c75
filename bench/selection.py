"""Compares the race with other search rules in simulated worlds, where the quality of each prompt is known.

    python bench/selection.py [--seeds 100] [--dspy-seeds 30] [--set sealed] [--workers 2]
                              [--rules race] [--worlds main] [--budgets 60 150]
                              [--file selection.jsonl --resume] [--plot selection.svg] [--smallest]

Each game is one rule in one world with one seed. The tuning seeds are for improving a rule. The sealed seeds are for
the table in docs/race.md. `--file` keeps each game as a line of JSON, and `--resume` plays only the games that the file
does not have. Prints Markdown tables on stderr, and one line of JSON on stdout. `ratio` is the mean quality of the
race's prompts divided by that of hill climbing, over the sizes of the main world that both played. The exit code is 1
if the numbers are implausible.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

# The matrices are small, so one thread is faster than several.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from bench.outcome import conclude
from bench.selection_plot import plot
from bench.selection_rules import DSPY_RULES, RULES, run_rule
from bench.selection_worlds import WORLDS, Play

#: The sets of seeds.
SETS = {"tuning": 1, "sealed": 2}


@dataclass(frozen=True)
class Game:
    """One rule in one world with one seed."""

    world: str
    sigma: float
    budget: int
    rule: str
    seeds: str
    seed: int


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100, help="seeds for each cell of the table")
    parser.add_argument("--dspy-seeds", type=int, default=30, help="seeds for each cell of DSPy's optimizers")
    parser.add_argument("--set", choices=SETS, default="sealed", help="which seeds")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--rules", nargs="+", choices=[*RULES, *DSPY_RULES], default=[*RULES, *DSPY_RULES])
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=[*WORLDS])
    parser.add_argument("--budgets", type=int, nargs="+", default=[60, 150, 400], help="executions, in the main world")
    parser.add_argument("--file", type=Path, help="where the games are kept")
    parser.add_argument("--resume", action="store_true", help="go on with the games of the file")
    parser.add_argument("--plot", type=Path, help="where the drawing is written")
    parser.add_argument("--smallest", action="store_true", help="as few games as still measure it")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    if options.smallest:
        games = [Game("main", 0.03, 60, rule, "tuning", seed) for rule in RULES for seed in range(2)]
        games += [Game(world, 0.10, 20, "race", "tuning", 0) for world in WORLDS]
        games.append(Game("main", 0.10, 20, "dspy.GEPA", "tuning", 0))
    else:
        games = list(planned_games(options))
    stored_results = read(options.file) if options.file and options.resume else {}
    missing = [game for game in games if game not in stored_results]
    if options.file and not options.resume:
        options.file.write_text("")
    results = {game: stored_results[game] for game in games if game in stored_results}
    for game, result in play_all(missing, 1 if options.smallest else options.workers):
        results[game] = result
        if options.file:
            with options.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**asdict(game), **result}) + "\n")
    print(tables(cells(results)), file=sys.stderr)
    if options.plot:
        options.plot.write_text(plot(cells(results)), encoding="utf-8")
    ratio = race_to_hill_climbing(cells(results))
    return conclude(
        {"games": len(results), "ratio": None if ratio is None else round(ratio, 2)},
        {
            "no prompt is better than the best possible": all(
                result["quality"] <= result["best"] + 1e-9 for result in results.values()
            ),
            "the race is better than hill climbing": ratio is None or ratio > 1,
        },
    )


def planned_games(options: argparse.Namespace) -> Iterator[Game]:
    """Yield the games of the table: the main world in several sizes, and every other world in one."""
    for world in options.worlds:
        main_world = world == "main"
        for sigma in (0.03, 0.10, 0.25) if main_world else (0.10,):
            for budget in options.budgets if main_world else (150,):
                for rule in options.rules:
                    dspy = rule in DSPY_RULES
                    # DSPy's optimizers take long, so they play only some sizes of the main world.
                    if dspy and (not main_world or sigma == 0.03 or budget == 400):
                        continue
                    for seed in range(options.dspy_seeds if dspy else options.seeds):
                        yield Game(world, sigma, budget, rule, options.set, seed)


def play_all(games: list[Game], workers: int) -> Iterator[tuple[Game, dict[str, float]]]:
    """Play games, each in one of the worker processes, and yield them as they end."""
    if workers == 1:
        yield from ((game, play(game)) for game in games)
        return
    with ProcessPoolExecutor(workers) as pool:
        pending = {pool.submit(play, game): game for game in games}
        for done in as_completed(pending):
            yield pending[done], done.result()


def play(game: Game) -> dict[str, float]:
    """Return the true quality of the rule's prompt, the score that the rule reports, and the best possible quality."""
    key = (SETS[game.seeds], game.seed)
    world = Play(replace(WORLDS[game.world], sigma=game.sigma), key)
    best, reported = run_rule(game.rule, world, game.budget, np.random.default_rng([*key, 9]))
    return {"quality": world.quality(best), "reported": reported, "best": world.best_quality()}


def read(file: Path) -> dict[Game, dict[str, float]]:
    """Return the games of a file. Its last line may be cut off, if a run was interrupted."""
    games = {}
    lines = file.read_text(encoding="utf-8").split("\n") if file.exists() else []
    for line in lines[:-1]:
        entry = json.loads(line)
        result = {name: entry.pop(name) for name in ("quality", "reported", "best")}
        games[Game(**entry)] = result
    if lines and lines[-1]:
        file.write_text("".join(f"{line}\n" for line in lines[:-1]), encoding="utf-8")
    return games


@dataclass(frozen=True)
class Cell:
    """The games of one rule in one world.

    `overestimate` is the mean of reported minus true quality, and `error` is the mean of its absolute value.
    """

    world: str
    sigma: float
    budget: int
    rule: str
    games: int
    quality: float
    standard_error: float
    overestimate: float
    error: float
    best: float


def cells(results: dict[Game, dict[str, float]]) -> list[Cell]:
    """Return the cells in the order of the games."""
    groups: dict[tuple[str, float, int, str], list[dict[str, float]]] = {}
    for game, result in sorted(results.items(), key=lambda item: sort_key(item[0])):
        groups.setdefault((game.world, game.sigma, game.budget, game.rule), []).append(result)
    table = []
    for name, group in groups.items():
        qualities = [result["quality"] for result in group]
        errors = [result["reported"] - result["quality"] for result in group]
        table.append(
            Cell(
                *name,
                games=len(group),
                quality=fmean(qualities),
                standard_error=stdev(qualities) / len(group) ** 0.5 if len(group) > 1 else 0.0,
                overestimate=fmean(errors),
                error=fmean(map(abs, errors)),
                best=fmean(result["best"] for result in group),
            )
        )
    return table


def sort_key(game: Game) -> tuple[int, float, int, int, int]:
    rules, worlds = [*RULES, *DSPY_RULES], [*WORLDS]
    return worlds.index(game.world), game.sigma, game.budget, rules.index(game.rule), game.seed


def tables(table: list[Cell]) -> str:
    """Return Markdown tables: true qualities and errors of reported scores, for the main world and for the others."""
    main = [cell for cell in table if cell.world == "main"]
    others = [cell for cell in table if cell.world != "main"]
    sections = []
    for title, text in (("True quality", _quality), ("Reported minus true quality", _error)):
        for part in (main, others):
            rows: dict[str, dict[str, str]] = {}
            for cell in part:
                row = f"σ {cell.sigma:.2f}, {cell.budget}" if part is main else cell.world
                rows.setdefault(row, {"best possible": f"{cell.best:.2f}"})[cell.rule] = text(cell)
            if rows:
                sections.append(f"{title}\n\n{_markdown(rows)}")
    return "\n\n".join(sections)


def _quality(cell: Cell) -> str:
    return f"{cell.quality:.3f} ± {cell.standard_error:.3f}"


def _error(cell: Cell) -> str:
    return f"{cell.overestimate:+.3f} ({cell.error:.3f})"


def _markdown(rows: dict[str, dict[str, str]]) -> str:
    """Return a Markdown table. `rows` has the text of each column, by row."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(row.get(column, "–") for column in columns)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def race_to_hill_climbing(table: list[Cell]) -> float | None:
    """Return the ratio of the two rules' qualities in the main world, or None if they played in no common size."""
    rows = {(cell.rule, cell.sigma, cell.budget): cell.quality for cell in table if cell.world == "main"}
    sizes = [
        (sigma, budget) for rule, sigma, budget in rows if rule == "race" and ("hill climbing", sigma, budget) in rows
    ]
    if not sizes:
        return None
    race, hill = (fmean(rows[rule, sigma, budget] for sigma, budget in sizes) for rule in ("race", "hill climbing"))
    return race / hill


if __name__ == "__main__":
    sys.exit(main())
