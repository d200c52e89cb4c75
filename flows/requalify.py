"""The flow `requalify`: check whether the champion is still as good as before, after a change of the repository.

nothing that matters changed    end, without an execution
else                            execute → retrieve → score, on fresh replicates of the champion
the champion got worse          start the deployment optimize/nightly, and end
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from workbench.champion.champion import Champion
from workbench.champion.proof import is_edited
from workbench.champion.qualification import QualificationRecord, Qualifications, decide, prompt_hash
from workbench.evidence.summary import Summary, summarize
from workbench.nouns import Study
from workbench.search.ask_kinds import AnswerFuture, Ask, slots
from workbench.search.asks import Asks
from workbench.search.fresh_trials import requalification
from workbench.study.at_commit import names_at
from workbench.study.opening import RunOptions, champions_of, current_fingerprint, load, open_run
from workbench.system import loopback
from workbench.system.home import home
from workbench.system.process import ended_on_interrupt
from workbench.tasks.alive import alive
from workbench.tasks.answering import answer
from workbench.tasks.keys import take_keys
from workbench.tasks.ledger import in_ledger
from workbench.tasks.log import RunLog
from workbench.tasks.place import Place, located, skipped
from workbench.tasks.publish import RunArtifact, publish
from workbench.tasks.runners import tasks_of
from workbench.tasks.start_search import start_search
from workbench.tasks.surroundings import claim, due, outside_failures, run_name, tag_flow_run


def title() -> str:
    """Return the flow run's name: the study, the commit, and the time at which the run was due."""
    repository, commit, path = (str(flow_run.parameters[name]) for name in ("repository", "commit", "study"))
    study = names_at(repository, commit, path, home(), os.environ)[0]
    return f"{study} · requalify {commit[:12]} · {due()}"


@flow(name="requalify", retries=1, retry_delay_seconds=10, flow_run_name=title, persist_result=False)
def requalify(
    study: str, repository: str, commit: str, rehearse: bool = False, since: str | None = None
) -> dict[str, Any] | State[Any]:
    """Check whether the champion is as good as before at a commit. If it is worse or missing, start a search.

    Args:
        study: The study's path inside the repository.
        repository: The git repository, as a folder or a URL.
        commit: The commit to check.
        rehearse: Use scripted models instead of real models. A rehearsal costs nothing and proves nothing.
        since: The commit before the change. By default, it is the parent of `commit`. If the champion was never
            measured, the first check compares the two commits, and executes nothing if nothing that matters changed.

    Returns:
        The decision ("unchanged", "as good", "worse", "undecided" or "no champion"), the number of executions, and the
        address of the flow run that searches, or None. A run that did not get its turn ends in the state Skipped.
    """
    os.environ.update(loopback.exceptions(os.environ))
    log = get_run_logger()
    with ExitStack() as stack:
        stack.enter_context(outside_failures())
        stack.enter_context(alive())
        # The tags are added early, so that a run that fails later has them, too.
        tag_flow_run(names_at(repository, commit, study, home(), os.environ)[0], "requalify", rehearsal=rehearse)
        artifact = stack.enter_context(RunArtifact())
        place = stack.enter_context(located(study, repository, commit or "HEAD"))
        if place.skipped is not None:
            return skipped(place.skipped)
        options = RunOptions(place.study, "static", rehearse=rehearse, prompts=place.prompts)
        loaded = load(options)
        place.warn_of_another_champion(loaded)
        tag_flow_run(loaded.name, "requalify", rehearsal=rehearse)
        # `commit` may be a name such as `main`, or empty.
        check = _Check.of(loaded, options, place, place.commit or commit)
        if check.nothing_changed(since):
            if check.history.is_undone(check.champion, check.fingerprint):
                # A search for the damaged commit is in vain.
                place.turn.takes_places()
            log.info(f"At {check.commit[:12]}, nothing that matters changed: nothing is executed.")
            return {"decision": "unchanged", "executions": 0, "search": None}
        record, executions = _qualify(check, artifact)
        search = None
        if record.decision in ("worse", "no champion"):
            search = start_search(study, repository, check.commit, rehearse=rehearse)
            log.info(f"The flow run of optimize/nightly searches for a better prompt: {search}")
        if record.decision != "undecided":
            # The champion is as good as before, or the new search takes the places of those for older commits.
            place.turn.takes_places()
        check.history.add(record)
        return {"decision": record.decision, "executions": executions, "search": search}


@dataclass(frozen=True)
class _Check:
    """A study at a commit, with what is known about its champion.

    Attributes:
        study, options: the study as it is at the commit, and the options that it was loaded with.
        place, commit: the worktree with the commit, and the commit's id.
        champion: the champion, or None. If its file was edited, it has no fingerprint.
        edited: True if the prompt in the champion's file was edited after the measurement that the file has.
        fingerprint: a hash of everything that the study depends on at this commit.
        history: the records of earlier checks.
    """

    study: Study
    options: RunOptions
    place: Place
    commit: str
    champion: Champion | None
    edited: bool
    fingerprint: str
    history: Qualifications

    @classmethod
    def of(cls, study: Study, options: RunOptions, place: Place, commit: str) -> _Check:
        """Read the champion and the records of earlier checks. Warn if the champion's file was edited."""
        champion = champions_of(study).current() if study.champion else None
        history = Qualifications.of(home(), place.label, rehearse=options.rehearse)
        fingerprint = current_fingerprint(study)
        edited = champion is not None and is_edited(champion, study, fingerprint)
        if champion is not None and edited:
            get_run_logger().warning(
                f"The prompt in {champion.file} was edited after the measurement that the file has."
            )
            champion = champion.model_copy(update={"fingerprint": None})
        return cls(study, options, place, commit, champion, edited, fingerprint, history)

    def nothing_changed(self, since: str | None) -> bool:
        """Return True if nothing that the study depends on changed since the champion was measured.

        What was never measured is compared with the commit before. A champion that was measured is not: the check of
        the commit before may have been skipped, or may have failed.
        """
        if self.history.knows(self.champion, self.fingerprint, self.study.confirm):
            return True
        was_measured = self.champion is not None and (self.champion.fingerprint is not None or self.edited)
        if was_measured or self.history.all():
            return False
        return self.place.unchanged_since(since, self.options, self.fingerprint)


def _qualify(check: _Check, artifact: RunArtifact) -> tuple[QualificationRecord, int]:
    """Measure the champion, if there is one. Return the record with the decision, and the number of executions."""
    record = QualificationRecord(
        commit=check.commit,
        champion=None if check.champion is None else check.champion.number,
        prompt=None if check.champion is None else prompt_hash(check.champion),
        champions=check.study.champions,
        fingerprint=check.fingerprint,
        decision="no champion",
        rehearsal="default" if check.options.rehearse else None,
        at=time.time(),
    )
    if check.champion is None:
        get_run_logger().info(f"{check.study.name} has no champion yet.")
        return record, 0
    summary = _measure(check.study, check.options, artifact)
    return _with_scores(record, check.champion, check, summary), summary.executions


def _measure(study: Study, options: RunOptions, artifact: RunArtifact) -> Summary:
    """Execute the champion on fresh replicates in a run of its own, publish the report, and return its summary."""
    if not options.rehearse:
        take_keys(study, os.environ)
    opening = open_run(options, home=home(), run=run_name(), url=flow_run.ui_url, environ=os.environ, searches=False)
    with opening as setting, in_ledger(setting.run), tasks_of(setting) as tasks:
        artifact.show(setting.run)
        if setting.rehearsal:
            tag_flow_run(setting.study.name, "requalify", rehearsal=True)
        run_log, limits, claims = RunLog(setting.run, "confirm"), slots(setting.study.concurrency), claim(home())

        def answered(ask: Ask, task: AnswerFuture) -> None:
            run_log.answered(ask, task)
            artifact.refresh()

        work = Asks(requalification(setting), limits, answered, run_log.trial, claims)
        with ended_on_interrupt(), work as fresh_trials:
            verdicts = answer(fresh_trials, setting.run, tasks)
        publish.submit(setting.run, None, wait_for=verdicts, return_state=False).result()
        return summarize(setting.run)


def _with_scores(
    record: QualificationRecord, champion: Champion, check: _Check, summary: Summary
) -> QualificationRecord:
    """Return the record with the champion's fresh scores and the decision about them. Log the decision."""
    scores, mean = summary.confirmed(summary.baseline), summary.mean_score(summary.baseline)
    margin = check.study.margin
    judgement = decide(check.history.record_of(champion, list(scores)), scores, margin)
    get_run_logger().info(judgement.sentence(margin))
    return record.model_copy(
        update={
            "decision": judgement.decision,
            "too_few": check.study.confirm if judgement.more_can_decide else None,
            "scores": scores,
            "low": None if mean is None else mean.low,
            "high": None if mean is None else mean.high,
            "level": None if mean is None else mean.level,
            "rehearsal": summary.rehearsal,
            "run": summary.run.name,
            "at": time.time(),
        }
    )
