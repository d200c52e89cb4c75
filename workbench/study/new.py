"""The study file that `workbench init` writes: complete, commented, ready to run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import yaml

from workbench.errors import UserError
from workbench.execution.runtimes import SHIPPED_PIPELINE
from workbench.judging.judge import DEFAULT_MODEL
from workbench.search.catalogue import OPTIMIZERS
from workbench.system.files import write_whole

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

# {optimizers}
optimizer: gepa
proposer: {{model: gemini/gemini-2.5-flash, temperature: 1.0}}
judge: {{model: {judge}, temperature: 0.0}}
# The score, 0 to 10, from which a plan passes.
pass: 8

# Executions that the search may ask for. Confirming the result takes 2 × confirm × goals more.
budget: 24
confirm: 3
# Executions at once.
concurrency: 4
seed: 0
"""


@contextlib.contextmanager
def own_pipeline(study: Path) -> Iterator[Path]:
    """A copy of the shipped pipeline beside the study, or one that is there already; nothing is written over.

    Left by an error, it takes its copy away again.

    Raises:
        UserError: files of other content have the names that it could have.
    """
    content, names = (
        SHIPPED_PIPELINE.read_bytes(),
        [study.with_name(name) for name in ("pipeline.yaml", "genesis.yaml")],
    )
    names = [file for file in names if file != study]
    for file in names:
        if file.is_file() and file.read_bytes() == content:
            yield file
            return
    free = next((file for file in names if not os.path.lexists(file)), None)
    if free is None:
        there = " and ".join(f"{file} exists" for file in names)
        raise UserError(f"{there}, and the study gets a pipeline of its own: write it into another folder (--output)")
    try:
        yield write_whole(free, content)
    except BaseException:
        free.unlink()
        raise


def starter(goal: str, gold: Path, pipeline: Path) -> str:
    """The text of a study beside its pipeline, for one goal and one gold plan."""
    return TEMPLATE.format(
        name="study",
        optimizers=_listed(list(OPTIMIZERS)),
        judge=DEFAULT_MODEL,
        goal=_quoted(goal),
        gold=_quoted(_from(pipeline.parent, gold.absolute())),
        pipeline=_quoted(pipeline.name),
    )


def _from(directory: Path, file: Path) -> str:
    """Relative where both have a home in common; the way through the root is none."""
    relative = os.path.relpath(file, directory.absolute())
    return str(file) if directory.absolute().parts[:2] != file.parts[:2] else relative


def _listed(words: list[str]) -> str:
    """Return the words as a sentence has them: `a, b or c`."""
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _quoted(text: str) -> str:
    """On one line, whatever stands in it."""
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9).strip()
