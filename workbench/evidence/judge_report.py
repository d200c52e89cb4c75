"""Writes what a report says about the judge as Markdown: its answers to the criteria, and whether it can be trusted."""

from __future__ import annotations

from workbench.evidence.criteria import CriterionAnswers, best_answers, criteria_met
from workbench.evidence.criteria_picture import criteria_picture
from workbench.evidence.summary import Summary
from workbench.evidence.svg import data_uri
from workbench.evidence.words import plain
from workbench.foreign_text import one_line

#: Characters of the evidence that is quoted for a criterion.
EVIDENCE_CHARACTERS = 120


def criteria_section(summary: Summary) -> list[str]:
    """Return how well both prompts' plans meet each criterion: a heading, a picture and a table.

    The list is empty if the judge has no rubric.
    """
    criteria = criteria_met(summary)
    if not criteria:
        return []
    answers = best_answers(summary)
    rows = [
        f"| {plain(met.goal)} | {plain(met.name)} | {_share(met.baseline)} | {_share(met.best)} | "
        f"{met.unproved or ''} | {_evidence(criterion_answers)} |"
        for met, criterion_answers in zip(criteria, answers, strict=True)
    ]
    head = [
        "| goal | criterion | baseline | best prompt | answers without proof | for example |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    image = f"![The answers for the best prompt's plans]({data_uri(criteria_picture(answers))})"
    return ["## The criteria", image, "\n".join([*head, *rows])]


def judge_section(summary: Summary) -> list[str]:
    """Return whether the judge can be trusted: a heading, a sentence, and the picture of its calibration.

    The list is empty if nothing can be said.
    """
    if summary.judge is None:
        return []
    image = summary.trust.image
    pictures = [f"![Mean scores over the degree of damage]({data_uri(image)})"] if image else []
    return ["## Whether the judge can be trusted", plain(summary.judge), *pictures]


def _evidence(criterion: CriterionAnswers) -> str:
    """Return the first answer that has evidence, with its quote, as a cell of a Markdown table."""
    quoted = next((answer for answer in criterion.answers if answer.evidence), None)
    if quoted is None:
        return ""
    return f"{quoted.answer}: “{plain(one_line(quoted.evidence, EVIDENCE_CHARACTERS))}”"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
