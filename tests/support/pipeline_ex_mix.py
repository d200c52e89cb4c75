#!/usr/bin/env python3
"""A stand-in for `mix` in a checkout of pipeline_ex: it replays recordings of the real `mix`.

The script needs nothing but Python 3. A test copies it into a folder of its own as `mix`, with `replay.json` beside it:

    recordings  the folder with the recordings
    turns       names of recordings, one for each call of a pipeline task in turn. The last is for all later calls too
    chatter     number of log lines before the recorded output, and again after it
    seconds     how long a call takes, instead of the recorded time
    hang        if true, the call does not end, and it starts a process in another session that does not end either
    echo        names of variables whose values are printed to both streams

Every call is recorded in `calls.jsonl`. The plan of a good run ends with the prompt as a comment, so that each
prompt gets another plan.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(sys.argv[0]).absolute().parent
SCRIPT = json.loads((HERE / "replay.json").read_text())
REQUEST = "Improve the supervision tree of my Elixir application"


def main(arguments: list[str]) -> int:
    task = arguments[0] if arguments else ""
    number = record_call(task, arguments)
    if task == "--version":
        print("Mix 1.18.4 (compiled with Erlang/OTP 25)")
    elif task == "compile":
        return run_compile()
    elif task.startswith("pipeline."):
        return run_pipeline_task(arguments, number)
    return 0


def record_call(task: str, arguments: list[str]) -> int:
    """Write a line for the call, and return how many calls of the same task came before it."""
    with (HERE / "calls.jsonl").open("a+") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        before: int = sum(json.loads(line)["task"] == task for line in log)
        environ = {name: os.environ.get(name) for name in ("LANG", "TEST_MODE", "MIX_ENV", "PIPELINE_OUTPUT_DIR")}
        log.write(json.dumps({"task": task, "arguments": arguments, "cwd": str(Path.cwd()), "env": environ}) + "\n")
    return before


def run_compile() -> int:
    if not Path("mix.exs").exists():
        print("** (Mix) Could not find a Mix.Project, please ensure you are running Mix in a directory with a mix.exs")
        return 1
    Path("_build/dev").mkdir(parents=True, exist_ok=True)
    return 0


def run_pipeline_task(arguments: list[str], number: int) -> int:
    turns = SCRIPT["turns"]
    run = json.loads(Path(SCRIPT["recordings"], f"{turns[min(number, len(turns) - 1)]}.json").read_text())
    time.sleep(SCRIPT.get("seconds", run["seconds"]))
    if SCRIPT.get("hang"):
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        time.sleep(600)
    if arguments[0].startswith("pipeline.run"):
        return replay_run(Path(arguments[1]).read_text(), run)
    output = arguments[arguments.index("--output") + 1]
    return replay_generate(run, output, arguments[arguments.index("--") + 1])


def replay_generate(run: dict[str, Any], output: str, prompt: str) -> int:
    """Replay `mix pipeline.generate`: write the recorded files and output, with this call's file and prompt in them."""
    recorded = run["argv"][run["argv"].index("--output") + 1] if "--output" in run["argv"] else "?"
    outputs = [run[name].replace(REQUEST, prompt).replace(recorded, output) for name in ("stdout", "stderr")]
    for path, text in run["files"].items():
        # The names of the side files begin with the stem of the output file.
        file = Path(path.replace(recorded.removesuffix(".yaml"), output.removesuffix(".yaml")))
        outputs = [output_text.replace(path, str(file)) for output_text in outputs]
        file.parent.mkdir(parents=True, exist_ok=True)
        good = run["name"].startswith("live_ok") and path == recorded
        file.write_text(text + commented(prompt) if good else text)
    return end(run, *outputs)


def replay_run(pipeline: str, run: dict[str, Any]) -> int:
    """Replay `mix pipeline.run`: write the output of the step that saves one, in pipeline_ex's envelope."""
    output = re.search(r'"?output_to_file"?: "?(workbench_plan)', pipeline)
    messages = re.findall(r"^.*(?:Message types|ClaudeAgentSDK messages): .*$", run["stdout"], re.MULTILINE)
    lines = ["🚀 Running Pipeline Workflow", "🎭 Mode: Live (real API calls, costs money)", ""]
    lines += ["00:00:00.000 [info] 💪 Executing Claude step: write"]
    lines += ["00:00:00.000 [debug] 📥 Collecting messages from Claude SDK stream…", *messages]
    if run["exit_code"] == 0 and output:
        file = Path(os.environ["PIPELINE_OUTPUT_DIR"], output[1])
        file.parent.mkdir(parents=True, exist_ok=True)
        # pipeline_ex's JSON reader leaves escapes as the model sent them.
        text = json.dumps(f"workflow:\n  name: ran\n  steps: []\n{commented(pipeline)}")[1:-1]
        file.write_text(json.dumps({"text": text, "success": True, "cost": 0.001, "model": "claude-fake"}))
        Path("left_behind.txt").write_text("a pipeline's own file")
        lines += [f"00:00:00.000 [info] 💾 Saved step output to: {file}", "✅ Pipeline completed successfully!"]
    return end(run, "\n".join(lines), run["stderr"].replace("Pipeline generation failed", "Pipeline failed"))


def commented(prompt: str) -> str:
    """Return the prompt as a YAML comment."""
    return "\n" + "".join(f"# {line}\n" for line in prompt.splitlines())


def end(run: dict[str, Any], out: str, err: str) -> int:
    """Print the output, and return the recorded exit code."""
    chatter = "00:00:00.000 [debug] Nothing of importance\n" * SCRIPT.get("chatter", 0)
    echo = "".join(f"00:00:00.000 [debug] {name}: {os.environ.get(name)}\n" for name in SCRIPT.get("echo", []))
    sys.stdout.buffer.write(f"{echo}{chatter}{out}{chatter}".encode())
    sys.stderr.buffer.write(f"{echo}{err}".encode())
    return int(run["exit_code"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
