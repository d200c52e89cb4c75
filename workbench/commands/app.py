"""Lists the verbs of the command line, and turns the end of a command into an exit code.

Each verb is a function in its own file. The exit codes are 0 (done), 2 (the user has to change the input), 3 (the
outside world failed, and all results are kept) and 130 (interrupted; the same command continues the run).
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import pkgutil
import sys

from cyclopts import App, CycloptsError

from workbench.commands.ending import KEPT_MESSAGE, can_continue, print_error
from workbench.commands.output import PipeConsole, err
from workbench.errors import OutsideError, ServerUnavailable, UserError, workbench_error_in
from workbench.system.interruption import EXIT_INTERRUPTED
from workbench.system.temporary import remove_abandoned

app = App(
    name="workbench",
    suppress_keyboard_interrupt=False,
    version=lambda: importlib.metadata.version("workbench"),
    help="Find the prompt that makes an Elixir AI pipeline write its best plan.",
    console=PipeConsole(),
    error_console=PipeConsole(stderr=True),
)
#: The verbs, in the order of the help text. The verb `x` is the function `x` of workbench/commands/x.py.
VERBS = (
    "run",
    "check",
    "doctor",
    "show",
    "report",
    "runs",
    "compare",
    "cache",
    "ledger",
    "generate",
    "apply",
    "champion",
    "init",
    "rubric",
    "calibrate",
    "rehearsal",
    "server",
    "webhook",
)

# A command imports only the module of its own verb, and so starts fast. The help text needs the modules of all verbs.
lists_verbs = not set(VERBS).intersection(sys.argv[1:])
for verb in VERBS:
    function = f"workbench.commands.{verb}:{verb}"
    app.command(pkgutil.resolve_name(function) if lists_verbs else function)


def main() -> None:
    """Run the command that the arguments name, and exit. Print a WorkbenchError as a message without a traceback."""
    remove_abandoned()
    _print_everything()
    at_once = False
    try:
        code = app(sys.argv[1:], exit_on_error=False, result_action="return_value")
    except CycloptsError:
        code = UserError.exit_code
    except KeyboardInterrupt:
        err.print(f"interrupted: {KEPT_MESSAGE}" if can_continue() else "interrupted")
        code, at_once = EXIT_INTERRUPTED, True
    except BaseException as error:
        workbench_error = workbench_error_in(error)
        if workbench_error is None and isinstance(error, OSError):
            workbench_error = _refused(error)
        if workbench_error is None or isinstance(error, SystemExit):
            raise
        code, at_once = print_error(workbench_error), isinstance(workbench_error, ServerUnavailable)
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more when it exits, and must not fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if code == 0 and not isinstance(error, BrokenPipeError):
            err.print(str(_refused(error)), markup=False, highlight=False)
            code = OutsideError.exit_code
    # After an interrupt, threads may still wait for a provider. Without its server, Prefect tries for minutes to send
    # its last events. os._exit waits for neither.
    os._exit(code) if at_once else sys.exit(code)


def _print_everything() -> None:
    """Let the standard streams write names that are not UTF-8. Python would fail at them in the middle of a message."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refused(error: OSError) -> OutsideError:
    """Return the error for a file, or the standard output, that the machine refused to read or write."""
    return OutsideError(
        f"{error.filename or 'the output'} cannot be read or written ({error.strerror}); expected an accessible place "
        "with free space; mend that, and run the same command again",
        kind="storage",
        lasting=True,
    )
