"""Reads and writes the folder of a run, which holds all files about the run. No other module writes into it.

Each folder in `ROOTS` holds folders of this form. The folder of a calibration or a drawing has only the files that it
needs, and no trials.

run.json          the run's own facts (workbench.run.record has the type of each JSON file, unless this list names
                  another module)
study.yaml        the study file when the run began
pipeline.yaml     the pipeline file when the run began
rubric.yaml       the study's rubric when the run began, if its judge has one
candidates/       every prompt that was tried or refused, as NAME.md
leaks.jsonl       the candidates that were refused because they copy a gold plan
trials.jsonl      the score of each trial, one line per trial, in the order of the verdicts
answers.jsonl     the keys of all answers that the run needs, so that none of them is removed before its time
journal.jsonl     every call that was made (workbench.run.journal)
calibration.json  whether the judge can be trusted, if it was calibrated (workbench.run.calibration)
race.json         what each sentence of the prompts is worth, if the optimizer is a race (workbench.run.race_record)
found.json        the name of the search's best prompt
optimizer.log     the optimizer's own log
best_prompt.md    the winner
program.json      the winner as a DSPy program
working           locked by the process that works on the run
uncopied.TOKEN    the ledger that may lack lines of the run (workbench.ledger.marks)
failed.json       why the run stopped, unless it was interrupted
report.json       the result, as the command line's --json writes it (workbench.evidence.report_record)
promoted.json     the champion that the winner became, if it was promoted
applied.json      where the winner was written into the user's pipeline file, until it is taken back
                  (workbench.apply.record)
applied.before    the user's pipeline file before the winner was written; kept as long as applied.json
generated/NNN/    the prompt, the plan and the journal of a call of `workbench generate`
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import OutsideError, RunNotFound, UserError, workbench_error_in
from workbench.fields import NAME
from workbench.foreign_text import one_line
from workbench.nouns import Trial
from workbench.run.file_format import RUN_AGAIN, R, Record, parse
from workbench.run.record import FailureRecord, Phase, RunRecord, TrialRecord
from workbench.system.files import PRIVATE_FILE, append_line, write_atomically
from workbench.system.locks import is_in_use, shared_lock

#: The file that the process which works on a run keeps locked.
WORKING = "working"
#: The beginning of the names of files that say that a ledger may lack lines of the run.
UNCOPIED = "uncopied."
#: The folders of the runs that this process works on.
_worked_on_here: set[Path] = set()
#: The folders of all runs, of all calibrations of judges and of all drawings of rubrics, under WORKBENCH_HOME.
RUNS, CALIBRATED, DRAWN = "runs", "calibrated", "drawn"
ROOTS = (RUNS, CALIBRATED, DRAWN)
#: The file with the result of a run. Only a run that has ended with a result has it.
REPORT = "report.json"


@dataclass(frozen=True)
class RunFolder:
    """The existing folder of a run."""

    path: Path

    @classmethod
    def create(cls, home: Path, name: str) -> RunFolder:
        """Create the folder and return it. If it exists, return it: a retried flow continues in its folder.

        Raises:
            UserError: a person wrote this name into a parameter, and a folder of a run may not have it.
        """
        if not re.fullmatch(NAME, name):
            raise UserError(
                f'run: "{one_line(name, 100)}" is no name of a run; expected at most 80 of A-Z, a-z, 0-9, -, _ '
                "and ., with a letter or a digit first: choose another name, or leave it out"
            )
        return cls(home / RUNS / name).create_if_missing()

    def create_if_missing(self) -> RunFolder:
        """Create the folder if it is missing, and return it."""
        with _writing(self.path):
            (self.path / "candidates").mkdir(parents=True, exist_ok=True)
        return self

    @classmethod
    def find(cls, home: Path, name: str, study: str | None = None) -> RunFolder:
        """Return the run with this name, or the only run whose name begins with it.

        `latest` is the run with a result that began last. If no run has a result, it is the run that began last.

        Args:
            study: only the runs of the study with this name.

        Raises:
            RunNotFound: no run fits, or several runs fit. The message lists the runs that fit.
        """
        names = sorted(entry.name for entry in (home / "runs").glob("*/")) if (home / "runs").is_dir() else []
        if study is not None:
            names = [run for run in names if cls(home / "runs" / run)._study() == study]
        if not names:
            of_study = f" of {study}" if study else ""
            raise RunNotFound(f"there are no runs{of_study} under {home / 'runs'} yet: workbench run STUDY makes one")
        if name == "latest":
            folders = [cls(home / "runs" / run) for run in names]
            finished = [folder for folder in folders if _exists(folder.path / REPORT, if_unknown=False)]
            return max(finished or folders, key=lambda folder: (folder._started(), folder.name))
        matches = [name] if name in names else [run for run in names if run.startswith(name)]
        if not matches:
            listed = ", ".join(names[-8:])
            raise RunNotFound(f'"{name}" is no run; expected one of {listed}, the beginning of a name, or latest')
        if len(matches) > 1:
            listed = "\n".join(reversed(matches))
            raise RunNotFound(
                f'{len(matches)} runs begin with "{name}"; give more of a name, the newest first:\n{listed}'
            )
        return cls(home / "runs" / matches[0])

    @contextmanager
    def worked_on(self) -> Iterator[None]:
        """Mark the run as being worked on until the block ends.

        If the block fails, write the reason into the folder.
        """
        with ExitStack() as lock:
            with _writing(self.path):
                (self.path / FailureRecord.FILE).unlink(missing_ok=True)
                lock.enter_context(shared_lock(self.path / WORKING))
            _worked_on_here.add(self.path)
            lock.callback(_worked_on_here.discard, self.path)
            try:
                yield
            except Exception as error:
                # If the record cannot be written either, report the first failure.
                with suppress(OutsideError):
                    self.save(FailureRecord(why=str(workbench_error_in(error) or type(error).__name__)))
                raise

    @property
    def worked_on_here(self) -> bool:
        """Return True if this process works on the run. A worker of a cluster only answers some of its asks."""
        return self.path in _worked_on_here

    @property
    def stopped(self) -> str | None:
        """Return None while a process works on the run; else why it failed, or an empty text if it was interrupted."""
        if is_in_use(self.path / WORKING):
            return None
        return self.load(FailureRecord).why if self.has(FailureRecord) else ""

    def _started(self) -> float:
        """Return the Unix time at which the run began, or 0 if the folder cannot be read.

        The names of older runs hold local time, so the time is not read from the name.
        """
        try:
            return self.load(RunRecord).started
        except UserError:
            return 0.0

    def _study(self) -> str | None:
        """Return the name of the run's study, or None if the folder cannot be read."""
        try:
            return self.load(RunRecord).study
        except UserError:
            return None

    @property
    def name(self) -> str:
        return self.path.name

    def write(self, name: str, text: str) -> Path:
        """Write a file completely or not at all, and return its path. Only its owner can read it."""
        with _writing(self.path / name):
            return write_atomically(self.path / name, text.encode(), PRIVATE_FILE)

    def keep_copy(self, file: Path, name: str) -> Path:
        """Copy a user's file into the folder completely or not at all, and return the copy. Only its owner can read it.

        Raises:
            OSError: the user's file cannot be read.
            OutsideError: the copy cannot be written.
        """
        content = file.read_bytes()
        with _writing(self.path / name):
            return write_atomically(self.path / name, content, PRIVATE_FILE)

    def create_generated(self) -> tuple[int, Path]:
        """Create the folder of one more plan that `workbench generate` makes. Return its number and the folder."""
        number = 1
        while True:
            folder = self.path / "generated" / f"{number:03d}"
            with _writing(folder):
                folder.parent.mkdir(exist_ok=True)
                try:
                    folder.mkdir()
                except FileExistsError:
                    number += 1
                else:
                    return number, folder

    def has(self, kind: type[Record]) -> bool:
        """Return True if the folder has the file of this type.

        Also return True if nobody may look into the folder. Then reading the file raises an error with the reason, and
        the run is not taken for one that has not begun.
        """
        return _exists(self.path / kind.FILE, if_unknown=True)

    def save(self, record: Record) -> Path:
        """Write the file of a record, and return its path."""
        return self.write(record.FILE, json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n")

    def append(self, record: Record) -> None:
        """Add a line to the file that holds one line for every record of this type."""
        file = self.path / record.FILE
        with _writing(file):
            append_line(file, json.dumps(record.to_json(), ensure_ascii=False))

    def check_appendable(self, kind: type[Record]) -> None:
        """Check that a line can be added to the file of this type, before the line's content is paid for.

        Raises:
            OutsideError: the file cannot be written.
        """
        with _writing(self.path / kind.FILE), (self.path / kind.FILE).open("ab"):
            pass

    def add_trial(self, phase: Phase, trial: Trial) -> None:
        """Add a trial to the file of trials."""
        self.append(TrialRecord.of(phase, trial))

    def load(self, kind: type[R]) -> R:
        """Return the record in the file of this type.

        Raises:
            RunNotFound: the file is missing or damaged.
            RunTooNew: a newer Workbench wrote the file.
        """
        return parse(kind, self.read(kind.FILE), str(self.path / kind.FILE))

    def lines(self, kind: type[R], *, after: int = 0) -> list[R]:
        """Return all records of a file of lines, in the order in which they were written.

        A missing file has no records. A last line without an end is left out: a crash cut it off, or a process is
        writing it.

        Args:
            after: how many records at the beginning are left out.

        Raises:
            RunNotFound: a line is damaged.
            RunTooNew: a newer Workbench wrote a line.
        """
        if not self.has(kind):
            return []
        # Only "\n" ends a line: `splitlines` would also split inside texts, at U+2028 and U+0085 for instance.
        *lines, _ = self._bytes(kind.FILE).split(b"\n")
        file, records = self.path / kind.FILE, []
        for number, line in enumerate(lines[after:], start=after + 1):
            place = f"{file}:{number}"
            records.append(parse(kind, _text(line, place), place))
        return records

    def read(self, name: str) -> str:
        """Return the text of a file in the folder.

        Raises:
            RunNotFound: the file is missing, or is not UTF-8.
        """
        return _text(self._bytes(name), str(self.path / name))

    def prompt(self, candidate: str) -> str:
        """Return a candidate's prompt, or an empty text if the run has not stored it.

        Raises:
            RunNotFound: the file is damaged.
        """
        name = f"candidates/{candidate}.md"
        return self.read(name) if (self.path / name).exists() else ""

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise RunNotFound(f"{self.path / name} cannot be read ({error.strerror}): {RUN_AGAIN}") from error


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Turn an OSError into an OutsideError. The machine failed, and a person can mend that."""
    try:
        yield
    except OSError as error:
        raise OutsideError(
            f"{file} cannot be written ({error.strerror or type(error).__name__}); expected a writable folder with "
            "free space; mend that, and run the same command again",
            kind="storage",
            lasting=True,
        ) from error


def _exists(file: Path, *, if_unknown: bool) -> bool:
    """Return True if a file exists, and `if_unknown` if this user may not look into its folder."""
    try:
        # From Python 3.14 on, `exists` would return False for a folder that may not be opened.
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return if_unknown
    return True


def _text(content: bytes, place: str) -> str:
    """Return the text of a file or a line. `place` names it in the error message.

    Raises:
        RunNotFound: the content is not UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise RunNotFound(
            f"{place} is not UTF-8 (byte {error.start}): convert what it was copied from, and {RUN_AGAIN}"
        ) from error
