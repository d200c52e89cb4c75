"""Lists what makes any plan good, for all scripted models: aspects of a plan, and instructions that ask for them.

The proposer adds instructions, the generator writes an aspect if the prompt asks for it, and the judge looks for
aspects in the plan. Each of them recognises an aspect by its cue, so the rest of the sentence may have any words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Aspect:
    """One property of a good plan.

    Attributes:
        name: how the judge names it.
        cue: matches a prompt that asks for it, a plan that has it, and a reason that names it.
        key, text: how the generator writes it into a stage of the plan.
        instructions: sentences that ask for it.
    """

    name: str
    cue: re.Pattern[str]
    key: str
    text: str
    instructions: tuple[str, ...]


def _aspect(name: str, cue: str, key: str, text: str, *instructions: str) -> Aspect:
    return Aspect(name, re.compile(cue, re.IGNORECASE), key, text, instructions)


ASPECTS = (
    _aspect(
        "a rollback for each stage", r"rollback", "rollback", "Revert the merge, and deploy the last version again.",
        "Give each stage a rollback that one person can do at night.",
        "For each stage, state when to stop and what the rollback is.",
    ),
    _aspect(
        "a time estimate", r"estimat", "estimate", "Two to three days.",
        "Give a time estimate for each stage in days.",
        "Estimate the effort of each stage, and say how certain the estimate is.",
    ),
    _aspect(
        "an order by severity", r"severit", "severity", "Critical: it loses work under load.",
        "Order the stages by severity, and say what is lost if a stage waits.",
        "Rate the severity of each problem before you propose a fix.",
    ),
    _aspect(
        "code before and after the change", r"before[ _]and[ _]after", "before_and_after", "See both snippets.",
        "Show the code before and after the change for each kind of fix.",
        "Illustrate each fix with a short snippet, before and after.",
    ),
    _aspect(
        "success criteria", r"success[ _]criteri", "success_criteria", "No crash in a week of normal load.",
        "End each stage with success criteria that a reviewer can check.",
        "Name success criteria with numbers, not with adjectives.",
    ),
    _aspect(
        "verification steps", r"verif", "verification", "Run the suite twice, and kill a worker while it runs.",
        "Describe how the team verifies each stage before the next one begins.",
        "Add verification steps with the exact commands to run.",
    ),
    _aspect(
        "monitoring in production", r"monitor", "monitoring", "Watch queue length and restarts for a day.",
        "Say what is monitored in production while a stage is rolled out.",
        "Name the metrics and alerts that make each change visible, and who monitors them.",
    ),
    _aspect(
        "the root cause of each problem", r"root[ _]cause", "root_cause", "The work was never put under supervision.",
        "Explain the root cause of each problem, not only the symptom.",
        "Group problems that share a root cause, and fix the cause once.",
    ),
    _aspect(
        "the dependencies between stages", r"dependenc|depends[_ ]on", "depends_on", "The stage before it.",
        "State which stage depends on which, and which stages can run side by side.",
        "Draw the dependencies between the stages before you number them.",
    ),
    _aspect(
        "an owner for each stage", r"\bowner", "owner", "The team that runs the service.",
        "Assign an owner to each stage.",
        "Name one owner and one reviewer for each change.",
    ),
    _aspect(
        "what happens to stored data", r"data loss|stored[ _]data", "stored_data", "Kept: both formats are read.",
        "Say how each stage avoids data loss.",
        "For each change, say what happens to stored data and to work in flight.",
    ),
    _aspect(
        "a check in continuous integration", r"continuous[ _]integration", "continuous_integration",
        "A check fails when the old pattern comes back.",
        "Add a check to continuous integration for each rule, so that the problem cannot come back.",
        "Say what continuous integration enforces after each stage.",
    ),
    _aspect(
        "a gradual rollout", r"gradual|feature[ _]flag", "gradual_rollout", "One node first, then a tenth, then all.",
        "Roll each risky change out gradually, behind a feature flag.",
        "Prefer gradual changes that can be merged on their own to one large change.",
    ),
    _aspect(
        "how calls fail and time out", r"time[s_ -]*out", "timeouts", "Five seconds, one retry, then an error.",
        "Say how each external call fails, and after how long it times out.",
        "Set a timeout for each call between processes, and name the fallback.",
    ),
    _aspect(
        "evidence from the code", r"evidence", "evidence", "Named in the files below.",
        "Give evidence from the code for each problem: module, function, line.",
        "Leave out every problem for which the code gives no evidence.",
    ),
    _aspect(
        "what is out of scope", r"out[ _]of[ _]scope", "out_of_scope", "New features and renames.",
        "List what is out of scope, with one reason each.",
        "Say what is out of scope, so that no stage grows while it is built.",
    ),
)  # fmt: skip

#: Instructions that sound sensible and change nothing, or make the plan worse.
DISTRACTORS = (
    "Write in a friendly tone.",
    "Use short sentences.",
    "Address the plan to the whole company.",
    "Think step by step.",
    "Be creative, and surprise the reader.",
    "Keep the whole plan on one page.",
    "Leave out technical detail that a manager would not read.",
)
#: Matches a prompt with an instruction that shortens the plan. Such a plan leaves aspects out.
SHORTENS = re.compile(r"one page|technical detail", re.IGNORECASE)

#: All instructions that a proposer may add.
INSTRUCTIONS = (*(text for aspect in ASPECTS for text in aspect.instructions), *DISTRACTORS)


def aspects(text: str) -> list[Aspect]:
    """Return the aspects that a prompt asks for, that a plan has, or that a reason names."""
    return [aspect for aspect in ASPECTS if aspect.cue.search(text)]
