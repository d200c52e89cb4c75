"""`workbench generate`: write one more plan with the best prompt of a run."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.commands.output import OutputFile, err, is_standard_output, print_foreign, write_output
from workbench.errors import UserError
from workbench.evidence.costs import Costs
from workbench.evidence.report import cost_rows
from workbench.evidence.sentence import by_chance, rehearsal
from workbench.evidence.summary import summarize
from workbench.fields import is_text
from workbench.foreign_text import printable
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.system.home import home
from workbench.system.interruption import GracefulInterrupt


def generate(run: str = "latest", /, *, goal: str | None = None, output: OutputFile = None) -> int:
    """Write one more plan with the best prompt of a run. This is one new execution, which costs money again.

    Parameters
    ----------
    run
        The run's name, the beginning of its name, or `latest`, the newest run with a result.
    goal
        The goal in words, which may be new to the run. Default: the study's first goal.
    output
        A new file for the plan, beside standard output. With `-`, the plan goes to standard output alone.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.apply.generate import generate as generate_plan

    if goal is not None and not goal.strip():
        raise UserError(
            "--goal is empty; expected a goal in words: give one, or leave --goal out to use the study's first goal"
        )
    if goal is not None and not is_text(goal):
        raise UserError("--goal has bytes that are not UTF-8; expected a goal in words: write it as UTF-8")
    if output is not None and output.is_file() and not is_standard_output(output):
        raise UserError(f"{output} exists already: name a new file with --output")
    folder = RunFolder.find(home(), run)
    with GracefulInterrupt():
        generated = generate_plan(folder, goal, home=home(), environ=os.environ)
    summary = summarize(folder)
    if warning := by_chance(summary):
        err.print(f"note: {warning}", highlight=False)
    if summary.rehearsal:
        err.print(rehearsal(summary.rehearsal, summary.real_in_rehearsal), highlight=False)
    err.rule("the prompt for the pipeline")
    err.print(printable(generated.prompt), markup=False, highlight=False)
    err.rule("the plan" if generated.plan.ok else f"no valid plan: {generated.plan.problem}")
    deliver(generated.plan.text, output)
    for name, value in cost_rows(Costs.of(summary.record, journal.read(generated.folder))):
        err.print(f"{name}: {printable(value)}", markup=False, highlight=False)
    return 0


def deliver(plan: str, output: Path | None) -> None:
    """Print a plan, and write it to the output file. If that file is standard output, the plan goes there once."""
    if not is_standard_output(output):
        print_foreign(plan)
    if output is not None:
        write_output(output, plan.encode())
