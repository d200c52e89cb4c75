"""Everything that Workbench raises on purpose.

WorkbenchError                 what happened, why, and what to do: the command line prints it, never a traceback
├── UserError                  exit 2: the study, an option or a file has to change
│   ├── StudyError             every problem of a study file at once, each with its line
│   ├── PipelineRejected       the runtime refused the pipeline file or its inputs
│   ├── PipelineUnreadable     a pipeline file that cannot be read as its runtime reads it, with the line
│   ├── NotApplied             the prompt cannot be put into the user's pipeline file, or not be taken back
│   └── RunNotFound            no run folder of that name
└── OutsideError               exit 3: the outside world; everything is kept, the same command goes on
    ├── MissingKey             a provider's key is not in the environment
    ├── ExecutionFailed        the pipeline did not write a plan, and the prompt is not to blame
    ├── ProposalFailed         the proposer gave no answer
    ├── NotJudged              the judge gave no verdict: never the same as a zero
    └── ServerUnavailable      the Prefect server does not answer
Interrupted                          somebody interrupted the run: no failure, and nothing to retry
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class WorkbenchError(Exception):
    """A message for a person; `exit_code` is what the command line ends with."""

    exit_code = 1


class Interrupted(Exception):
    """The run that wanted this process was interrupted. Nothing to retry."""


class UserError(WorkbenchError):
    """The user can mend it by changing what they gave us."""

    exit_code = 2


class OutsideError(WorkbenchError):
    """The outside world failed. `kind` is the word that failures are counted under.

    `lasting` says that trying again cannot help (a missing key, a refused login), so that no retry is spent on it.
    """

    exit_code = 3

    def __init__(self, message: str, *, kind: str, lasting: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.lasting = lasting

    def __reduce__(self) -> tuple[object, ...]:
        # Task results cross process boundaries pickled, and Exception's own reduction drops keyword arguments.
        return (_rebuild, (type(self), self.message, self.kind, self.lasting))


def _rebuild(cls: type[OutsideError], message: str, kind: str, lasting: bool) -> OutsideError:
    return cls(message, kind=kind, lasting=lasting)


@dataclass(frozen=True)
class Problem:
    """One mistake in a file: `line` counts from 1, None where the file as a whole is meant."""

    file: Path
    line: int | None
    message: str

    def __str__(self) -> str:
        where = str(self.file) if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.message}"


class StudyError(UserError):
    """A study file that cannot be used; `problems` has all of them, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class PipelineRejected(UserError):
    """The runtime refused the pipeline file or an input, before it called any model."""


class PipelineUnreadable(UserError):
    """A pipeline file that Workbench cannot read, or not surely as the runtime reads it; `line` counts from 1."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message, line)
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"

    def problem(self, file: Path) -> Problem:
        """Return the same as a mistake in this file."""
        return Problem(file, self.line, self.message)


class NotApplied(UserError):
    """The prompt cannot be put into the user's pipeline file, or not be taken back; nothing of theirs is lost."""


class RunNotFound(UserError):
    """No run folder of that name under WORKBENCH_HOME/runs, or one that lacks what a run leaves."""


class MissingKey(OutsideError):
    """A provider's key is not in the environment."""


class ExecutionFailed(OutsideError):
    """The pipeline did not write a plan, and the prompt is not to blame."""


class ProposalFailed(OutsideError):
    """The proposer gave no answer."""


class NotJudged(OutsideError):
    """The judge gave no valid verdict. Never the same as a zero."""


class ServerUnavailable(OutsideError):
    """The Prefect server does not answer."""


def workbench_error_in(error: BaseException) -> WorkbenchError | None:
    """The error of ours at the bottom of what a flow raised, if there is one."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, WorkbenchError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
