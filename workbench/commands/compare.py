"""`workbench compare`: compare the best prompts of two runs."""

from __future__ import annotations

from typing import Any

from workbench.commands.output import JsonFile, console_beside, print_columns, print_foreign, write_json
from workbench.evidence.runs_compared import compare_runs
from workbench.evidence.summary import summarize
from workbench.evidence.words import money
from workbench.foreign_text import printable
from workbench.run.folder import RunFolder
from workbench.system.home import home

#: The rows of the table: the name, and the key of the JSON.
ROWS = (
    ("study", "study"),
    ("state", "status"),
    ("best prompt", "candidate"),
    ("score", "score"),
    ("interval", "interval"),
    ("baseline score", "baseline"),
    ("executions", "executions"),
    ("seconds", "seconds"),
    ("cost", "cost"),
    ("commit", "commit"),
)


def compare(run_a: str, run_b: str, /, *, json_file: JsonFile = None) -> int:
    """Compare the best prompts of two runs: their scores with intervals, what the runs cost, and the texts.

    Parameters
    ----------
    run_a
        The run's name, the beginning of its name, or `latest`.
    run_b
        The other run, named in the same way.
    json_file
        A file for the comparison as JSON.
    """
    compared = compare_runs(*(summarize(RunFolder.find(home(), name)) for name in (run_a, run_b)))
    values = compared.to_json()
    sides = [_table_values(values["a"]), _table_values(values["b"])]
    console = console_beside(json_file)
    header = ("", *(printable(side["run"]) for side in sides))
    print_columns(console, header, [[name, *(side[key] for side in sides)] for name, key in ROWS])
    console.print(_difference(values["difference"]), highlight=False)
    print_foreign(compared.diff or "both runs have the same best prompt", json_file)
    if json_file is not None:
        write_json(json_file, values)
    return 0


def _table_values(side: dict[str, Any]) -> dict[str, Any]:
    """Return a side as the table shows it: with its interval as one value, and a mark on a rehearsal."""
    interval = None if side["score"] is None else f"{side['low']:.2f} to {side['high']:.2f} ({side['level']:.0%})"
    commit = side["commit"] and side["commit"][:12]
    return {
        **side,
        "commit": commit,
        "interval": interval,
        **{key: None if side[key] is None else f"{side[key]:.2f}" for key in ("score", "baseline")},
        "cost": None if side["cost"] is None else money(side["cost"]),
        "status": f"{side['status']}{', rehearsal' if side['rehearsal'] else ''}",
    }


def _difference(difference: dict[str, Any] | None) -> str:
    """Return the difference between the two scores as a sentence."""
    if difference is None:
        return "The scores cannot be compared: a run has no confirmed scores, or the goals differ."
    return (
        f"The score of the second run differs by {difference['mean']:+.2f} ({difference['level']:.0%} "
        f"{difference['low']:.2f} to {difference['high']:.2f}): {difference['decision']}."
    )
