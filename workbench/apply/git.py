"""Runs `git` in the user's repository, and reports its failures as `NotApplied`.

The `git` program is called without a shell. The user's hooks do not run, because a formatter would change more than the
prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import NotApplied
from workbench.system import git, process


@dataclass(frozen=True)
class Git:
    """The program `git` in a folder, with the user's environment."""

    folder: Path
    environ: Mapping[str, str]

    def text(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """Run git with these additional environment variables. Return its output without the final newline.

        Raises:
            NotApplied: git failed; the message contains git's own words.
        """
        result = self.run(*arguments, variables=variables)
        if result.exit_code != 0:
            raise NotApplied(f"git {arguments[0]} failed in {self.folder}: {git.reason(result)}")
        return result.stdout.decode(errors="surrogateescape").rstrip("\n")

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None) -> process.Finished:
        """Run git with these additional environment variables.

        Raises:
            NotApplied: git cannot be started.
        """
        try:
            return git.run(self.folder, *arguments, environ=self.environ, variables=variables or {})
        except OSError as error:
            if error.filename != "git":
                reason = f"{error.filename}: {error.strerror}" if error.filename else error
                raise NotApplied(f"git cannot be started ({reason})") from error
            raise NotApplied("git is not on the PATH: install it") from error
