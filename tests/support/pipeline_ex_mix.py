#!/usr/bin/env python3
"""Stands in for `mix` in a checkout of pipeline_ex: replays recordings of it. Runs by itself, on any Python 3.

Put into a folder of its own as `mix`, with `replay.json` beside it:

    recordings  the folder with the recordings
    turns       names of recordings, one for each generate call in turn, the last for all later ones
    chatter     lines of log before what was recorded, and as many after it
    seconds     how long a call takes, instead of the recorded time
    hang        true: never ends, and neither does a process in a session of its own
    echo        names of variables whose values it prints to both streams

Every call is noted in `calls.jsonl`. The plan of a good run follows the prompt, so that prompts can be told apart.
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

HERE = Path(sys.argv[0]).absolute().parent
TOLD = json.loads((HERE / "replay.json").read_text())
REQUEST = "Improve the supervision tree of my Elixir application"


def main(arguments: list[str]) -> int:
    task = arguments[0] if arguments else ""
    number = note(task, arguments)
    if task == "--version":
        print("Mix 1.18.4 (compiled with Erlang/OTP 25)")
    elif task == "compile":
        return compiled()
    elif task.startswith("pipeline."):
        return replayed(arguments, number)
    return 0


def note(task: str, arguments: list[str]) -> int:
    """Write the call down; the number of its like before it."""
    with (HERE / "calls.jsonl").open("a+") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        before = sum(json.loads(line)["task"] == task for line in log)
        kept = {name: os.environ.get(name) for name in ("LANG", "TEST_MODE", "MIX_ENV", "PIPELINE_OUTPUT_DIR")}
        log.write(json.dumps({"task": task, "arguments": arguments, "cwd": str(Path.cwd()), "env": kept}) + "\n")
    return before


def compiled() -> int:
    if not Path("mix.exs").exists():
        print("** (Mix) Could not find a Mix.Project, please ensure you are running Mix in a directory with a mix.exs")
        return 1
    Path("_build/dev").mkdir(parents=True, exist_ok=True)
    return 0


def replayed(arguments: list[str], number: int) -> int:
    turns = TOLD["turns"]
    run = json.loads(Path(TOLD["recordings"], f"{turns[min(number, len(turns) - 1)]}.json").read_text())
    time.sleep(TOLD.get("seconds", run["seconds"]))
    if TOLD.get("hang"):
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        time.sleep(600)
    if arguments[0].startswith("pipeline.run"):
        return ran(Path(arguments[1]).read_text(), run)
    output = arguments[arguments.index("--output") + 1]
    return generated(run, output, arguments[arguments.index("--") + 1])


def generated(run: dict, output: str, prompt: str) -> int:
    recorded = run["argv"][run["argv"].index("--output") + 1] if "--output" in run["argv"] else "?"
    said = [run[name].replace(REQUEST, prompt).replace(recorded, output) for name in ("stdout", "stderr")]
    for path, text in run["files"].items():
        # The side files' names are of the same stem.
        file = Path(path.replace(recorded.removesuffix(".yaml"), output.removesuffix(".yaml")))
        said = [one.replace(path, str(file)) for one in said]
        file.parent.mkdir(parents=True, exist_ok=True)
        good = run["name"].startswith("live_ok") and path == recorded
        file.write_text(text + following(prompt) if good else text)
    return end(run, *said)


def ran(pipeline: str, run: dict) -> int:
    """A pipeline file's run: the output of the step that saves one, in the envelope that pipeline_ex puts around it."""
    output = re.search(r'"?output_to_file"?: "?(workbench_plan)', pipeline)
    messages = re.findall(r"^.*(?:Message types|ClaudeAgentSDK messages): .*$", run["stdout"], re.MULTILINE)
    lines = ["🚀 Running Pipeline Workflow", "🎭 Mode: Live (real API calls, costs money)", ""]
    lines += ["00:00:00.000 [info] 💪 Executing Claude step: write"]
    lines += ["00:00:00.000 [debug] 📥 Collecting messages from Claude SDK stream…", *messages]
    if run["exit_code"] == 0 and output:
        file = Path(os.environ["PIPELINE_OUTPUT_DIR"], output[1])
        file.parent.mkdir(parents=True, exist_ok=True)
        # Its JSON reader leaves escapes as they were sent.
        text = json.dumps(f"workflow:\n  name: ran\n  steps: []\n{following(pipeline)}")[1:-1]
        file.write_text(json.dumps({"text": text, "success": True, "cost": 0.001, "model": "claude-fake"}))
        Path("left_behind.txt").write_text("a pipeline's own file")
        lines += [f"00:00:00.000 [info] 💾 Saved step output to: {file}", "✅ Pipeline completed successfully!"]
    return end(run, "\n".join(lines), run["stderr"].replace("Pipeline generation failed", "Pipeline failed"))


def following(prompt: str) -> str:
    return "\n" + "".join(f"# {line}\n" for line in prompt.splitlines())


def end(run: dict, out: str, err: str) -> int:
    chatter = "00:00:00.000 [debug] Nothing of importance\n" * TOLD.get("chatter", 0)
    echo = "".join(f"00:00:00.000 [debug] {name}: {os.environ.get(name)}\n" for name in TOLD.get("echo", []))
    sys.stdout.buffer.write(f"{echo}{chatter}{out}{chatter}".encode())
    sys.stderr.buffer.write(f"{echo}{err}".encode())
    return run["exit_code"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
