"""Shows what a race learnt: what each sentence is worth, and how the best prompt came about."""

from __future__ import annotations

from collections.abc import Callable

from workbench.evidence.svg import BLUE, FAINT, GREY, INK, RED, dot, drawing, line, text
from workbench.evidence.words import plain, plural
from workbench.foreign_text import one_line
from workbench.run.race_record import EffectRecord, RaceRecord, StepRecord

#: How many sentences the picture shows. All of them are in race.json.
SENTENCES = 16
#: How many sentences of the best prompt the terminal shows, unless more of them surely help.
ROWS = 8
#: How many steps the artifact lists.
STEPS = 12
#: A step with more changes than this is listed with the numbers of its changes only. Its sentences are in race.json.
WHOLE_CHANGES = 3
#: Characters of a sentence in the picture, and in a list.
DRAWN_CHARACTERS, LISTED_CHARACTERS = 100, 200
#: The width of the drawing, the height of a row, and the y coordinate of the first row.
WIDTH, ROW, TOP = 1120, 24, 38
#: The x coordinates of the part with the intervals, of the points as numbers, and of the sentences.
LEFT, RIGHT, NUMBERS, SENTENCE = 20, 330, 390, 404


def effects_picture(race: RaceRecord) -> str:
    """Return a drawing of the pieces' effects with their intervals.

    A piece of the best prompt is blue. Another piece is red if it surely lowers the score, and otherwise grey.
    """
    effects = prominent(race.effects)
    widest = max([0.5, *(max(abs(effect.low), abs(effect.high)) for effect in effects)])
    height = TOP + ROW * len(effects) + 26

    def x(points: float) -> float:
        return (LEFT + RIGHT) / 2 + points / widest * (RIGHT - LEFT) / 2

    elements = [
        text(LEFT, 16, f"points of 10 by a sentence, {race.level:.0%} interval", FAINT),
        text(SENTENCE, 16, "the sentence (in how many executions)", FAINT),
        line(x(0), TOP - 10, x(0), height - 22, "#8c959f"),
        text(x(0), height - 6, "0", FAINT, anchor="middle"),
        text(LEFT, height - 6, f"−{widest:.1f}", FAINT),
        text(RIGHT, height - 6, f"+{widest:.1f}", FAINT, anchor="end"),
    ]
    for number, effect in enumerate(effects):
        elements += _row(effect, TOP + ROW * number + ROW / 2, x)
    return drawing(WIDTH, height, elements)


def _row(effect: EffectRecord, y: float, x: Callable[[float], float]) -> list[str]:
    colour = BLUE if effect.in_best else RED if effect.high < 0 else GREY
    sentence = one_line(effect.text, DRAWN_CHARACTERS)
    return [
        line(x(effect.low), y, x(effect.high), y, colour, width=2),
        dot(x(effect.points), y, 4, colour),
        text(NUMBERS, y + 4, f"{effect.points:+z.1f}", colour, anchor="end", bold=effect.in_best),
        text(SENTENCE, y + 4, f"{sentence} ({effect.executions})", INK if effect.in_best else FAINT),
    ]


def prominent(effects: tuple[EffectRecord, ...]) -> list[EffectRecord]:
    """Return at most SENTENCES pieces, the most helpful first.

    Three quarters are pieces of the best prompt, if it has so many. The others are the pieces outside the best prompt
    that have the largest effects.
    """
    largest = sorted(effects, key=lambda effect: -abs(effect.points))
    best = [effect for effect in largest if effect.in_best]
    left_out = [effect for effect in largest if not effect.in_best]
    leading = best[: max(SENTENCES * 3 // 4, SENTENCES - len(left_out))]
    return sorted(leading + left_out[: SENTENCES - len(leading)], key=lambda effect: -effect.points)


def steps_list(race: RaceRecord) -> str:
    """Return a list of the changes that led from the baseline to the best prompt, as Markdown."""
    changes = [step for step in race.steps if step.added or step.removed]
    if not changes:
        return "The race recommended the baseline from the beginning to the end."
    skipped = len(changes) - STEPS
    listed = [_step(step) for step in changes[-STEPS:]]
    note = [f"- {plural(skipped, 'earlier change')} not listed here"] if skipped > 0 else []
    return "\n".join([*note, *listed])


def _step(step: StepRecord) -> str:
    """Return a change of the recommended prompt as an item of a Markdown list."""
    best = step.best
    expected = f", expected score {best.score:.1f} ({best.low:.1f} to {best.high:.1f})" if best else ""
    changes = [*(("added", piece) for piece in step.added), *(("removed", piece) for piece in step.removed)]
    if len(changes) <= WHOLE_CHANGES:
        listed = "; ".join(f"{verb} “{plain(one_line(piece, LISTED_CHARACTERS))}”" for verb, piece in changes)
    else:
        listed = f"{plural(len(step.added), 'sentence')} added, {len(step.removed)} removed"
    return f"- after {plural(step.trials, 'trial')}, `{step.candidate}`{expected}: {listed}"


def race_rows(race: RaceRecord) -> list[tuple[str, str]]:
    """Return what a race learnt, as pairs of a name and a value for the terminal's table.

    The first pair is the expected score of the best prompt at the beginning and at the end. Pairs for the sentences of
    the best prompt follow, with what they are worth: those that surely help, then others up to ROWS in all. The last
    pairs are the sentences that surely harm.
    """
    best = [effect for effect in race.effects if effect.in_best]
    helps = [effect for effect in best if effect.low > 0]
    unsure = [effect for effect in best if effect.low <= 0]
    harms = [effect for effect in reversed(race.effects) if effect.high < 0]
    groups = [("helps", helps), ("not sure", unsure[: max(0, ROWS - len(helps))]), ("harms", harms)]
    rows = [(name, _sentence(effect)) for name, effects in groups for effect in effects]
    return [*(("race", expected) for expected in (_expectation(race),) if expected), *rows]


def _expectation(race: RaceRecord) -> str | None:
    """Return the expected score of the recommended prompt at the end and at the beginning; None if it is not known."""
    estimates = [(step.trials, step.best) for step in race.steps if step.best]
    if not estimates:
        return None
    (first_trials, first), (last_trials, last) = estimates[0], estimates[-1]
    changes = sum(bool(step.added or step.removed) for step in race.steps)
    return (
        f"after {plural(last_trials, 'trial')} and {plural(changes, 'change')}, its best prompt is expected to score "
        f"{last.score:.1f} ({race.level:.0%} {last.low:.1f} to {last.high:.1f}); after "
        f"{plural(first_trials, 'trial')}, it was expected to score {first.score:.1f} "
        f"({first.low:.1f} to {first.high:.1f})"
    )


def _sentence(effect: EffectRecord) -> str:
    points = f"{effect.points:+z.1f} ({effect.low:+z.1f} to {effect.high:+z.1f})"
    return f"{points}: {one_line(effect.text, LISTED_CHARACTERS)}"
