"""`workbench generate`: run the winning program of a run once more."""

from __future__ import annotations

import os

from workbench.commands.output import OutputFile, err, print_foreign
from workbench.errors import UserError
from workbench.evidence.report import by_chance, printable
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder
from workbench.system.files import write_atomically
from workbench.system.home import home
from workbench.system.interruption import GracefulInterrupt


def generate(run: str = "latest", /, *, goal: str | None = None, output: OutputFile = None) -> int:
    """Run the winning program of a run once more: one execution, paid for anew.

    Parameters
    ----------
    run
        The run's name, the beginning of it, or `latest`.
    goal
        Another goal than the study's first; the winner need not have seen it.
    output
        Write the plan there; it must not exist yet.
    """
    # Imported here, as no other command needs it.
    from workbench.apply import generate as winner

    if goal is not None and not goal.strip():
        raise UserError("--goal is empty: say what a plan is wanted for, or leave it out for the study's own goal")
    if output is not None and output.exists():
        raise UserError(f"{output} exists already: name a new file with --output")
    folder = RunFolder.find(home(), run)
    with GracefulInterrupt():
        generated = winner.generate(folder, goal, home=home(), environ=os.environ)
    if warning := by_chance(summarize(folder)):
        err.print(f"note: {warning}", highlight=False)
    if generated.rehearsal:
        err.print(f"[bold]rehearsal[/bold] ({generated.rehearsal}): a scripted provider wrote this plan")
    err.rule("the prompt that the pipeline got")
    err.print(printable(generated.prompt), markup=False, highlight=False)
    err.rule("the plan" if generated.plan.ok else f"no valid plan: {generated.plan.problem}")
    print_foreign(generated.plan.text)
    if output is not None:
        write_atomically(output.absolute(), generated.plan.text.encode())
    return 0
