"""The runtime of this repository, as a process for each execution: `mix pipeline.generate.live`."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.errors import ExecutionFailed
from workbench.execution.own import project
from workbench.execution.own.failure import blame
from workbench.nouns import Engine, Execution, ExecutionRequest

SUCCESS = re.compile(r"^✅ Pipeline generated at (?P<path>.+)$")
FAILURE = re.compile(r"^❌ (?P<kind>[a-z ]+): (?P<message>.*)$")


class Mix:
    """Starts a VM for every execution: nothing is shared, nothing stays."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def version(self) -> str:
        return project.version()

    def prepare(self) -> None:
        project.compile_once()

    def execute(self, request: ExecutionRequest, folder: Path) -> Execution:
        keys = project.keys(request.providers)
        output = folder / "plan.yaml"
        timeout = request.pipeline.timeout_seconds
        done = project.run(_command(request, folder, output), folder, project.environment(keys), timeout)
        out, err = (project.scrubbed(one.decode("utf-8", errors="replace"), keys) for one in (done.stdout, done.stderr))
        (folder / "stdout.log").write_text(out, encoding="utf-8")
        (folder / "stderr.log").write_text(err, encoding="utf-8")
        if done.timed_out:
            raise ExecutionFailed(
                f"the pipeline did not end within {timeout:.0f} s and was ended; its output: {folder}; raise `timeout` "
                "in the study if it needs longer",
                kind="timeout",
            )
        text, problem = ("", _blame(done.exit_code, err, folder)) if done.exit_code != 0 else (_plan(out, output), None)
        return Execution(request.key, text, output, done.seconds, problem)

    def close(self) -> None:
        """Nothing is kept."""


def _command(request: ExecutionRequest, folder: Path, output: Path) -> list[str]:
    pipeline = request.pipeline
    command = ["mix", "pipeline.generate.live", "--prompt-file", str(folder / "prompt.md"), "--output", str(output)]
    command += ["--pipeline", str(pipeline.file), "--seed", str(request.replicate)]
    project.unchanged(pipeline.file, pipeline.sha256)
    for item in (*pipeline.inputs, *pipeline.files):
        project.unchanged(item.path, item.sha256)
    for item in pipeline.inputs:
        command += ["--input", f"{item.name}={item.path}"]
    return command


def _blame(exit_code: int, err: str, folder: Path) -> str:
    lines = [line for line in err.splitlines() if line.strip()]
    said = FAILURE.match(lines[-1]) if lines else None
    if said is None:
        last = lines[-1] if lines else "it said nothing"
        raise ExecutionFailed(
            f"the pipeline ended with exit code {exit_code}: {last[:300]}; its output is in {folder}", kind="crashed"
        )
    return blame(said["kind"], said["message"].replace(" | ", "\n"), folder)


def _plan(out: str, output: Path) -> str:
    """The text of the file that a successful run wrote. A success line alone is not believed."""
    said = [found["path"] for line in out.splitlines() if (found := SUCCESS.match(line.strip()))]
    if not said or Path(said[-1]) != output or output.is_symlink() or not output.is_file():
        raise ExecutionFailed(f"the pipeline ended well, but wrote no plan to {output}", kind="no file")
    if output.stat().st_size > project.PLAN_BYTES:
        raise ExecutionFailed(f"{output} has more than {project.PLAN_BYTES} bytes", kind="no file")
    text = output.read_text(encoding="utf-8", errors="replace")
    if not text.strip():
        raise ExecutionFailed(f"the pipeline ended well, but {output} is empty", kind="no file")
    return text
