"""Lists the verbs of the command line, and turns the end of a command into an exit code.

Each verb is a function in its own file. The exit codes are 0 (done), 2 (the user has to change the input), 3 (the
outside world failed, and all results are kept) and 130 (interrupted; the same command continues the run).
"""

from __future__ import annotations

import importlib.metadata
import os
import sys

from cyclopts import App, CycloptsError

from workbench.commands.apply import apply
from workbench.commands.cache import cache
from workbench.commands.champion import champion
from workbench.commands.check import check
from workbench.commands.compare import compare
from workbench.commands.doctor import doctor
from workbench.commands.generate import generate
from workbench.commands.init import init
from workbench.commands.output import err
from workbench.commands.rehearsal import rehearsal
from workbench.commands.run import run
from workbench.commands.runs import runs
from workbench.commands.server import server
from workbench.commands.show import show
from workbench.commands.webhook import webhook
from workbench.errors import MissingKey, OutsideError, ServerUnavailable, UserError, workbench_error_in
from workbench.evidence.report import printable
from workbench.system.interruption import EXIT_INTERRUPTED
from workbench.system.temporary import remove_abandoned

app = App(
    name="workbench",
    suppress_keyboard_interrupt=False,
    version=lambda: importlib.metadata.version("workbench"),
    help="Find the prompt that makes an Elixir AI pipeline write its best plan.",
)
app.command(run)
app.command(check)
app.command(doctor)
app.command(show)
app.command(runs)
app.command(compare)
app.command(cache)
app.command(generate)
app.command(apply)
app.command(champion)
app.command(init)
app.command(rehearsal)
app.command(server)
app.command(webhook)


def main() -> None:
    """Run the command that the arguments name, and exit. Print a WorkbenchError as a message without a traceback."""
    remove_abandoned()
    at_once = False
    try:
        code = app(exit_on_error=False, result_action="return_value")
    except CycloptsError:
        code = UserError.exit_code
    except KeyboardInterrupt:
        err.print("interrupted: all paid results are kept, and the same command goes on from here")
        code, at_once = EXIT_INTERRUPTED, True
    except BaseException as error:
        workbench_error = workbench_error_in(error)
        if workbench_error is None and isinstance(error, OSError):
            workbench_error = _refused(error)
        if workbench_error is None or isinstance(error, SystemExit):
            raise
        err.print(printable(str(workbench_error)), markup=False, highlight=False)
        if isinstance(workbench_error, OutsideError) and not isinstance(workbench_error, MissingKey):
            err.print("all paid results are kept, and the same command goes on from here")
        code, at_once = workbench_error.exit_code, isinstance(workbench_error, ServerUnavailable)
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more when it exits, and must not fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if code == 0:
            err.print(str(_refused(error)), markup=False, highlight=False)
            code = OutsideError.exit_code
    # After an interrupt, threads may still wait for a provider. Without its server, Prefect tries for minutes to send
    # its last events. os._exit waits for neither.
    os._exit(code) if at_once else sys.exit(code)


def _refused(error: OSError) -> OutsideError:
    """Return the error for a file, or the standard output, that the machine refused to read or write."""
    return OutsideError(
        f"{error.filename or 'the output'} cannot be read or written ({error.strerror}); expected an accessible place "
        "with free space; mend that, and run the same command again",
        kind="storage",
        lasting=True,
    )
