"""A stand-in for a checkout of pipeline_ex: files of its names, a pipeline, and a `mix` that replays recordings."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
RECORDINGS = TESTS / "data" / "pipeline_ex_runs"

PIPELINE = """\
# A pipeline of a user's.
workflow:
  name: "planner"
  checkpoint_enabled: yes
  workspace_dir: ./workspace
  steps:
    - name: think   # first
      type: claude
      prompt:
        - type: static
          content: Think about {{topic}}.
    - name: write
      type: claude
      options: {strict: no, version: 1_0}
      prompt:
        - type: "static"
          content: |
            Write the plan.
        - type: previous_response
          step: think
        - type: static
          content: Be brief.
    - name: polish
      type: gemini
      prompt:
        - type: previous_response
          step: write
"""


WRITE_TARGET = {"pipeline": "planner.yaml", "step": "write", "output": "write"}


@dataclass(frozen=True)
class FakeCheckout:
    """The checkout's folder, and the folder `bin` with the `mix`. A test puts `bin` first on the PATH."""

    folder: Path
    bin: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Return all calls of `mix`, in their order."""
        log = self.bin / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def calls_of(self, task: str) -> list[dict[str, Any]]:
        """Return the calls of one mix task."""
        return [call for call in self.calls if call["task"] == task]

    def replay(self, *turns: str, **settings: Any) -> None:
        """Set which recordings the next calls replay. `pipeline_ex_mix` lists the settings."""
        script = {"recordings": str(RECORDINGS), "turns": turns, "seconds": 0.0, **settings}
        (self.bin / "replay.json").write_text(json.dumps(script))


def checkout(folder: Path, *turns: str) -> FakeCheckout:
    """Make a checkout under git whose runs replay these recordings."""
    fake = FakeCheckout(folder / "checkout", folder / "bin")
    for name in ("lib/mix/tasks", "deps", "config"):
        (fake.folder / name).mkdir(parents=True)
    (fake.folder / "mix.exs").write_text('defmodule P do\n  [app: :pipeline, elixir: "~> 1.18"]\nend\n')
    (fake.folder / "lib/mix/tasks/pipeline.generate.ex").write_text("defmodule G do\nend\n")
    (fake.folder / "working_genesis.yaml").write_text("workflow: {name: working_genesis, steps: []}\n")
    (fake.folder / "planner.yaml").write_text(PIPELINE)
    (fake.folder / ".gitignore").write_text("_build\n")
    fake.bin.mkdir()
    shutil.copy(TESTS / "support" / "pipeline_ex_mix.py", fake.bin / "mix")
    (fake.bin / "mix").chmod(0o755)
    fake.replay(*turns)
    git(fake.folder, "init", "--quiet")
    commit(fake.folder)
    return fake


def commit(folder: Path) -> None:
    """Commit all files of the folder."""
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "as it is")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)
