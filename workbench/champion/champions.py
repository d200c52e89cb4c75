"""Keeps the champions of a study: one numbered file for each, in `prompts/STUDY` beside the study file.

No file is ever changed. Each promotion and each rollback adds a file, so the folder is the history.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workbench.champion.champion import Champion, read
from workbench.errors import ChampionNotFound, NotPromoted
from workbench.system.files import write_new

#: The folder beside a study file that has a folder of champions for each study.
FOLDER = "prompts"


@dataclass(frozen=True)
class Champions:
    """The champions of one study.

    Attributes:
        study: the study's name.
        folder: the folder of their files. It need not exist.
        starting_prompt: the study's own starting prompt, which is the first champion.
    """

    study: str
    folder: Path
    starting_prompt: str

    def all(self) -> list[Champion]:
        """Return all champions, the oldest first.

        Raises:
            ChampionUnreadable: a file cannot be read.
        """
        files = [file for file in self.folder.glob("*.md") if re.fullmatch(r"\d{4,}", file.stem)]
        champions = [read(file) for file in sorted(files, key=lambda file: int(file.stem))]
        return champions or [Champion(number=1, reason="the starting prompt of the study", text=self.starting_prompt)]

    def current(self) -> Champion:
        """Return the prompt in use: the champion with the highest number.

        Raises:
            ChampionUnreadable: a file cannot be read.
        """
        return self.all()[-1]

    def numbered(self, number: int) -> Champion:
        """Return the champion with this number.

        Raises:
            ChampionNotFound: no champion has this number.
            ChampionUnreadable: a file cannot be read.
        """
        champions = self.all()
        for champion in champions:
            if champion.number == number:
                return champion
        numbers = ", ".join(str(champion.number) for champion in champions)
        raise ChampionNotFound(f"{self.study} has no champion {number}; expected one of {numbers}")

    def file(self, number: int) -> Path:
        """Return the file of the champion with this number."""
        return self.folder / f"{number:04d}.md"

    def add(self, champion: Champion) -> Champion:
        """Write the file of a new champion, and return the champion with its file.

        Raises:
            NotPromoted: somebody else has added a champion with this number meanwhile.
        """
        file = self.file(champion.number)
        try:
            write_new(file, champion.content())
        except FileExistsError as error:
            raise NotPromoted(
                f"{file} was written meanwhile: look at it with workbench champion show, then decide again"
            ) from error
        return champion.model_copy(update={"file": file})
