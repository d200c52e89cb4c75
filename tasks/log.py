"""Tell a run's story in the log of its flow run: the beginning, every trial, the best prompt so far, and the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.logging import get_run_logger

from workbench.errors import UserError
from workbench.evidence import story
from workbench.evidence.sentence import sentence
from workbench.evidence.standings import Standings
from workbench.evidence.story import Effort
from workbench.evidence.summary import summarize
from workbench.nouns import Trial
from workbench.run.folder import RunFolder
from workbench.run.record import Phase, RunRecord, SearchResult, TrialRecord
from workbench.search.ask_kinds import Ask, Execute
from workbench.tasks.reuse import was_kept


class RunLog:
    """The log of one run. Use it in the flow's thread only.

    Args:
        phase: `search`, or `confirm` for a run that only executes the champion on fresh replicates.
    """

    def __init__(self, run: RunFolder, phase: Phase = "search") -> None:
        self._run = run
        self._record = run.load(RunRecord)
        self._logger = get_run_logger()
        #: The time and cost of each execution, by the execution's key.
        self._efforts: dict[str, Effort] = {}
        self._standings = Standings([goal.name for goal in self._record.goals])
        #: The last line about the best prompt so far.
        self._best_line: str | None = None
        self._phase: Phase = phase
        first_line = story.beginning if phase == "search" else story.requalifying
        self._logger.info(first_line(self._record))

    def answered(self, ask: Ask, task: Any) -> None:
        """Note the time and cost of an execution for the line of its trial. `Asks` calls this after each answer."""
        if isinstance(ask, Execute):
            execution, cached = task.result(), was_kept(task)
            paid = execution.cost is not None and not cached and self._record.rehearsal is None
            dollars = execution.cost.known if paid else None
            self._efforts[ask.key] = Effort(execution.seconds, cached, dollars)

    def trial(self, trial: Trial) -> None:
        """Log a trial, and the best prompt so far if it has changed. `Asks` calls this method for each trial."""
        record = TrialRecord.of(self._phase, trial)
        self._logger.info(story.trial_line(self._phase, record, self._efforts.get(trial.execution)))
        if self._phase == "search":
            self._standings.add(record)
            best_line = story.best_so_far(self._standings)
            if best_line is not None and best_line != self._best_line:
                self._best_line = best_line
                self._logger.info(f"{best_line}, {story.budget_left(self._record, len(self._efforts))}.")

    def confirming(self) -> None:
        """Log that the search ended, and which prompt is confirmed."""
        self._phase = "confirm"
        self._logger.info(story.confirming(self._run.load(SearchResult), self._record))

    def result(self) -> None:
        """Log the result in a sentence."""
        self._logger.info(f"Result: {sentence(summarize(self._run))}")

    def promotion(self, task: Any, how_to_commit: Callable[[Path], str | None]) -> None:
        """Wait for a promotion, and log the new champion or why there is none. The run's result stays as it is.

        Args:
            how_to_commit: returns the command that commits the champion's file, if one is needed.
        """
        try:
            champion = task.result()
        except UserError as error:
            self._logger.warning(f"Not promoted: {error}")
        else:
            self._logger.info(f"Champion {champion.number} is {champion.file}: {champion.reason}")
            if command := how_to_commit(champion.file):
                self._logger.info(f"To commit it, run this in a clone of the repository: {command}")
