"""Shows the progress of a run: a progress bar on a terminal, otherwise one line for each trial."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from workbench.evidence.summary import Summary, summarize
from workbench.evidence.words import money, plural
from workbench.foreign_text import one_line, printable
from workbench.nouns import FIRST_CONFIRM_REPLICATE, Study
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord

#: How many characters of the judge's reason are shown after a score of 0.
REASON_CHARACTERS = 200
#: Seconds between two looks into the run's folder.
INTERVAL_SECONDS = 0.5


@contextmanager
def watching(home: Path, run: str, study: Study, console: Console) -> Iterator[None]:
    """Show the progress of a run until the block ends, by reading the run's folder, which other threads write."""
    view = _Bar(study, console) if console.is_terminal else _Lines(study, console)
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(INTERVAL_SECONDS):
            _update(home, run, view)

    thread = threading.Thread(target=follow, name="workbench-terminal", daemon=True)
    with view:
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            _update(home, run, view)


def _update(home: Path, run: str, view: _Bar | _Lines) -> None:
    """Show the current state of the run, if its folder exists already."""
    folder = RunFolder(home / "runs" / run)
    if folder.has(RunRecord):
        view.show(summarize(folder))


def most_executions(study: Study) -> int:
    """Return the number of executions if the search uses its whole budget and two candidates are confirmed."""
    # Imported here, because the estimate imports all runtimes, and `workbench show` needs none of them.
    from workbench.study.estimate import confirming

    return study.budget + confirming(study)


class _Failures:
    """Prints the message of the first failed call of each kind, as soon as the run's folder has it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kinds: set[str] = set()

    def show(self, summary: Summary) -> None:
        for kind in summary.failures:
            if kind not in self._kinds and (message := summary.first_failures.get(kind)):
                self._console.print(f"a call failed: {printable(message)}", highlight=False, markup=False)
        self._kinds.update(summary.failures)


class _Bar:
    """The progress bar of a terminal. The first failure of each kind gets a line above it."""

    def __init__(self, study: Study, console: Console) -> None:
        self._total = most_executions(study)
        self._confirming = self._total - study.budget
        self._start = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._failures = _Failures(self._progress.console)
        self._task: TaskID = self._progress.add_task(f"{study.name}: starting", total=self._total, counts="")

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, summary: Summary) -> None:
        self._failures.show(summary)
        done = summary.executions + summary.cache_hits
        total = self._total if summary.result is None else max(done, summary.result.spent + self._confirming)
        self._progress.update(
            self._task,
            completed=done,
            total=total,
            description=f"{summary.study}: {summary.status}",
            counts=f"{counts(summary)} · {self._left(done, total)}",
        )

    def _left(self, done: int, total: int) -> str:
        """Return the estimated remaining time."""
        if not done or done >= total:
            return "…"
        seconds = (time.monotonic() - self._start) / done * (total - done)
        return f"about {seconds // 60:.0f}:{seconds % 60:02.0f} left"


class _Lines:
    """The lines for a file or a program: one for each new trial, and one for each new number of failed calls.

    The first failure of each kind gets a line with its message, too.
    """

    def __init__(self, study: Study, console: Console) -> None:
        self._console = console
        self._printed_trials = 0
        self._failures = _Failures(console)
        self._counts: dict[str, int] = {}
        self._study = study

    def __enter__(self) -> None:
        self._console.print(
            f"{self._study.name}: {self._study.optimizer}, at most {plural(most_executions(self._study), 'execution')}",
            highlight=False,
        )

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, summary: Summary) -> None:
        for trial in summary.trials[self._printed_trials :]:
            # The replicates of a confirmation are numbered from FIRST_CONFIRM_REPLICATE. A person sees 0, 1, 2.
            number = trial.replicate % FIRST_CONFIRM_REPLICATE
            reason = f" ({one_line(trial.reason, REASON_CHARACTERS)})" if trial.score == 0 else ""
            self._console.print(
                f"{trial.phase:7} {trial.candidate} · {trial.goal} · {number}: {trial.score:.1f}{reason}"
                f"{spent(summary)}",
                highlight=False,
                markup=False,
            )
        self._printed_trials = max(self._printed_trials, len(summary.trials))
        failures = {kind: count for kind, count in summary.failures.items() if kind != "interrupted"}
        if failures != self._counts:
            self._failures.show(summary)
            self._counts = failures
            failed_calls = ", ".join(f"{printable(kind)}: {count}" for kind, count in sorted(failures.items()))
            self._console.print(f"failed calls so far: {failed_calls}", highlight=False, markup=False)


def table(title: str, rows: list[tuple[str, str]], console: Console) -> None:
    """Print two columns. Long values are not wrapped, so that paths and addresses can be copied.

    A value may be a text of somebody else, such as the description of a runtime in a damaged file.
    """
    width = max(len(name) for name, _ in rows)
    console.rule(Text(printable(title), style="bold"), align="left")
    for name, value in rows:
        console.print(Text.assemble((f"{name:{width}}", "bold"), "  ", printable(value)), soft_wrap=True)


def counts(summary: Summary) -> str:
    """Return the numbers of executions, cache hits and failed calls, the best score and the money so far."""
    best = "–" if summary.best_so_far is None else f"{summary.best_so_far:.1f}"
    failed = f" · failed calls {sum(summary.failures.values())}" if summary.failures else ""
    return f"executions {summary.executions} · cache hits {summary.cache_hits} · best {best}{failed}{spent(summary)}"


def spent(summary: Summary) -> str:
    """Return the money that the run has spent so far, for the end of a line. A rehearsal spends none."""
    return "" if summary.rehearsal or summary.costs.unknown else f" · {money(summary.costs.dollars)} so far"
