"""Defines the exceptions that Workbench raises on purpose.

WorkbenchError                 says what happened, why, and what to do; the command line prints it without a traceback
├── UserError                  exit 2: the user has to change the study, an option or a file
│   ├── StudyError             holds all problems of a study file, each with its line
│   ├── PipelineRejected       the runtime refused the pipeline file or its inputs
│   ├── PipelineUnreadable     Workbench cannot read a pipeline file as its runtime does; the error has the line
│   ├── NotApplied             the prompt cannot be put into the user's pipeline file or taken out again
│   ├── NotPromoted            the prompt of a run cannot become the champion, or not without --force
│   ├── ChampionNotFound       the study has no champion of this number, or no run here found its champion
│   ├── ChampionUnreadable     a champion's file is damaged
│   ├── ModelNotFound          a provider does not know a model that the study names
│   ├── LedgerRefused          WORKBENCH_LEDGER_URL names no database that can hold the ledger
│   ├── RunNotFound            no run folder has this name, or a run folder is incomplete
│   └── RunTooNew              a newer Workbench wrote a file of the run's folder
└── OutsideError               exit 3: the outside world failed; all results are kept, the same command continues
    ├── MissingKey             a provider's key is not in the environment
    ├── ExecutionFailed        the pipeline wrote no plan, and the prompt is not to blame
    ├── ProposalFailed         the proposer gave no answer
    ├── NotJudged              the judge gave no valid verdict, which is never the same as a zero
    ├── RepositoryFailed       a git repository with a URL cannot be reached
    ├── LedgerFailed           the ledger's database cannot be reached, read or written
    ├── BudgetUsedUp           the run's budget in dollars does not allow another call
    ├── OutputFailed           an output file that the user named cannot be written
    └── ServerUnavailable      the Prefect server does not answer
Interrupted                    somebody interrupted the run; this is no failure, and nothing is retried
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class WorkbenchError(Exception):
    """An error whose message is written for a person. The command line exits with `exit_code`."""

    exit_code = 1


class Interrupted(Exception):
    """Somebody interrupted the run. This is no failure, and nothing is retried."""


class UserError(WorkbenchError):
    """An error that the user can fix by changing the study, an option or a file."""

    exit_code = 2


class OutsideError(WorkbenchError):
    """A failure of the outside world: a provider, a program, a server or the machine.

    Attributes:
        kind: the word under which the journal and the report count this failure.
        lasting: True if a retry cannot help, as for a missing key or a refused login. Such a failure is not retried.
        wait_seconds: the seconds that the provider told us to wait before the next try. 0 if it told nothing.
    """

    exit_code = 3

    def __init__(self, message: str, *, kind: str, lasting: bool = False, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.lasting = lasting
        self.wait_seconds = wait_seconds

    def __reduce__(self) -> tuple[object, ...]:
        # Task results cross process boundaries pickled. The __reduce__ of Exception drops keyword arguments.
        return (_rebuild, (type(self), self.message, self.kind, self.lasting, self.wait_seconds))


def _rebuild(
    cls: type[OutsideError], message: str, kind: str, lasting: bool, wait_seconds: float = 0.0
) -> OutsideError:
    return cls(message, kind=kind, lasting=lasting, wait_seconds=wait_seconds)


@dataclass(frozen=True)
class Problem:
    """One mistake in a file. `line` counts from 1. It is None if the mistake concerns the whole file."""

    file: Path
    line: int | None
    message: str

    def __str__(self) -> str:
        where = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.message}"


class StudyError(UserError):
    """The study file cannot be used. `problems` holds all mistakes, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.problems,))


class PipelineRejected(UserError):
    """The runtime refused the pipeline file or an input before it called any model."""


class PipelineUnreadable(UserError):
    """Workbench cannot read a pipeline file, or cannot be sure that the runtime reads it in the same way.

    `line` counts from 1. It is None if no line is known.
    """

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message, line)
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"

    def problem(self, file: Path) -> Problem:
        """Return this error as a mistake in `file`."""
        return Problem(file, self.line, self.message)


class NotApplied(UserError):
    """The prompt cannot be put into the user's pipeline file, or cannot be taken out again.

    Nothing that belongs to the user is lost.
    """


class NotPromoted(UserError):
    """The prompt of a run cannot become the champion, or not without --force. Nothing was changed."""


class ChampionNotFound(UserError):
    """The study has no champion of this number, or this machine has no run that found the champion's prompt."""


class ChampionUnreadable(UserError):
    """A champion's file cannot be read, or does not fit its format."""


class ModelNotFound(UserError):
    """A provider does not know a model that the study names. The message suggests models that the provider has."""


class LedgerRefused(UserError):
    """WORKBENCH_LEDGER_URL names no database that can hold the ledger. The message contains no password."""


class RunNotFound(UserError):
    """WORKBENCH_HOME/runs has no run folder of this name, or the run folder lacks files that a finished run leaves."""


class RunTooNew(UserError):
    """A newer Workbench wrote a file of the run's folder, in a format that this one does not know."""


class MissingKey(OutsideError):
    """A provider's key is not in the environment."""


class ExecutionFailed(OutsideError):
    """The pipeline wrote no plan, and the prompt is not to blame."""


class BudgetUsedUp(OutsideError):
    """What is left of the run's budget in dollars is less than another call can cost."""


class ProposalFailed(OutsideError):
    """The proposer gave no answer."""


class NotJudged(OutsideError):
    """The judge gave no valid verdict. This is never the same as a score of zero."""


class RepositoryFailed(OutsideError):
    """A git repository with a URL cannot be reached."""


class LedgerFailed(OutsideError):
    """The ledger's database cannot be reached, read or written. No run needs it. The message contains no password."""


class OutputFailed(OutsideError):
    """An output file that the user named cannot be written."""


class ServerUnavailable(OutsideError):
    """The Prefect server does not answer."""


def workbench_error_in(error: BaseException) -> WorkbenchError | None:
    """Return the first WorkbenchError in the chain of causes of `error`, or None.

    Prefect and DSPy wrap the errors of our code in errors of their own.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, WorkbenchError):
            return link
        link = link.__cause__ or link.__context__
    return None
