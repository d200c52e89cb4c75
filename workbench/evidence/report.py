"""A run at a glance: a markdown artifact for Prefect's UI, rows for the terminal's table."""

from __future__ import annotations

import html
import re

from workbench.evidence.diff import diff
from workbench.evidence.picture import data_uri, picture
from workbench.evidence.summary import Summary, prompt_file
from workbench.run.record import TrialRecord

CANDIDATES = 10
#: Characters of a judge's reason.
REASON = 800
ENDED = {
    "budget": "its budget of {budget} executions was reached",
    "optimizer": "{optimizer} had no more to ask, after {spent} of {budget} executions",
}


def sentence(summary: Summary) -> str:
    """What came of it, in one sentence."""
    comparison = summary.comparison
    if comparison is None:
        so_far = "" if summary.best_so_far is None else f", best so far {summary.best_so_far:.1f}"
        done = f"{len(summary.search)} trials of at most {summary.record.budget} executions"
        return f"{summary.status.capitalize()}: {done}{so_far}."
    if not comparison.better:
        return (
            f"No better prompt found: {comparison.best:.2f} against the baseline's {comparison.baseline:.2f} is within "
            f"chance ({comparison.difference:+.2f}, 95 % {comparison.low:.2f} to {comparison.high:.2f})."
        )
    return (
        f"{comparison.best:.2f} instead of {comparison.baseline:.2f} ({comparison.difference:+.2f}, "
        f"95 % {comparison.low:.2f} to {comparison.high:.2f}): {'a pass' if summary.passed else 'better, but no pass'}."
    )


def by_chance(summary: Summary) -> str | None:
    """What a person should know of a winner that is none."""
    unsure = summary.comparison is not None and not summary.comparison.better
    return "this prompt is not better than the first beyond chance" if unsure else None


def markdown(summary: Summary) -> str:
    """The artifact. Whatever a model wrote is shown as text and nothing else."""
    parts = [f"# {_plain(summary.study)}"]
    if summary.rehearsal:
        parts.append(f"> **{rehearsal(summary.rehearsal, summary.real_in_rehearsal)}**")
    parts += [
        f"**{sentence(summary)}**",
        f"![Score over executions]({data_uri(picture(summary))})",
        "## The best prompt beside the first",
        _prompts(summary),
        "## What the judge said",
        _reasons(summary),
        "## Candidates",
        _candidates(summary),
        "## What it cost",
        _cost(summary),
    ]
    return "\n\n".join(parts) + "\n"


def rows(summary: Summary) -> list[tuple[str, str]]:
    """The end of `workbench run`, and all of `workbench show`: what, and how it stands."""
    label, real = summary.rehearsal, summary.real_in_rehearsal
    shown = [("rehearsal", rehearsal(label, real))] if label else []
    shown.append(("result", sentence(summary)))
    if summary.status == "failed":
        shown.append(("why", summary.stopped or ""))
    if summary.comparison is not None and summary.result is not None:
        shown.append(("baseline score", f"{summary.comparison.baseline:.2f}"))
        shown.append(("best score", f"{summary.comparison.best:.2f}"))
        shown.append(("search score", f"{summary.result.search_score:.2f}, the search's own number for the best"))
        if summary.search:
            why = ENDED[summary.result.ended].format(
                spent=summary.result.spent, budget=summary.record.budget, optimizer=summary.record.optimizer
            )
            shown.append(("search ended", why))
    shown += [
        ("executions", f"{summary.executions} made, {summary.cache_hits} saved by the cache"),
        ("proposals", str(summary.proposals)),
        ("failures", ", ".join(f"{kind}: {n}" for kind, n in sorted(summary.failures.items())) or "none"),
        ("seconds", f"{summary.seconds:.1f}"),
    ]
    if summary.best:
        shown.append(("best prompt", str(prompt_file(summary))))
    return [*shown, ("run", summary.run.name), ("Prefect UI", summary.record.flow_run_url or "–")]


def printable(text: str) -> str:
    """Without the control characters that a terminal would obey; a model may have written them."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text)


def rehearsal(label: str, real: str | None) -> str:
    """Return the sentence that marks a rehearsal.

    Args:
        label: the world and the seed, as `default:0`.
        real: what was real all the same, as the subject of a sentence.
    """
    world, _, seed = label.partition(":")
    rest = f"but {real} was real" if real else "no model was called"
    return f"REHEARSAL: scripted providers (world {world}, seed {seed}), {rest}"


def _prompts(summary: Summary) -> str:
    if summary.best is None or summary.best == summary.baseline:
        return f"There is no other than the first:\n\n{_quoted(summary.text(summary.baseline))}"
    svg = diff(
        summary.text(summary.baseline),
        summary.text(summary.best),
        left=f"first: {summary.baseline}",
        right=f"best: {summary.best}",
    )
    return f"![The two prompts side by side]({data_uri(svg)})\n\nThe whole is in `{prompt_file(summary)}`."


def _reasons(summary: Summary) -> str:
    trials = summary.trials
    if not trials:
        return "Nothing yet."
    wanted: dict[str, TrialRecord] = {}
    for trial in trials:
        if trial.candidate == summary.best:
            wanted["the best prompt"] = trial
        if trial.candidate == summary.baseline:
            wanted.setdefault("the first prompt", trial)
    if summary.comparison is None:
        wanted["the last one tried"] = trials[-1]
    # No table: its cells do not wrap there.
    said = (
        f"**{one.score:.1f}** for {what}, on {_plain(one.goal)}\n\n> {_plain(one.reason[:REASON])}"
        for what, one in wanted.items()
    )
    return "\n\n".join(said)


def _candidates(summary: Summary) -> str:
    ranked = sorted(summary.standings.items(), key=lambda item: -item[1])
    if not ranked:
        return "None has been tried on every goal yet."
    rows = []
    for name, score in ranked[:CANDIDATES]:
        trials = sum(trial.candidate == name for trial in summary.search)
        what = {summary.baseline: "first", summary.best: "best"}.get(name, "")
        rows.append(f"| `{name}` | {score:.2f} | {trials} | {what} |")
    more = f"\n\n… and {len(ranked) - CANDIDATES} more" if len(ranked) > CANDIDATES else ""
    return "\n".join(["| candidate | search score | trials | |", "| --- | --- | --- | --- |", *rows]) + more


def _cost(summary: Summary) -> str:
    rows = [
        f"| executions | {summary.executions} | {summary.spent.get('execute', 0):.0f} |",
        f"| saved by the cache | {summary.cache_hits} | |",
        f"| proposals | {summary.proposals} | {summary.spent.get('propose', 0):.0f} |",
        f"| verdicts | {summary.verdicts} | {summary.spent.get('score', 0):.0f} |",
        *(f"| failures: {_plain(kind)} | {count} | |" for kind, count in sorted(summary.failures.items())),
        f"| wall time | | {summary.seconds:.0f} |",
    ]
    return "\n".join(["| what | calls | seconds |", "| --- | --- | --- |", *rows])


def _plain(text: str) -> str:
    """One line in which nothing is markup, a link or a picture: every ASCII sign is escaped, as CommonMark allows."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(printable(text).split()))


def _quoted(text: str) -> str:
    return f"<pre>{html.escape(printable(text))}</pre>"
