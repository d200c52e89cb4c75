"""The command line: one verb per function, each a thin door. Exit codes: 0 done, 2 the user's input, 3 the outside
world (with everything kept), 130 interrupted (the same command goes on)."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number
from rich.console import Console

from workbench.commands import progress
from workbench.errors import MissingKey, OutsideError, ServerUnavailable, UserError, explain
from workbench.evidence.report import by_chance, rows, visible
from workbench.evidence.summary import summarize, to_json
from workbench.run.folder import RunFolder
from workbench.study.opening import Wanted, load
from workbench.study.services import ask_for_keys
from workbench.system import prefect_server
from workbench.system.files import unusable, write_whole
from workbench.system.home import home, made
from workbench.system.interruption import INTERRUPTED, leaving_in_order


def to_be_written(_: object, file: Path | None) -> None:
    """Validates an option: what cannot be written is said before anything is paid for."""
    if file is None:
        return
    if file.is_dir():
        raise ValueError(f"{file} is a folder; expected a file")
    folder = file.absolute().parent
    if why := unusable(folder):
        raise ValueError(f"{folder} cannot be used: {why}")


JsonFile = Annotated[Path | None, Parameter(name="--json", validator=to_be_written)]
OutputFile = Annotated[Path | None, Parameter(validator=to_be_written)]
NewFile = Annotated[Path, Parameter(validator=to_be_written)]

app = App(
    name="workbench",
    suppress_keyboard_interrupt=False,
    help="Finds the prompt that makes an Elixir AI pipeline write its best plan.",
)
out = Console(soft_wrap=True, emoji=False)
err = Console(stderr=True, soft_wrap=True, emoji=False)


@app.command
def run(
    study: Path,
    /,
    *,
    json_file: JsonFile = None,
    optimizer: str | None = None,
    budget: int | None = None,
    seed: int | None = None,
    rehearse: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Search for a better prompt, confirm it on fresh executions, and report.

    Parameters
    ----------
    study
        The study file.
    json_file
        Write the report there, as JSON.
    optimizer
        Instead of the study's own.
    budget
        Executions that the search may ask for, instead of the study's own number.
    seed
        Instead of the study's own.
    rehearse
        Scripted models instead of real ones: costs nothing, proves nothing about a prompt.
    """
    wanted = Wanted(study, optimizer, budget, seed, rehearse)
    loaded = load(wanted)
    if not rehearse:
        # The flow asks too; asked here, a missing key starts no server and no run.
        ask_for_keys(loaded, os.environ)
    use_server()
    # Only now: Prefect reads its settings when it is imported.
    from workbench.flows.optimize import optimize

    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
    with progress.watching(home(), name, loaded, err), leaving_in_order():
        report: dict[str, Any] = optimize(
            study=study.absolute(), optimizer=optimizer, budget=budget, seed=seed, rehearse=rehearse, run=name
        )
    more = [("to stop", "workbench server --stop ends the Prefect server")] if prefect_server.known(home()) else []
    progress.table(loaded.name, [*rows(summarize(RunFolder.find(home(), name))), *more], out)
    if json_file is not None:
        write_json(json_file, report)
    return 0


@app.command
def check(study: Path, /, *, json_file: JsonFile = None) -> int:
    """Validate a study and estimate what it takes. Needs no keys and calls no model.

    Parameters
    ----------
    study
        The study file.
    json_file
        Write the estimate there, as JSON.
    """
    from workbench.study.estimate import estimate

    found = estimate(load(Wanted(study)), home())
    out.print(found.text)
    if json_file is not None:
        write_json(json_file, found.to_json())
    return 0


@app.command
def doctor(study: Path, /, *, json_file: JsonFile = None) -> int:
    """Look whether this machine has what a study needs, and say what to do where it has not. Calls no model.

    Parameters
    ----------
    study
        The study file.
    json_file
        Write what was found there, as JSON.
    """
    from workbench.study.readiness import examine, to_json

    loaded = load(Wanted(study))
    found = []
    for check in examine(loaded, home(), os.environ):
        found.append(check)
        out.print(
            f"{'ok     ' if check.there else 'MISSING'}  {visible(check.name)}: {visible(check.found)}", markup=False
        )
        if check.advice:
            out.print(f"         {visible(check.advice)}", markup=False, highlight=False)
    if json_file is not None:
        write_json(json_file, to_json(loaded, found))
    return 0 if all(check.there for check in found) else OutsideError.exit_code


@app.command
def show(run: str = "latest", /, *, json_file: JsonFile = None) -> int:
    """Show what came of a run.

    Parameters
    ----------
    run
        The run's name, the beginning of it, or `latest`.
    json_file
        Write the report there, as JSON.
    """
    summary = summarize(RunFolder.find(home(), run))
    progress.table(summary.study, rows(summary), out)
    if json_file is not None:
        write_json(json_file, to_json(summary))
    return 0


@app.command
def generate(run: str = "latest", /, *, goal: str | None = None, output: OutputFile = None) -> int:
    """Run the winning program of a run once more: one execution, paid for anew.

    Parameters
    ----------
    run
        The run's name, the beginning of it, or `latest`.
    goal
        Another goal than the study's first; the winner need not have seen it.
    output
        Write the plan there; it must not exist yet.
    """
    from workbench.apply.generate import generate as once

    if goal is not None and not goal.strip():
        raise UserError("--goal is empty: say what a plan is wanted for, or leave it out for the study's own goal")
    if output is not None and output.exists():
        raise UserError(f"{output} exists already: name a new file with --output")
    found = RunFolder.find(home(), run)
    with leaving_in_order():
        made = once(found, goal, home=home(), environ=os.environ)
    summary = summarize(found)
    if said := by_chance(summary):
        err.print(f"note: {said}", highlight=False)
    if made.rehearsal:
        writer = (
            f"{summary.real_in_rehearsal} was real"
            if summary.real_in_rehearsal
            else "a scripted provider wrote this plan"
        )
        err.print(f"[bold]rehearsal[/bold] ({made.rehearsal}): {writer}")
    err.rule("the prompt that the pipeline got")
    err.print(visible(made.prompt), markup=False, highlight=False)
    err.rule("the plan" if made.plan.ok else f"no valid plan: {made.plan.problem}")
    put_out(made.plan.text)
    if output is not None:
        write_whole(output.absolute(), made.plan.text.encode())
    return 0


@app.command
def apply(
    run: str | None = None,
    /,
    *,
    step: str | None = None,
    goal: str | None = None,
    branch: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    revert: Annotated[bool, Parameter(negative=())] = False,
    anyway: Annotated[bool, Parameter(negative=())] = False,
    json_file: JsonFile = None,
) -> int:
    """Put the best prompt of a run into the pipeline file that it was measured with, on a new git branch.

    Parameters
    ----------
    run
        The run's name, the beginning of it, or `latest`, which it is by default; with --revert the one applied last.
    step
        The step that the prompt goes to, where several take it.
    goal
        The goal that is written with the prompt, where the prompt is a step's own text and the study has several.
    branch
        Instead of workbench/RUN.
    dry_run
        Show the change, and make none.
    revert
        Go back to the branch and the state before.
    anyway
        Also a prompt that was measured as worse than the first.
    json_file
        Write what was done there, as JSON.
    """
    from workbench.apply import apply as applying
    from workbench.apply import revert as reverting
    from workbench.apply.placement import Chosen

    if revert:
        if dry_run or anyway or (step, goal, branch) != (None, None, None):
            raise UserError("--revert takes a run and --json, and nothing else: it goes back to where you were")
        back = reverting.revert(home(), run, os.environ)
        told, notes, lines = back.to_json(), back.notes, back.lines()
    else:
        found = RunFolder.find(home(), run or "latest")
        made = applying.apply(found, Chosen(step, goal), branch, os.environ, dry_run=dry_run, anyway=anyway)
        told, notes, lines = made.to_json(), made.notes, made.lines(dry_run=dry_run)
    for note in notes:
        err.print(f"note: {visible(note)}", markup=False, highlight=False)
    put_out("\n".join(lines))
    if json_file is not None:
        write_json(json_file, told)
    return 0


@app.command
def init(goal: str, gold: Path, /, *, output: NewFile = Path("study.yaml")) -> int:
    """Write a commented study file from a goal and a gold plan.

    Parameters
    ----------
    goal
        What a plan is wanted for.
    gold
        A hand-written plan: what the judge compares with.
    output
        The study file to write; it must not exist yet.
    """
    from workbench.study.new import own_pipeline, starter

    if output.exists():
        raise UserError(f"{output} exists already: name a new file with --output")
    if not gold.is_file():
        raise UserError(f"{gold} is not a file; the second argument is a hand-written plan")
    with own_pipeline(output.absolute()) as pipeline:
        write_whole(output.absolute(), starter(goal, gold, pipeline).encode())
        try:
            load(Wanted(output))
        except UserError:
            output.unlink()
            raise
    out.print(f"wrote {output}, with {pipeline.name} beside it; next: workbench check {output}", highlight=False)
    return 0


@app.command
def rehearsal(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 0,
    seed: int = 0,
    latency: Annotated[float, Parameter(validator=Number(gte=0))] = 0.0,
    fail_rate: Annotated[float, Parameter(validator=Number(gte=0, lte=1))] = 0.0,
    world: str = "default",
) -> int:
    """Serve scripted models on loopback, in the protocols of Gemini and Anthropic, until interrupted.

    Point GOOGLE_GEMINI_BASE_URL and ANTHROPIC_BASE_URL at the printed address, or run with --rehearse.

    Parameters
    ----------
    port
        0 takes a free one.
    seed
        The same seed gives the same answers.
    latency
        Mean seconds for an answer.
    fail_rate
        Share of calls that fail, 0 to 1.
    world
        `default`, or `null`, where the wording of a prompt changes nothing.
    """
    from workbench.rehearsal.server import serve_forever

    serve_forever(port=port, seed=seed, latency=latency, fail_rate=fail_rate, world=world)
    return 0


@app.command(name="server")
def server_(*, stop: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Start the background Prefect server, unless it runs, and tell its address.

    Parameters
    ----------
    stop
        Stop it instead.
    """
    if stop:
        out.print("stopped the Prefect server" if prefect_server.stop(home()) else "no Prefect server was running")
    else:
        out.print(prefect_server.ensure(home(), os.environ, err.print).ui, highlight=False)
    return 0


def use_server() -> None:
    """Have Prefect talk to the server that the user has, or to one of ours. Before Prefect is imported."""
    made(home())
    os.environ.setdefault("PREFECT_HOME", prefect_server.prefect_home(home(), os.environ))
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    url = os.environ.get("PREFECT_API_URL")
    if url is None:
        os.environ["PREFECT_API_URL"] = prefect_server.ensure(home(), os.environ, err.print).url
    elif not prefect_server.healthy(url):
        raise ServerUnavailable(
            f"no Prefect server answers at PREFECT_API_URL={url}: start it, or unset that to use one of our own",
            kind="no server",
        )


def put_out(text: str) -> None:
    """A text of somebody else's: as it is for a file or a program, harmless for a terminal."""
    if out.is_terminal:
        out.print(visible(text), markup=False, highlight=False)
    else:
        sys.stdout.buffer.write(f"{text}\n".encode())
        sys.stdout.flush()


def write_json(file: Path, value: Any) -> None:
    write_whole(file.absolute(), (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def main() -> None:
    """Every error of ours is a message, never a traceback."""
    try:
        code = app(exit_on_error=False, result_action="return_value")
    except CycloptsError:
        code = UserError.exit_code
    except KeyboardInterrupt:
        err.print("interrupted: what was paid for is kept, the same command goes on from here")
        code = INTERRUPTED
    except BaseException as error:
        known = explain(error)
        if known is None or isinstance(error, SystemExit):
            raise
        err.print(visible(str(known)), markup=False, highlight=False)
        if isinstance(known, OutsideError) and not isinstance(known, MissingKey):
            err.print("what was paid for is kept; the same command goes on from here")
        code = known.exit_code
    sys.stdout.flush()
    # Threads that wait for a provider must not keep an ended command from ending.
    os._exit(code) if code == INTERRUPTED else sys.exit(code)
