"""What a person sees while a run goes on: a bar where there is a terminal, a line per trial where there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from workbench.evidence.summary import Summary, summarize
from workbench.nouns import FIRST_CONFIRM_REPLICATE, Study
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord

PAUSE = 0.5


@contextmanager
def watching(home: Path, run: str, study: Study, console: Console) -> Iterator[None]:
    """While this lasts, follow the run's folder, which other threads write, and show how it stands."""
    view = _Bar(study, console) if console.is_terminal else _Lines(study, console)
    over = threading.Event()

    def follow() -> None:
        while not over.wait(PAUSE):
            _look(home, run, view)

    thread = threading.Thread(target=follow, name="workbench-terminal", daemon=True)
    with view:
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            _look(home, run, view)


def _look(home: Path, run: str, view: _Bar | _Lines) -> None:
    folder = RunFolder(home / "runs" / run)
    if folder.has(RunRecord):
        view.show(summarize(folder))


def expected(study: Study) -> int:
    """Executions asked for when the search uses its whole budget and two candidates are confirmed."""
    return study.budget + 2 * study.confirm * len(study.goals)


class _Bar:
    def __init__(self, study: Study, console: Console) -> None:
        self._total = expected(study)
        self._confirming = self._total - study.budget
        self._begun = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[standing]}"),
            TimeElapsedColumn(),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID = self._progress.add_task(f"{study.name}: starting", total=self._total, standing="")

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, summary: Summary) -> None:
        done = summary.executions + summary.cache_hits
        total = self._total if summary.result is None else max(done, summary.result.spent + self._confirming)
        self._progress.update(
            self._task,
            completed=done,
            total=total,
            description=f"{summary.study}: {summary.status}",
            standing=f"{standing(summary)} · {self._left(done, total)}",
        )

    def _left(self, done: int, total: int) -> str:
        if not done or done >= total:
            return "…"
        seconds = (time.monotonic() - self._begun) / done * (total - done)
        return f"about {seconds // 60:.0f}:{seconds % 60:02.0f} left"


class _Lines:
    def __init__(self, study: Study, console: Console) -> None:
        self._console = console
        self._shown = 0
        self._failures: dict[str, int] = {}
        self._study = study

    def __enter__(self) -> None:
        self._console.print(
            f"{self._study.name}: {self._study.optimizer}, at most {expected(self._study)} executions", highlight=False
        )

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, summary: Summary) -> None:
        for trial in summary.trials[self._shown :]:
            # Those that confirm are counted from far behind all that a search asks for.
            number = trial.replicate % FIRST_CONFIRM_REPLICATE
            self._console.print(
                f"{trial.phase:7} {trial.candidate} · {trial.goal} · {number}: {trial.score:.1f}", highlight=False
            )
        self._shown = max(self._shown, len(summary.trials))
        failures = {kind: count for kind, count in summary.failures.items() if kind != "interrupted"}
        if failures != self._failures:
            self._failures = failures
            said = ", ".join(f"{kind}: {count}" for kind, count in sorted(failures.items()))
            self._console.print(f"failed calls so far: {said}", highlight=False)


def table(title: str, rows: list[tuple[str, str]], console: Console) -> None:
    """Two columns. Long values are not folded: paths and addresses have to survive being copied."""
    width = max(len(name) for name, _ in rows)
    console.rule(f"[bold]{escape(title)}", align="left")
    for name, value in rows:
        console.print(f"[bold]{name:{width}}[/bold]  {escape(value)}", highlight=False, soft_wrap=True)


def standing(summary: Summary) -> str:
    best = "–" if summary.best_so_far is None else f"{summary.best_so_far:.1f}"
    failed = f" · failed calls {sum(summary.failures.values())}" if summary.failures else ""
    return f"executions {summary.executions} · cache hits {summary.cache_hits} · best {best}{failed}"
