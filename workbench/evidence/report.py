"""Renders a run for people: the Markdown artifact of the Prefect UI, and the rows of the terminal's table."""

from __future__ import annotations

import html

from workbench.evidence.costs import Costs
from workbench.evidence.criteria import weakest
from workbench.evidence.diff_picture import diff_picture
from workbench.evidence.judge_report import criteria_section, judge_section
from workbench.evidence.picture import picture
from workbench.evidence.race_report import effects_picture, race_rows, steps_list
from workbench.evidence.report_parts import candidate_rows, examples, no_candidates, spend_rows, why_one_prompt
from workbench.evidence.sentence import rehearsal, sentence, used_up
from workbench.evidence.summary import Summary, prompt_file
from workbench.evidence.svg import data_uri
from workbench.evidence.words import money, plain, plural
from workbench.foreign_text import printable
from workbench.run.record import RunRecord, SearchResult

#: How many candidates the artifact lists, and how many characters of a judge's reason it shows.
CANDIDATES = 10
REASON_CHARACTERS = 800


def markdown(summary: Summary) -> str:
    """Return the artifact. It shows what a model wrote as text and as nothing else."""
    parts = [f"# {plain(summary.study)}"]
    if summary.rehearsal:
        parts.append(f"> **{rehearsal(summary.rehearsal, summary.real_in_rehearsal)}**")
    parts.append(f"**{sentence(summary)}**")
    if summary.status == "failed":
        parts.append(f"> {plain(summary.stopped or '')}")
    if summary.promotion:
        parts.append(f"To make the best prompt the champion, run `{printable(summary.promotion)}`.")
    parts += [
        f"![Score over executions]({data_uri(picture(summary))})",
        *_prompts(summary),
        *_race(summary),
        *(plain(text) for text in (_lengths(summary),) if text),
        "## What the judge said",
        _reasons(summary),
        *criteria_section(summary),
        *judge_section(summary),
        "## Candidates",
        _candidates(summary),
        *([_refused_prompts(summary)] if summary.leaks else []),
        "## What it cost",
        _cost(summary),
    ]
    return "\n\n".join(parts) + "\n"


def rows(summary: Summary) -> list[tuple[str, str]]:
    """Return the table that `workbench run` and `workbench show` print, as pairs of a name and a value."""
    label, real = summary.rehearsal, summary.real_in_rehearsal
    pairs = [("rehearsal", rehearsal(label, real))] if label else []
    pairs.append(("result", sentence(summary)))
    if summary.status == "failed":
        pairs.append(("why", summary.stopped or ""))
    if summary.comparison is not None and summary.result is not None:
        pairs.append(("baseline score", f"{summary.comparison.baseline:.2f}"))
        pairs.append(("best score", f"{summary.comparison.best:.2f}"))
        if summary.search:
            mean = f"{summary.result.search_score:.2f}, the best prompt's mean in the search"
            pairs.append(("search score", mean))
            pairs.append(("search ended", _why_ended(summary.result, summary.record)))
    if lengths := _lengths(summary):
        pairs.append(("length", lengths))
    if summary.judge:
        pairs.append(("judge", summary.judge))
    if criteria := weakest(summary):
        pairs.append(("least met", criteria))
    if summary.race is not None:
        pairs += race_rows(summary.race)
    if summary.leaks:
        pairs.append(("refused", f"{plural(len(summary.leaks), 'prompt')} that {_copying(summary)} a gold plan"))
    pairs += [
        ("executions", f"{summary.executions} made, {summary.cache_hits} saved by the cache"),
        ("proposals", str(summary.proposals)),
        *cost_rows(summary.costs),
        ("failures", ", ".join(f"{kind}: {n}" for kind, n in sorted(summary.failures.items())) or "none"),
        ("seconds", f"{summary.seconds:.1f}"),
    ]
    if summary.best:
        pairs.append(("best prompt", str(prompt_file(summary))))
    if summary.promoted:
        pairs.append(("champion", f"promoted as number {summary.promoted.number} at {summary.promoted.date}"))
    if summary.promotion:
        pairs.append(("to promote", summary.promotion))
    return [*pairs, ("run", summary.run.name), ("Prefect UI", summary.record.flow_run_url or "–")]


def _why_ended(result: SearchResult, record: RunRecord) -> str:
    """Say what ended the search."""
    if result.ended == "budget" and result.used_up == "dollars":
        rest = "what was left may not pay for the largest possible next call and the confirmation"
        return f"its {used_up(result, record)} is used up: {rest}"
    if result.used_budget(record.budget):
        return f"its {used_up(result, record)} is used up"
    return f"{record.optimizer} had nothing more to try, after {result.spent} of {plural(record.budget, 'execution')}"


def _prompts(summary: Summary) -> list[str]:
    """Return a heading with both prompts side by side, or with the baseline if there is no other."""
    if summary.best is None or summary.best == summary.baseline:
        return ["## The prompt", why_one_prompt(summary), _quoted(summary.text(summary.baseline))]
    svg = diff_picture(
        summary.text(summary.baseline),
        summary.text(summary.best),
        left=f"baseline: {summary.baseline}",
        right=f"best: {summary.best}",
    )
    image = f"![The two prompts side by side]({data_uri(svg)})"
    return ["## The best prompt beside the baseline", image, f"The whole prompt is in `{prompt_file(summary)}`."]


def _race(summary: Summary) -> list[str]:
    """Return what a race learnt, or nothing if the optimizer was no race or has learnt nothing yet."""
    race = summary.race
    if race is None or not race.effects:
        return []
    return [
        "## What each sentence is worth",
        f"![The effect of each sentence]({data_uri(effects_picture(race))})",
        "Blue sentences are in the best prompt. Of the others, the red ones surely lower the score. The shorter a "
        "line, the surer the race is of the effect.",
        "## How the best prompt came about",
        steps_list(race),
    ]


def _reasons(summary: Summary) -> str:
    """Return the judge's reasons for some trials, each with the score."""
    if not summary.trials:
        return "Nothing yet."
    # Paragraphs, because the UI does not wrap the cells of a table.
    paragraphs = (
        f"**{trial.score:.1f}** for {prompt}, on {plain(trial.goal)}\n\n> {plain(trial.reason[:REASON_CHARACTERS])}"
        for prompt, trial in examples(summary).items()
    )
    return "\n\n".join(paragraphs)


def _lengths(summary: Summary) -> str | None:
    """Return what both prompts lose for their length; None if length costs nothing."""
    first, best = summary.length(summary.baseline), summary.length(summary.best)
    if first is None or best is None:
        return None
    return (
        f"the baseline has {plural(first.words, 'word')} and loses {first.penalty:.2f} points, the best prompt has "
        f"{plural(best.words, 'word')} and loses {best.penalty:.2f}; the difference counts this, the scores do not"
    )


def _copying(summary: Summary) -> str:
    """Return the verb for the refused prompts."""
    return "copies" if len(summary.leaks) == 1 else "copy"


def _refused_prompts(summary: Summary) -> str:
    """Return a list of the prompts that copy a gold plan, with the reasons."""
    listed = [f"- `{name}`: {plain(why)}" for name, why in list(summary.leaks.items())[:CANDIDATES]]
    more = [f"- and {len(summary.leaks) - CANDIDATES} more"] if len(summary.leaks) > CANDIDATES else []
    return "\n".join([f"{plural(len(summary.leaks), 'prompt')} cannot win:", "", *listed, *more])


def _candidates(summary: Summary) -> str:
    ranked = candidate_rows(summary)
    if not ranked:
        return no_candidates(summary)
    rows = [f"| `{row.name}` | {row.score:.2f} | {row.trials} | {row.mark} |" for row in ranked[:CANDIDATES]]
    more = f"\n\n… and {len(ranked) - CANDIDATES} more" if len(ranked) > CANDIDATES else ""
    return "\n".join(["| candidate | search score | trials | |", "| --- | --- | --- | --- |", *rows]) + more


def _cost(summary: Summary) -> str:
    """Return a table of what the run bought, and notes about amounts that are not known or above the budget."""
    rows = []
    for row in spend_rows(summary):
        calls = "" if row.calls is None else row.calls
        seconds = "" if row.seconds is None else f"{row.seconds:.0f}{' (wall time)' if row.calls is None else ''}"
        amount = "" if row.dollars is None else money(row.dollars)
        rows.append(" ".join(f"| {plain(row.what)} | {calls} | {seconds} | {amount} |".split()))
    table = "\n".join([f"| what | calls | seconds | {dollars_heading(summary)} |", "| --- | --- | --- | --- |", *rows])
    notes = [f"{name}: {plain(value)}" for name, value in cost_rows(summary.costs)[1:]]
    return "\n\n".join([table, *notes])


def dollars_heading(summary: Summary) -> str:
    """Return the heading of a column of amounts."""
    return "dollars, had real models answered" if summary.rehearsal else "dollars"


def cost_rows(costs: Costs) -> list[tuple[str, str]]:
    """Return pairs of a name and a value: the cost by role, the calls without a price, and an overshot budget."""
    if costs.unknown:
        return [("cost", "not known: an older version of Workbench made this run")]
    roles = ", ".join(f"{role} {money(amount)}" for role, amount in costs.by_role.items())
    spent = f"{money(costs.dollars)}: {roles}"
    rows = [("cost", f"nothing; real models would have cost {spent}" if costs.rehearsal else spent)]
    if costs.unpriced:
        rows.append(("not counted", ", ".join(f"{name} ({plural(n, 'call')})" for name, n in costs.unpriced.items())))
    if costs.budget is not None and costs.overshot > 0:
        rows.append(("overshot", f"{money(costs.overshot)} more than the budget of {money(costs.budget)}"))
    return rows


def _quoted(text: str) -> str:
    return f"<pre>{html.escape(printable(text))}</pre>"
