"""Makes a run's confirmed prompt the champion of its study, or goes back to an earlier champion."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.champion.champion import Champion
from workbench.champion.champions import Champions
from workbench.champion.proof import proof_of_run
from workbench.errors import NotPromoted
from workbench.evidence.statistics import WORTHWHILE, Comparison
from workbench.evidence.summary import Summary, summarize
from workbench.evidence.trust import promotion_command
from workbench.run.folder import RunFolder
from workbench.run.record import PromotedRecord, RunRecord

#: How many digits the scores in a champion's file have after the point.
DIGITS = 4


def promote(
    run: RunFolder,
    champions: Champions,
    *,
    force: bool = False,
    reason: str | None = None,
    before_change: Callable[[RunFolder], None] = lambda run: None,
) -> Champion:
    """Make the best prompt of a run the champion. The pipeline file does not change.

    The first promotion also writes the study's starting prompt as champion 1.

    Args:
        force: promote the prompt even if its gain can be chance or is too small, if a rehearsal found it, or if it was
            compared with another prompt than the champion. Then a reason is needed.
        reason: the words that are written into the champion's file.
        before_change: called with the run before its folder is changed.

    Raises:
        NotPromoted: the prompt cannot be promoted or needs `force`, or `force` comes without a reason.
        ChampionUnreadable, RunNotFound, RunTooNew: a file cannot be read.
    """
    if force and not (reason or "").strip():
        raise NotPromoted("--force needs a reason, which is kept: add --reason TEXT")
    summary, current = summarize(run), champions.current()
    if current.run == run.name:
        complete(run.path.parent, champions, before_change)
    comparison = _comparison(summary, champions, current)
    objection = _objection(summary, comparison, current)
    if objection and not force:
        command = promotion_command(summary.record, run.name)
        raise NotPromoted(f"{objection}; {command} --force --reason TEXT promotes it anyway")
    if current.file is None:
        measured = _measured(summary, summary.baseline) if _is_baseline(summary, current) else {}
        current = champions.add(current.model_copy(update=measured))
    decision = comparison.decision
    gain = f"{decision.difference:+.2f}, {decision.level:.0%} {decision.low:.2f} to {decision.high:.2f}"
    champion = Champion(
        number=current.number + 1,
        run=run.name,
        date=_now(),
        baseline=round(comparison.baseline, DIGITS),
        reason=" ".join((reason or f"better than champion {current.number} beyond chance").split()) + f" ({gain})",
        proof=proof_of_run(run),
        text=run.read("best_prompt.md"),
        **_measured(summary, str(summary.best)),
    )
    added = champions.add(champion)
    _mark(run, champions, added, before_change)
    return added


def complete(runs: Path, champions: Champions, before_change: Callable[[RunFolder], None] = lambda run: None) -> None:
    """Mark the run that found the current champion, unless it is marked or is not in the folder of all runs.

    A promotion that was killed has written the champion's file, and has not marked the run. Another run can have the
    name that the file has: champions come from other machines through git, and runs do not.

    Args:
        before_change: called with the run before its folder is changed.
    """
    current = champions.current()
    champion = current if current.restores is None else champions.numbered(current.restores)
    if champion.run is None:
        return
    run = RunFolder(runs / champion.run)
    if not run.has(RunRecord) or run.has(PromotedRecord) or run.load(RunRecord).study != champions.study:
        return
    if run.read("best_prompt.md") == champion.text:
        _mark(run, champions, champion, before_change)


def _mark(run: RunFolder, champions: Champions, added: Champion, before_change: Callable[[RunFolder], None]) -> None:
    """Write into the run's folder that its prompt is a champion. A folder with this mark is never removed."""
    before_change(run)
    run.save(PromotedRecord(number=added.number, file=champions.file(added.number), date=str(added.date)))


def rollback(champions: Champions, number: int | None = None, reason: str | None = None) -> Champion:
    """Make an earlier champion the champion again, under a new number. The pipeline file does not change.

    Args:
        number: the earlier champion. By default, the champion before the current one. After a rollback, it is the
            champion before the one that was restored.
        reason: the words that are written into the champion's file.

    Raises:
        NotPromoted: there is no earlier champion, or the earlier champion has the prompt that is in use.
        ChampionNotFound, ChampionUnreadable: no champion has this number, or a file cannot be read.
    """
    current = champions.current()
    if number is None:
        number = (current.restores or current.number) - 1
        if number < 1:
            raise NotPromoted(_first_in_use(champions, current))
    earlier = champions.numbered(number)
    if earlier.text == current.text:
        raise NotPromoted(f"champion {number} has the prompt that is in use: nothing was changed")
    words = f"rollback from {current.number} to {number}{f': {reason}' if reason else ''}"
    restored = {"number": current.number + 1, "date": _now(), "reason": words, "restores": number, "file": None}
    return champions.add(earlier.model_copy(update=restored))


def _first_in_use(champions: Champions, current: Champion) -> str:
    """Say that no champion is before the first, and how to go to another champion."""
    others = [str(champion.number) for champion in champions.all() if champion.text != current.text]
    advice = "nothing was changed"
    if others:
        advice = f"to go to another champion, name its number ({', '.join(others)}): {advice}"
    return f"{champions.study} uses the prompt of champion 1, and no champion is before it; {advice}"


def _comparison(summary: Summary, champions: Champions, current: Champion) -> Comparison:
    """Return the run's comparison of its best prompt with its baseline.

    Raises:
        NotPromoted: the run is of another study, or has no confirmed prompt yet. Or its best prompt is its baseline or
            the current champion.
    """
    name = summary.run.name
    if summary.study != champions.study:
        raise NotPromoted(f"{name} is a run of the study {summary.study}; expected a run of {champions.study}")
    if summary.comparison is None:
        raise NotPromoted(f"{name} has no confirmed prompt yet: its state is {summary.status}; run the study again")
    if summary.best == summary.baseline:
        raise NotPromoted(f"{name} kept the prompt that it started from: there is nothing to promote")
    if RunFolder(summary.run).read("best_prompt.md") == current.text:
        raise NotPromoted(f"the best prompt of {name} is champion {current.number} already: nothing was changed")
    return summary.comparison


def _objection(summary: Summary, comparison: Comparison, current: Champion) -> str | None:
    """Return why the best prompt of a run should not be promoted without `force`, or None."""
    if summary.rehearsal:
        return "a rehearsal found this prompt, which proves nothing about it"
    if not _is_baseline(summary, current):
        return f"the run compared this prompt with {summary.baseline}, which is not champion {current.number}"
    if not comparison.better:
        gain = f"{comparison.best:.2f} instead of {comparison.baseline:.2f}"
        if comparison.outcome == "too small":
            too_little = f"by less than {WORTHWHILE} points ({gain})"
            return f"this prompt is surely better than champion {current.number}, but {too_little}"
        return f"this prompt is not better than champion {current.number} beyond chance ({gain})"
    return None


def _is_baseline(summary: Summary, current: Champion) -> bool:
    """Return True if the run compared its best prompt with the text of this champion."""
    return summary.text(summary.baseline).strip() == current.text.strip()


def _measured(summary: Summary, candidate: str) -> dict[str, Any]:
    """Return the values of a champion that the run's confirmation measured."""
    mean = summary.mean_score(candidate)
    measured = {} if mean is None else asdict(mean)
    return {
        **{name: None if value is None else round(value, DIGITS) for name, value in measured.items()},
        "commit": summary.record.commit,
        "models": dict(summary.record.models),
        "rehearsal": summary.rehearsal,
        "fingerprint": summary.record.fingerprint,
        "scores": summary.confirmed(candidate),
    }


def _now() -> str:
    """Return the current time in UTC, in the form of a champion's file."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
