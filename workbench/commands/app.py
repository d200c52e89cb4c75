"""The command line: the list of its verbs, and how a command ends.

Each verb is a function in a file of its own. Its exit codes are 0 (done), 2 (the user's input has to change), 3 (the
outside world failed, and everything is kept) and 130 (interrupted, and the same command goes on).
"""

from __future__ import annotations

import importlib.metadata
import os
import sys

from cyclopts import App, CycloptsError

from workbench.commands.apply import apply
from workbench.commands.check import check
from workbench.commands.doctor import doctor
from workbench.commands.generate import generate
from workbench.commands.init import init
from workbench.commands.output import err
from workbench.commands.rehearsal import rehearsal
from workbench.commands.run import run
from workbench.commands.server import server
from workbench.commands.show import show
from workbench.errors import MissingKey, OutsideError, UserError, workbench_error_in
from workbench.evidence.report import printable
from workbench.system.interruption import EXIT_INTERRUPTED

app = App(
    name="workbench",
    suppress_keyboard_interrupt=False,
    version=lambda: importlib.metadata.version("workbench"),
    help="Finds the prompt that makes an Elixir AI pipeline write its best plan.",
)
app.command(run)
app.command(check)
app.command(doctor)
app.command(show)
app.command(generate)
app.command(apply)
app.command(init)
app.command(rehearsal)
app.command(server)


def main() -> None:
    """Run the command that the arguments name, and exit. An error of ours is a message, never a traceback."""
    try:
        code = app(exit_on_error=False, result_action="return_value")
    except CycloptsError:
        code = UserError.exit_code
    except KeyboardInterrupt:
        err.print("interrupted: what was paid for is kept, the same command goes on from here")
        code = EXIT_INTERRUPTED
    except BaseException as error:
        known = workbench_error_in(error)
        if known is None or isinstance(error, SystemExit):
            raise
        err.print(printable(str(known)), markup=False, highlight=False)
        if isinstance(known, OutsideError) and not isinstance(known, MissingKey):
            err.print("what was paid for is kept; the same command goes on from here")
        code = known.exit_code
    sys.stdout.flush()
    # Threads that wait for a provider must not keep an ended command from ending.
    os._exit(code) if code == EXIT_INTERRUPTED else sys.exit(code)
