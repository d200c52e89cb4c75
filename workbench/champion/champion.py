"""Defines a champion, which is a prompt that is or was in use, and its file: front matter in YAML, then the prompt."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from workbench.errors import ChampionUnreadable
from workbench.foreign_text import printable
from workbench.run.record import Score

#: The name of a run. It names a folder of its own, so it has no slash, and is not `..`.
RUN_NAME = r"^[^./\x00][^/\x00]*$"
#: The line before and after the front matter.
FENCE = "---"


def _date_text(value: Any) -> Any:
    """Return a date as text. YAML reads a date without quotes as a date, and not as a text.

    Raises:
        ValueError: a text is no date.
    """
    if isinstance(value, str):
        try:
            datetime.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("expected a date such as 2026-11-26") from None
    return value.isoformat() if isinstance(value, datetime.date) else value


class Champion(BaseModel):
    """One champion of a study. The first champion is the study's own starting prompt.

    Attributes:
        number: counts the champions of a study, from 1.
        run: the run that found and confirmed the prompt; None for the starting prompt.
        date: when it became the champion, in UTC; None for the starting prompt.
        score, low, high, level: the confirmed mean score, and the ends and the level of its interval; None if the
            champion was not measured.
        baseline: the confirmed mean score of the prompt that it was compared with.
        commit: the commit of the study's repository that was measured.
        models: the names of the models, by role.
        reason: why it became the champion.
        restores: the number of the champion whose prompt a rollback brought back, or None.
        rehearsal: world and seed of the rehearsal that measured it; None if real models did.
        fingerprint: a hash of everything that the scores depend on (workbench.champion.qualification).
        proof: a hash of the prompt and its place in the measured pipeline file (workbench.champion.proof). Files of old
            versions have none.
        scores: its confirmed scores, by goal. A requalification compares new scores with them.
        text: the prompt.
        file: the file; None for a starting prompt that has no file yet.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    number: Annotated[int, Field(ge=1)]
    run: Annotated[str, Field(pattern=RUN_NAME)] | None = None
    date: Annotated[str | None, BeforeValidator(_date_text)] = None
    score: Score | None = None
    low: Score | None = None
    high: Score | None = None
    level: float | None = None
    baseline: Score | None = None
    commit: str | None = None
    models: dict[str, str] = Field(default_factory=dict)
    reason: str = ""
    restores: int | None = None
    rehearsal: str | None = None
    fingerprint: str | None = None
    proof: str | None = None
    scores: dict[str, list[Score]] = Field(default_factory=dict)
    text: str = Field(exclude=True)
    file: Path | None = Field(default=None, exclude=True)

    def to_json(self, *, text: bool = True) -> dict[str, Any]:
        """Return what `--json` writes about a champion."""
        values = {**self.model_dump(mode="json"), "file": None if self.file is None else str(self.file)}
        return {**values, "text": self.text} if text else values

    @property
    def at(self) -> float | None:
        """Return the date as Unix time, or None without a date. A date without a time zone is in UTC."""
        if self.date is None:
            return None
        date = datetime.datetime.fromisoformat(self.date)
        return (date if date.tzinfo else date.replace(tzinfo=datetime.UTC)).timestamp()

    def content(self) -> bytes:
        """Return the content of the champion's file. Optional keys that are empty are left out."""
        optional = {"restores", "rehearsal", "fingerprint", "proof", "scores"}
        values = {key: value for key, value in self.model_dump().items() if key not in optional or value}
        front_matter = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=10**9)
        return f"{FENCE}\n{front_matter}{FENCE}\n{self.text}\n".encode()


def read(file: Path) -> Champion:
    """Return the champion that a file keeps.

    Raises:
        ChampionUnreadable: the file cannot be read, or does not fit its format.
    """
    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise _unreadable(file, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _unreadable(file, f"it is not UTF-8 (byte {error.start})") from error
    first, _, rest = text.partition("\n")
    front_matter, fence, prompt = rest.partition(f"\n{FENCE}\n")
    if first != FENCE or not fence:
        raise _unreadable(file, _why_no_front_matter(text))
    try:
        values = yaml.safe_load(front_matter)
    except yaml.YAMLError as error:
        raise _unreadable(file, f"its front matter is no YAML ({' '.join(str(error).split())[:120]})") from error
    if not isinstance(values, dict):
        raise _unreadable(file, "its front matter has no keys")
    try:
        champion = Champion.model_validate({**values, "text": prompt.removesuffix("\n"), "file": file})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(map(str, problem["loc"]))
        reason = problem["msg"].removeprefix("Value error, ")
        raise _unreadable(file, f"{key}: {reason}, got {printable(repr(problem['input']))[:60]}") from error
    if f"{champion.number:04d}" != file.stem:
        raise _unreadable(file, f"its number is {champion.number}, and its name says {file.stem}")
    if not champion.text.strip():
        raise _unreadable(file, "it has no prompt after its front matter")
    return champion


def _why_no_front_matter(text: str) -> str:
    """Return why a text has no front matter. Editors show neither a byte order mark nor CR."""
    if text.startswith("\ufeff"):
        return "it begins with a byte order mark"
    if "\r\n" in text:
        return "its lines end with CR and LF, and not with LF alone"
    return "it has no front matter between two lines ---"


def _unreadable(file: Path, problem: str) -> ChampionUnreadable:
    """Return the error for a champion's file."""
    return ChampionUnreadable(
        f"{file} cannot be read as a champion: {problem}; expected a file as workbench champion promote writes it; "
        "mend it, or restore it with git"
    )
