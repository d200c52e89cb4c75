"""Logs and files of pipeline_ex's runs: recordings, changed recordings, and composed logs of pipeline files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbench.execution.pipeline_ex.outcome import Outcome, classify

RECORDINGS = Path(__file__).parents[1] / "data" / "pipeline_ex_runs"
REQUEST = "Improve the supervision tree of my Elixir application"
TYPES = "Message types: system:init, assistant:nil, result:success"


def recording(name: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return run


def classified(run: dict[str, Any], **changes: Any) -> Outcome:
    run = {**run, **changes}
    return classify(run["exit_code"], run["stdout"], run["stderr"], run["files"])


def good(*swaps: tuple[str, str], files: dict[str, str] | None = None, stderr: str = "") -> Outcome:
    """Return the outcome of the recording of a good run, with the first text of each swap replaced by the second."""
    run = recording("live_ok")
    for old, new in swaps:
        assert old in run["stdout"]
        run["stdout"] = run["stdout"].replace(old, new)
    return classified(run, stderr=stderr, files=run["files"] if files is None else files)


def plan(text: str) -> dict[str, str]:
    return {**recording("live_ok")["files"], "some/ok.yaml": text}


def run_log(*lines: str, mode: str = "Live (real API calls, costs money)") -> str:
    return "\n".join(["🚀 Running Pipeline Workflow", "📁 Config: v.yaml", f"🎭 Mode: {mode}", "", *lines, ""])


ASKED = (
    "22:25:30.000 [info] 💪 Executing Claude step: write",
    "22:25:30.000 [debug] 💪 Querying Claude with prompt: x…",
    "22:25:30.000 [debug] 📥 Collecting messages from Claude SDK stream…",
)
ANSWERED = (*ASKED, f"22:25:30.000 [debug] 📋 {TYPES}")
SAVED = ("22:25:30.000 [info] 💾 Saved step output to: /run/out/plan.json", "✅ Pipeline completed successfully!")


def saved(text: str = "a: 1\nb: 2\n", **fields: Any) -> dict[str, str]:
    return {"/run/out/plan.json": json.dumps({"success": True, "text": text, "cost": 0.01, "model": "m", **fields})}
