"""A git repository of a user's, to which a test adds commits."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org")


@dataclass(frozen=True)
class Commits:
    """A repository with the branch main."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path) -> Commits:
        """Make an empty repository."""
        folder.mkdir(parents=True)
        commits = cls(folder)
        commits.git("init", "-q", "-b", "main")
        return commits

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def commit(self, files: Mapping[str, str] | None = None) -> str:
        """Write files, commit everything, and return the commit."""
        for name, content in (files or {}).items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content)
        self.git("add", "--all")
        self.git(*IDENTITY, "commit", "-q", "--allow-empty", "-m", "a change")
        return self.head

    def git(self, *arguments: str) -> str:
        """Run git, and return what it printed."""
        environ = {**os.environ, "LC_ALL": "C.UTF-8"}
        output = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environ, check=True, capture_output=True, text=True
        )
        return output.stdout.strip()
