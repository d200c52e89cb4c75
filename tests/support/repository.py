"""A user's git repository with a pipeline in it, and the folder of a run that measured the pipeline."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.run_folder import record
from workbench.apply.apply import Applied, apply
from workbench.apply.placement import Chosen
from workbench.apply.revert import Reverted, revert
from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.nouns import Trial, Verdict
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord, SearchResult

PROMPT = "Order the stages: supervision first.\n\n## Example 1\n\nFor each: ”what breaks” – and\ttests."
GENESIS = SHIPPED_PIPELINE.read_bytes()
PARTS = b"""# My pipeline
workflow:
  name: mine
  steps:
    - name: draft
      type: claude
      prompt:
        - type: static
          content: "Write it."   # to be improved
        - {type: static, content: Be brief.}
    - name: polish
      type: claude
      prompt: [{type: previous_response, step: draft}]
"""


def target(**more: object) -> dict[str, Any]:
    """Return the keys of run.json for a run that searched for the prompt of one step."""
    return {"runtime": "pipeline_ex", "target": {"step": "draft", "output": "polish", "part": 1}, **more}


def several(text: bytes) -> bytes:
    """Return the pipeline with a second step that takes the prompt."""
    step = text[text.index(b"    - name: write_plan") :]
    return text + step.replace(b"write_plan", b"second")


def git(folder: Path, *arguments: str, **environ: str) -> str:
    """Run git in a folder, and return what it printed."""
    completed = subprocess.run(
        ["git", *arguments], cwd=folder, env={**os.environ, **environ}, check=True, capture_output=True, text=True
    )
    return completed.stdout.rstrip("\n")


@dataclass(frozen=True)
class World:
    """A user's repository with a pipeline in it, and a home with a run that measured the pipeline."""

    repository: Path
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home)}

    @property
    def file(self) -> Path:
        return self.repository / "pipelines" / "Mein Plan, ü.yaml"

    def git(self, *arguments: str) -> str:
        return git(self.repository, *arguments, HOME=str(self.home))

    def pipeline(self, content: bytes) -> None:
        """Write the pipeline file, and commit it."""
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-qm", "The pipeline")

    def run(self, name: str = "20260101-000000-abcdef", **about: Any) -> RunFolder:
        """Make the folder of a run that has ended: its search and its confirmation are done."""
        folder = RunFolder.create(self.home, name)
        goals = [{"name": "only", "text": "Make it safe"}]
        folder.save(record(**{"study": "mine", "run_id": name, "goals": goals, "pipeline": str(self.file), **about}))
        (folder.path / "pipeline.yaml").write_bytes(self.file.read_bytes())
        folder.write("best_prompt.md", PROMPT)
        folder.save(SearchResult(best="best", search_score=9.5, baseline_search_score=4.0, spent=10, ended="optimizer"))
        for candidate, score in (("first", 4.0), ("best", 9.0)):
            for goal in folder.load(RunRecord).goals:
                for n in range(3):
                    verdict = Verdict(score + n / 10, "fine")
                    folder.add_trial("confirm", Trial(candidate, goal.name, n, f"{candidate}{n}", verdict))
        return folder

    def apply(
        self, run: RunFolder, *, dry_run: bool = False, anyway: bool = False, branch: str | None = None, **chosen: str
    ) -> Applied:
        return apply(run, Chosen(**chosen), branch, self.environ, dry_run=dry_run, anyway=anyway)

    def revert(self, name: str | None = None) -> Reverted:
        return revert(self.home, name, self.environ)

    def state(self) -> tuple[dict[Path, bytes], bytes, str, str]:
        """Return everything of the user's that must not change: files, index, branches and the checked-out branch."""
        files = {
            file: file.read_bytes()
            for file in self.repository.rglob("*")
            if ".git" not in file.parts and file.is_file()
        }
        index = (self.repository / ".git" / "index").read_bytes()
        return files, index, self.git("for-each-ref"), (self.repository / ".git" / "HEAD").read_text()
