"""Messages of the claude program in pipeline_ex's log, and runs with these messages.

The logs are composed as pipeline_ex's source does, at commit ff625ec (claude_provider.ex, enhanced_claude_provider.ex,
gemini_provider.ex, gemini_instructor.ex, loop.ex, pipeline.generate.ex) with claude_agent_sdk 0.5.3 and Elixir 1.18.
"""

from __future__ import annotations

import json
from typing import Any

from tests.support.pipeline_ex_log import (
    SAVED,
    TYPES,
    classified,
    plan,
    recording,
    run_log,
    saved,
)
from workbench.execution.pipeline_ex.outcome import Outcome, classify

NOW = "22:25:30.000"
PLAN = "workflow:\n  name: x\n  steps:\n    - name: a\n"


def literal(text: str) -> str:
    """Return a text as Elixir's `inspect` prints it, cut off at 4,096 characters."""
    escaped = text[:4096].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"' + (" <> ..." if len(text) > 4096 else "")


def parsed(text: str) -> str:
    content = f'%{{"content" => [%{{"text" => {literal(text)}, "type" => "text"}}], "role" => "assistant"}}'
    return (
        f"%ClaudeAgentSDK.Message{{type: :assistant, subtype: nil, data: %{{message: {content}, "
        f'session_id: "s"}}, raw: %{{"message" => {content}, "type" => "assistant"}}}}'
    )


def unparsed(line: str) -> str:
    """Return the message for a line of claude's output that pipeline_ex's JSON reader could not read."""
    return (
        f'%ClaudeAgentSDK.Message{{type: :assistant, subtype: nil, data: %{{message: %{{"content" => {literal(line)}, '
        '"role" => "assistant"}, session_id: "unknown"}, raw: nil}'
    )


def success(text: str = "x", is_error: bool = False) -> str:
    data = f'is_error: {json.dumps(is_error)}, num_turns: 1.0, result: {literal(text)}, session_id: "s"'
    return f"%ClaudeAgentSDK.Message{{type: :result, subtype: :success, data: %{{{data}}}, raw: %{{}}}}"


def message(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))


def reply_line(text: str) -> str:
    return message("assistant", message={"content": [{"type": "text", "text": text}]})


def result_line(text: str, is_error: bool = False) -> str:
    return message("result", subtype="success", is_error=is_error, result=text)


def late_result_line(text: str, is_error: bool = False) -> str:
    return message("result", result=text, subtype="success", is_error=is_error)


def dump(*messages: str, cut: bool = False) -> str:
    """Return the log's line with the messages. A logger with its default settings cuts it off at 8,192 bytes."""
    line = f"ClaudeAgentSDK messages: [{', '.join(messages)}]"
    return f"{NOW} [debug] {line[:8192]} (truncated)" if cut else f"{NOW} [debug] {line}"


def ran(*lines: str, files: dict[str, str] | None = None) -> Outcome:
    return classify(0, run_log(*lines, *SAVED), "", saved(PLAN) if files is None else files)


def generated(messages: str, types: str, text: str = PLAN, preview: str = "") -> Outcome:
    """Return the outcome of the recording of a good generate run, with other messages in its log."""
    run = recording("live_ok")
    lines = []
    for line in run["stdout"].split("\n"):
        if "ClaudeAgentSDK messages:" in line:
            lines.append(messages)
        elif "result preview:" in line:
            lines.append(f"🐛 Debug - Simple pipeline result preview: %{{cost: 0, text: {literal(preview)}}}")
        else:
            lines.append(line.replace(TYPES, f"Message types: {types}"))
    return classified(run, stdout="\n".join(lines), files=plan(text))
