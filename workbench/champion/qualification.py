"""Decides whether a champion is still as good as before, after a change of the repository.

A file under WORKBENCH_HOME has one line for each requalification, with the champion's scores at the commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from workbench.champion.champion import Champion
from workbench.errors import UserError
from workbench.evidence import promotion
from workbench.evidence.statistics import LEVEL, MeanScore, mean_score
from workbench.nouns import HOLISTIC, Study
from workbench.providers import digest
from workbench.run.file_format import Record, parse
from workbench.run.record import Score
from workbench.system.files import append_line

Decision = Literal["as good", "worse", "undecided", "no champion"]

#: The advice if a line of the file is damaged.
REMOVE_LINE = "remove this line, and the next check goes on with the other lines"


@dataclass(frozen=True)
class Judgement:
    """The comparison of a champion's fresh scores with its record, which are its earlier scores.

    Attributes:
        difference: the mean of the fresh scores less the mean of the record, in points; None without a record.
        low, high: the ends of the interval of the difference; None without a record.
    """

    decision: Decision
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def more_can_decide(self) -> bool:
        """Return True if the scores were compared with a record, and were too few to decide."""
        return self.decision == "undecided" and self.difference is not None

    def sentence(self, margin: float) -> str:
        """Return the judgement in words."""
        if self.difference is None:
            return "Undecided: the champion has no record on these goals yet. These scores are now its record."
        numbers = f"{self.difference:+.2f} against its record, {LEVEL:.0%} {self.low:.2f} to {self.high:.2f}"
        match self.decision:
            case "as good":
                lost = f"{margin:g} point{'' if margin == 1 else 's'}"
                return f"The champion is as good as before: it did not lose {lost} or more ({numbers})."
            case "worse":
                return f"The champion got worse beyond chance ({numbers})."
            case _:
                advice = "More replicates can decide: raise `confirm` in the study."
                return f"Undecided: the difference can be chance ({numbers}). {advice}"


def decide(
    record: Mapping[str, Sequence[float]] | None, fresh: Mapping[str, Sequence[float]], margin: float
) -> Judgement:
    """Decide with a test of non-inferiority whether fresh scores are as good as the record.

    The champion is as good as before if the whole interval of the difference lies above −`margin`. It is worse if the
    whole interval lies below zero. No other place decides this, so a better test can replace this one.

    Args:
        record: the earlier scores, by goal; None if there are none.
        fresh: the new scores, by goal.
        margin: how many points the champion may lose and still count as good as before.
    """
    if record is None:
        return Judgement("undecided")
    test = promotion.decide(record, fresh)
    decision: Decision = "undecided"
    if test.low > -margin:
        decision = "as good"
    elif test.high < 0:
        decision = "worse"
    return Judgement(decision, test.difference, test.low, test.high)


def fingerprint(study: Study, version: str) -> str:
    """Return a hash of everything that a champion's scores depend on, except the champion and the models' answers.

    The hash covers the pipeline file, the files that it names, the inputs, the goals with their gold plans, the judge,
    and the version of the runtime.
    """
    pipeline = study.pipeline
    files, inputs = (
        [part for file in kind for part in (file.name, file.sha256)] for kind in (pipeline.files, pipeline.inputs)
    )
    goals = [part for goal in study.goals for part in (goal.name, goal.text, *goal.gold, "")]
    judge = [study.judge.provider, study.judge.name, str(study.judge.temperature), study.template]
    if study.method != HOLISTIC or study.calls > 1:
        judge += [study.method, str(study.calls)]
        judge += [part for goal in study.goals for c in goal.criteria for part in (c.name, c.question, str(c.weight))]
    if any(goal.held_out for goal in study.goals):
        # Older versions compared a champion's plans with all gold plans.
        judge.append("held out")
    runtime = [version, pipeline.sha256, str(pipeline.target), study.program]
    return digest("fingerprint/1", *runtime, *files, "", *inputs, "", *goals, *judge)


def prompt_hash(champion: Champion) -> str:
    """Return a hash of the champion's prompt."""
    return digest("prompt/1", champion.text)


class QualificationRecord(Record):
    """One requalification: the scores of a champion at a commit, and what was decided.

    Attributes:
        commit: the commit that was measured.
        champion: the champion's number; None if the study had no champion.
        prompt: a hash of the champion's prompt; None without a champion, and in records of old versions.
        champions: the folder of the study's champions; None in records of old versions.
        fingerprint: the fingerprint of the study at the commit.
        decision: how the champion compares with its record.
        too_few: how many fresh replicates of each goal could not decide; None if more would not decide either, or if it
            is decided, and in records of old versions.
        scores: the fresh scores, by goal; empty if nothing was executed.
        low, high, level: the ends and the level of the interval of their mean, as the run's report has them; None with
            a single replicate, and in records of old versions.
        rehearsal: world and seed of a rehearsal; None if real models answered.
        run: the name of the run that measured the champion; None if there was no run.
        at: Unix time.
    """

    FILE: ClassVar[str] = "qualifications.jsonl"

    commit: str
    champion: int | None
    prompt: str | None = None
    champions: Path | None = None
    fingerprint: str
    decision: Decision
    too_few: int | None = None
    scores: dict[str, list[Score]] = Field(default_factory=dict)
    low: Score | None = None
    high: Score | None = None
    level: float | None = None
    rehearsal: str | None
    run: str | None = None
    at: float

    @property
    def mean(self) -> MeanScore:
        """Return the mean of the fresh scores. A record of an old version gets an interval from the scores alone."""
        mean = mean_score(self.scores)
        return mean if self.level is None else replace(mean, low=self.low, high=self.high, level=self.level)


@dataclass(frozen=True)
class Qualifications:
    """The requalifications of one study, in the order in which they ended.

    Attributes:
        file: the file with one line for each requalification.
        rehearse: True for the requalifications in rehearsals, False for those with real models.
    """

    file: Path
    rehearse: bool

    @classmethod
    def of(cls, home: Path, study: str, *, rehearse: bool) -> Qualifications:
        """Return the requalifications of a study. `study` is its name in records of this machine (`Place.label`)."""
        return cls(home / "requalified" / digest("requalified", study)[:24] / QualificationRecord.FILE, rehearse)

    def all(self) -> list[QualificationRecord]:
        """Return all records.

        Raises:
            UserError: the file is damaged.
        """
        try:
            lines = self.file.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        records = [
            parse(QualificationRecord, line.decode(errors="replace"), f"{self.file}:{number}", REMOVE_LINE)
            for number, line in enumerate(lines, start=1)
        ]
        return [record for record in records if (record.rehearsal is not None) == self.rehearse]

    def knows(self, champion: Champion | None, current_fingerprint: str, replicates: int) -> bool:
        """Return True if this champion was measured with the current fingerprint.

        The measurement is that of its promotion, or its latest requalification. None stands for a study without a
        champion. The measurement of another prompt, which somebody has edited since, does not count.

        Args:
            replicates: how many replicates of each goal a requalification executes now. If the latest one could not
                decide with fewer, it does not count.
        """
        if champion is not None and champion.fingerprint == current_fingerprint:
            return True
        number = None if champion is None else champion.number
        latest = next((record for record in reversed(self.all()) if record.champion == number), None)
        if latest is None or latest.fingerprint != current_fingerprint:
            return False
        if latest.too_few is not None and latest.too_few < replicates:
            return False
        return champion is None or latest.prompt in (None, prompt_hash(champion))

    def is_undone(self, champion: Champion | None, current_fingerprint: str) -> bool:
        """Return True if the change that the latest requalification was about has been undone.

        Then the study is again as it was when the champion was promoted.
        """
        if champion is None or champion.fingerprint != current_fingerprint:
            return False
        return any(record.fingerprint != current_fingerprint for record in self.all()[-1:])

    def record_of(self, champion: Champion, goals: Sequence[str]) -> Mapping[str, Sequence[float]] | None:
        """Return the scores to compare a champion with: those of its promotion, or else of its first requalification.

        Scores on other goals than `goals` do not count. If there are no scores, return None.
        """
        at_promotion = [champion.scores] if (champion.rehearsal is not None) == self.rehearse else []
        later = [record.scores for record in self.all() if record.champion == champion.number]
        return next((scores for scores in (*at_promotion, *later) if scores and set(scores) == set(goals)), None)

    def add(self, record: QualificationRecord) -> None:
        """Add a record.

        Raises:
            UserError: the file cannot be written.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            append_line(self.file, record.model_dump_json())
        except OSError as error:
            raise UserError(
                f"{self.file} cannot be written ({error.strerror}): free disk space or allow writing, then run again"
            ) from error
