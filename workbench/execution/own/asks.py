"""Tells which models a pipeline file's steps ask, and how much one execution can ask of them at most.

The runtime decides what a step asks. Here, every setting that may apply counts with its largest value: a bound that is
too high only reserves too much for a while.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from workbench.execution.runtime import BYTES_OF_TOKEN, ModelCalls
from workbench.nouns import Pipeline
from workbench.pipeline_file.document import items, mappings, scalar_text, value
from workbench.pipeline_file.needs import STEP_PROVIDERS
from workbench.pipeline_file.steps import workflow
from workbench.provider_table import KNOWN, ProviderName

#: The most output tokens of a step that sets no limit, by provider, as the runtime's catalogue has them.
OUTPUT_TOKENS: dict[ProviderName, int] = {"anthropic": 64_000, "gemini": 65_536}
#: The most turns of a step with tools that sets no limit. The preset `development` has them.
TURNS = 20
#: How often the runtime reminds a model that ended its turn without an answer, and repairs a structured answer.
REMINDERS, REPAIRS = 2, 2
#: How often the runtime calls a provider again after a failure, unless PIPELINE_RETRIES or the step says otherwise.
RETRIES = 3
#: What a tool adds to a conversation with one reply: at most 50 calls of at most 400,000 bytes.
TOOL_BYTES = 50 * 400_000


def model_calls(root: yaml.Node, pipeline: Pipeline, environ: Mapping[str, str] = os.environ) -> Iterator[ModelCalls]:
    """Yield what each step asks its model at most. The bytes of the study's prompt are counted for each use of it."""
    workflow_node = workflow(root)
    if workflow_node is None:
        return
    defaults = value(workflow_node, "defaults")
    largest_file = max((_size(item.path) for item in (*pipeline.inputs, *pipeline.files)), default=0)
    own_bytes = _size(pipeline.file) if pipeline.file else 0
    answer_tokens = 0
    for step in mappings(workflow_node):
        kind = _text(step, "type") or ""
        provider = next((name for prefix, name in STEP_PROVIDERS.items() if kind.startswith(prefix)), None)
        if provider is None or value(step, "prompt") is None:
            continue
        part_types = [_text(part, "type") for part in items(value(step, "prompt"))]
        filled_parts = [part_type for part_type in part_types if part_type != "static"]
        options = [value(step, "claude_options"), value(defaults, "claude_options")]
        output_tokens = _output_tokens(step, defaults, provider)
        calls = _replies(step, kind, options, defaults)
        retries = _number(value(step, "retry_config"), "max_retries")
        yield ModelCalls(
            step=_text(step, "name") or "",
            provider=provider,
            model=_model(step, options, defaults, provider),
            calls=calls,
            tries=1 + (int(environ.get("PIPELINE_RETRIES") or RETRIES) if retries is None else retries),
            # A part that is no variable can be the largest file. Any part can be the answer of an earlier step.
            input_bytes=own_bytes + sum(part_type != "variable" for part_type in filled_parts) * largest_file,
            prompts=filled_parts.count("variable"),
            earlier_tokens=len(filled_parts) * answer_tokens,
            output_tokens=output_tokens,
            added_bytes=output_tokens * BYTES_OF_TOKEN + TOOL_BYTES * kind.startswith("claude"),
        )
        answer_tokens += output_tokens


def _replies(step: yaml.MappingNode, kind: str, options: list[yaml.Node | None], defaults: yaml.Node | None) -> int:
    """Return how many replies a step takes at most."""
    structured = kind.endswith(("_extract", "_instructor"))
    repairs = _number(step, "repairs")
    replies = 1 + (REPAIRS if repairs is None else repairs) * structured
    if kind.startswith("claude") and _tools(kind, step, options, defaults):
        turns = [_number(option, "max_turns") for option in options]
        replies += max([TURNS, *(turn for turn in turns if turn is not None)]) + REMINDERS
    return replies


def _tools(kind: str, step: yaml.MappingNode, options: list[yaml.Node | None], defaults: yaml.Node | None) -> bool:
    """Return whether a claude step may use tools: its options allow some, or a preset does."""
    presets = [_text(step, "preset"), _text(defaults, "claude_preset")]
    allowed = any(value(option, "allowed_tools") is not None for option in options)
    return allowed or kind == "claude_smart" or any(preset not in (None, "chat") for preset in presets)


def _output_tokens(step: yaml.MappingNode, defaults: yaml.Node | None, provider: ProviderName) -> int:
    """Return the limit of one reply in tokens: the step's own, that of the defaults, or the provider's."""
    for source, key in (
        (step, "max_tokens"),
        (value(step, "token_budget"), "max_output_tokens"),
        (value(defaults, "gemini_token_budget") if provider == "gemini" else None, "max_output_tokens"),
    ):
        if (number := _number(source, key)) is not None:
            return number
    return OUTPUT_TOKENS[provider]


def _model(
    step: yaml.MappingNode, options: list[yaml.Node | None], defaults: yaml.Node | None, provider: ProviderName
) -> str:
    """Return the full name of a step's model. A short name such as `sonnet` stands for the current model of that kind.

    A step that names no model asks the provider's first current model.
    """
    own_options, default_options = options if provider == "anthropic" else (None, None)
    names = [
        _text(step, "model"),
        _text(own_options, "model"),
        _text(default_options, "model"),
        _text(defaults, "claude_model" if provider == "anthropic" else "gemini_model"),
    ]
    name = next((name for name in names if name), KNOWN[provider].models[0])
    return next((model for model in KNOWN[provider].models if model.startswith(f"claude-{name}-")), name)


def _text(node: yaml.Node | None, key: str) -> str | None:
    return scalar_text(value(node, key))


def _number(node: yaml.Node | None, key: str) -> int | None:
    text = _text(node, key)
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return None


def _size(file: Path) -> int:
    """Return the size of a file in bytes. Return 0 for a file that is gone: its execution will be refused."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
