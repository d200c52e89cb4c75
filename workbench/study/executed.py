"""What a study has executed, and by what: our own runtime and a pipeline file, or a checkout of the user's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import PipelineUnreadable, StudyError
from workbench.nouns import Engine, InputFile, Target
from workbench.pipeline_file import needs
from workbench.pipeline_file.document import YAMERL, parser_of, read
from workbench.pipeline_file.steps import steps, workflow
from workbench.study import yaml_lines
from workbench.study.form import StudyForm, TargetForm, nearest
from workbench.study.yaml_lines import Marked, Place

#: The runtime that is a checkout of the user's, and the pipeline that its generate task runs.
OF_CHECKOUT = "pipeline_ex"
WORKING_GENESIS = "working_genesis.yaml"

PIPELINE_BYTES = 1_000_000

#: Keys that only make sense with one of both.
NEEDED = {True: ("checkout",), False: ("pipeline",)}
MISPLACED = {True: ("pipeline", "inputs", "runtime_url"), False: ("checkout", "target")}


def keys_fit(file: Marked, value: Mapping[str, Any]) -> None:
    """Say which keys the study's runtime lacks, and which say nothing to it."""
    own = value.get("runtime") == OF_CHECKOUT
    runtime = f"runtime: {value.get('runtime', 'mix')}"
    for key in NEEDED[own]:
        if key not in value:
            file.problem((key,), f"{key}: this key is missing{f'; {runtime} needs it' if own else ''}")
    for key in MISPLACED[own]:
        if value.get(key):
            instead = "; its own pipeline is executed: see target" if key == "pipeline" else ""
            file.problem((key,), f"{key}: this says nothing to {runtime}{instead}")


def executed(file: Marked, form: StudyForm, folder: Path) -> tuple[Engine, Path]:
    """The engine, and the pipeline file that it runs. What is wrong with either is among the file's problems."""
    if form.runtime != OF_CHECKOUT:
        return Engine(form.runtime, form.runtime_url), (folder / (form.pipeline or "")).resolve()
    checkout = (folder / (form.checkout or "")).expanduser().resolve()
    if not (checkout / "mix.exs").is_file():
        file.problem(("checkout",), f'checkout: "{form.checkout}": there is no mix.exs; expected a Mix project')
    target = form.target
    if target is None:
        return Engine(form.runtime, checkout=checkout), checkout / WORKING_GENESIS
    output = target.output or target.step
    engine = Engine(form.runtime, checkout=checkout, target=Target(target.step, output, target.part))
    _check(file, target, checkout / target.pipeline)
    return engine, (checkout / target.pipeline).resolve()


def _check(file: Marked, target: TargetForm, pipeline: Path) -> None:
    """Whether the pipeline has such steps, the second not before the first."""
    place: Place = ("target", "pipeline")
    try:
        root = read(yaml_lines.read_text(pipeline, PIPELINE_BYTES), YAMERL)
    except StudyError as error:
        return file.problem(place, f'target.pipeline: "{target.pipeline}": {error.problems[0].message}')
    except PipelineUnreadable as error:
        return file.problem(place, f'target.pipeline: "{target.pipeline}" cannot be read: {error}')
    if workflow(root) is None:
        return file.problem(place, f'target.pipeline: "{target.pipeline}" has no workflow: at its root; none is run')
    known = steps(root)
    with_prompt = [name for name, step in known.items() if step.statics]
    if target.step not in with_prompt:
        said = "has no static part in its prompt" if target.step in known else "is no step of it"
        return _unknown(file, "step", target.step, said, with_prompt)
    parts = len(known[target.step].statics)
    if target.part > parts:
        file.problem(("target", "part"), f"target.part: step {target.step} has {parts} static parts, not {target.part}")
    after = _from(list(known), target.step, [name for name, step in known.items() if step.top])
    if (output := target.output or target.step) not in after:
        said = "stands before the step" if output in known else "is no step of it"
        return _unknown(file, "output", output, said, after)
    return None


def _unknown(file: Marked, key: str, word: str, said: str, known: list[str]) -> None:
    expected = f"expected one of {', '.join(known) or 'none'}{nearest(word, known)}"
    file.problem(("target", key), f'target.{key}: "{word}" {said}; {expected}')


def _from(names: list[str], first: str, top: list[str]) -> list[str]:
    """The file's own steps from this one on: their outputs can be saved."""
    return [name for name in names[names.index(first) :] if name in top]


def files(pipeline: str, engine: Engine, folder: Path) -> tuple[InputFile, ...]:
    """The files of a pipeline's own; one that is not there is the runtime's to miss."""
    names = needs.files(read(pipeline, parser_of(engine)))
    there = [(name, folder / name) for name in names if (folder / name).is_file()]
    return tuple(InputFile(name, path, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in there)
