"""The study file that `workbench init` writes: complete, commented, ready to run."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

GENESIS = Path(__file__).resolve().parents[1] / "runtime" / "priv" / "pipelines" / "genesis.yaml"

TEMPLATE = """\
# A study: what to optimise. `workbench check` validates it, `workbench run` searches. Paths are relative to this file.
study: {name}

# What a plan is wanted for, and hand-written plans that show what a good one is: a file, or a list of files.
goals:
  - name: {name}
    goal: {goal}
    gold: {gold}

# The pipeline that writes the plans.
pipeline: {pipeline}
# Files that it gets beside the prompt, if it takes any:
# inputs: {{codebase: packed.xml}}
# Seconds for one execution:
timeout: 900

# direct: the candidate and the goal are the prompt. writer: a model writes the prompt for each goal.
program: direct
# The starting instructions: the baseline that has to be beaten.
prompt: Write the plan that the goal asks for.

# static, bootstrap, random_search, copro, mipro, simba or gepa
optimizer: gepa
proposer: {{model: gemini/gemini-2.5-flash, temperature: 1.0}}
judge: {{model: gemini/gemini-2.5-pro, temperature: 0.0}}
# The score, 0 to 10, from which a plan passes.
pass: 8

# Executions that the search may ask for. Confirming the result takes 2 × confirm × goals more.
budget: 24
confirm: 3
# Executions at once.
concurrency: 4
seed: 0
"""


def starter(goal: str, gold: Path, directory: Path) -> str:
    """The text of a study in `directory` for one goal and one gold plan."""
    return TEMPLATE.format(
        name="study",
        goal=_quoted(goal),
        gold=_quoted(_from(directory, gold.absolute())),
        pipeline=_quoted(_from(directory, GENESIS)),
    )


def _from(directory: Path, file: Path) -> str:
    """Relative where both have a home in common; the way through the root is none."""
    relative = os.path.relpath(file, directory.absolute())
    return str(file) if directory.absolute().parts[:2] != file.parts[:2] else relative


def _quoted(text: str) -> str:
    """On one line, whatever stands in it."""
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9).strip()
