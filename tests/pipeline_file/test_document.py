"""A pipeline file is read as its runtime reads it, or refused."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PipelineUnreadable
from workbench.pipeline_file import needs
from workbench.pipeline_file.document import mappings, read, value
from workbench.pipeline_file.events import MAX_DEPTH
from workbench.pipeline_file.parsers import FAST_YAML, PLACES, YAMERL, Parser
from workbench.pipeline_file.steps import steps

DATA = Path(__file__).parents[1] / "data"
REAL = sorted((DATA / "pipelines").glob("*.yaml"))
HARD = sorted((DATA / "pipelines_hard").glob("pipeline_*.yaml"))
PARSERS = {"our runtime": FAST_YAML, "pipeline_ex": YAMERL, "places": PLACES}
#: Words without a value in PyYAML, with one, and with one that is no text.
WORDS = ["=", "0000-00-00", "2026-06-31", "0b_", "2026-06-30", "yes", "1_0", "~", "plain words"]


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> Parser:
    return PARSERS[request.param]


def values(node: yaml.Node) -> Any:
    """Return a node as dictionaries and lists, with the scalars as they stand in the file."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: values(inner) for key, inner in node.value}
    return [values(inner) for inner in node.value] if isinstance(node, yaml.SequenceNode) else node.value


def texts(value: Any, scalars: Any) -> Any:
    """Return PyYAML's values with the file's own scalars in the place of values that are no texts."""
    if isinstance(value, dict):
        return {str(key): texts(inner, scalars[str(key)]) for key, inner in value.items()}
    if isinstance(value, list):
        return [texts(inner, scalar) for inner, scalar in zip(value, scalars, strict=True)]
    return value if isinstance(value, str) else scalars


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from dictionaries(inner)


@functools.cache
def loaded_pipeline(text: str) -> Any:
    """Return PyYAML's values of a pipeline. Reading them takes long, and each parser is compared with them."""
    return yaml.safe_load(text)


@pytest.mark.parametrize("file", REAL, ids=lambda file: file.stem)
def test_nodes_agree_with_values_on_every_real_pipeline(file: Path, parser: Parser) -> None:
    """They agree on all steps, parts, providers, programs and files, and on every other key and text."""
    text = file.read_bytes().decode()
    root = read(text, parser)
    loaded = loaded_pipeline(text)
    assert texts(loaded, values(root)) == values(root)
    all_mappings = list(dictionaries(loaded))
    assert len(list(mappings(root))) == len(all_mappings)
    kinds = {str(mapping.get("type")) for mapping in all_mappings if mapping.get("via") != "program"}
    beginnings = {"anthropic": "claude", "gemini": "gemini"}
    assert needs.providers(root) == {
        name for name, beginning in beginnings.items() if any(kind.startswith(beginning) for kind in kinds)
    }
    assert needs.programs(root) == any(mapping.get("via") == "program" for mapping in all_mappings)
    assert needs.files(root) == sorted(
        {mapping["path"] for mapping in all_mappings if mapping.get("type") == "file" and "path" in mapping}
    )
    inside = loaded.get("workflow", {})
    top = [step["name"] for step in inside.get("steps", [])]
    prompting = [
        mapping for mapping in dictionaries(inside) if "prompt" in mapping and ("name" in mapping or "id" in mapping)
    ]
    steps_by_name = steps(root)
    assert [name for name, step in steps_by_name.items() if step.top] == top
    assert {name for name, step in steps_by_name.items() if value(step.node, "prompt")} == {
        mapping.get("name", mapping.get("id")) for mapping in prompting
    }
    for mapping in prompting:
        parts = mapping["prompt"] if isinstance(mapping["prompt"], list) else []
        contents = [part["content"] for part in parts if part["type"] == "static"]
        name = mapping["name"] if "name" in mapping else mapping["id"]
        assert [node.value for node in steps_by_name[name].statics] == contents


def test_the_test_data_is_complete() -> None:
    """A missing folder would leave the other tests without a file to test."""
    assert (len(REAL), len(HARD)) == (24, 2)


@pytest.mark.parametrize("file", HARD, ids=lambda file: file.stem)
def test_a_hard_pipeline_has_its_steps(file: Path, parser: Parser) -> None:
    """PyYAML makes no values of these files."""
    text = file.read_text()
    with pytest.raises((yaml.YAMLError, ValueError)):
        yaml.safe_load(text)
    (step,) = steps(read(text, parser)).values()
    assert step.top
    assert len(step.statics) == 1


@given(st.lists(st.sampled_from(WORDS), min_size=5, max_size=5))
def test_no_word_hides_a_step(words: list[str]) -> None:
    """The word stands in the workflow, in a step, in a part and in a loop."""
    a, b, c, d, e = words
    text = f"""\
workflow:
  version: {a}
  steps:
    - {{name: one, type: claude, note: {b}, prompt: [{{type: file, path: style.md, note: {c}}}]}}
    - name: all
      type: for_loop
      over: {d}
      steps:
        - {{name: two, type: gemini, prompt: [{{type: static, content: "x", note: {e}}}]}}
"""
    for parser in PARSERS.values():
        root = read(text, parser)
        assert list(steps(root)) == ["one", "all", "two"]
        assert needs.files(root) == ["style.md"]
        assert needs.providers(root) == {"anthropic", "gemini"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; expected a mapping"),
        ("# a comment\n", "the file is empty; expected a mapping"),
        ("- a\n", "line 1: the root is a list; expected a mapping"),
        ("\nword\n", "line 2: the root is a text; expected a mapping"),
        ("a: 1\n---\nb: 2\n", "line 2: a second YAML document begins here"),
        ("a: 1\n---\n", "line 2: a second YAML document begins here"),
        ("a: 1\nb: 2\na: 3\n", 'line 3: the key "a" stands in line 1 too'),
        ('a:\n  - b: 1\n    "b": 2\n', 'line 3: the key "b" stands in line 2 too'),
        ("a: 1\n? [b]\n: c\n", "line 2: a list or a mapping is a key"),
        ("a: 1\n'<<': {b: c}\n", "line 2: the merge key <<"),
        ("a: 1\nb: *c\n", "line 2: the alias *c "),
        ("a: &c [1, *c]\n", "line 1: the a"),
        ("a: 1\nb: !ruby/object:C {}\n", "line 2: the tag !ruby/object:C is not supported"),
        ("a: 1\nb: \x07\n", "line 2: unacceptable character #x0007"),
        ("a: 1\rb: \x07\n", "line 2: unacceptable character #x0007"),
        ("a: 1\nb: \ud800\n", "line 2: unacceptable character #xd800"),
        ("a: 1\n\ufefftype: b\n", "line 2: the character U+FEFF"),
        ("a: [\n", "line 2: "),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "line 1: nested more than 64 levels deep"),
        ("[" * 200, "line 1: nested more than 64 levels deep"),
        ("- " * 100_000, "line 1: nested more than 64 levels deep"),
    ],
)
def test_a_refusal_names_the_line_and_the_reason(text: str, message: str) -> None:
    """None of these texts is taken for an empty file. Only the parser for changing files accepts every tag."""
    for parser in (FAST_YAML, YAMERL) if "!" in text else PARSERS.values():
        with pytest.raises(PipelineUnreadable) as caught:
            read(text, parser)
        assert str(caught.value).startswith(message)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    "text",
    [
        "a: &x word\nb: *x\n",
        "a: &x\n  type: claude\nb: *x\n",
        "a: &x\n  - type: claude\nb: *x\n",
        "a: !!str 5\n",
        "a: !!map {b: !!seq [c]}\n",
    ],
)
def test_what_only_pipeline_ex_resolves_is_refused_for_our_runtime(text: str) -> None:
    """pipeline_ex's parser replaces an alias by its node."""
    root = read(text, YAMERL)
    if (shared := value(root, "b")) is not None:
        assert shared is value(root, "a")
    with pytest.raises(PipelineUnreadable, match="is not supported"):
        read(text, FAST_YAML)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x {type: claude}\nb: *x\n", "line 2: pipeline_ex misreads the alias *x of a value in brackets"),
        ("a: &x [c, d]\nb: *x\n", "line 2: pipeline_ex misreads the alias *x of a value in brackets"),
        ("a: &x 1\nb: &x 2\nc: *x\n", "line 2: the anchor &x stands in the file twice"),
        ("a: ! claude\n", "line 1: the tag ! is not supported"),
        ("a: !!binary Y2xhdWRl\n", "line 1: the tag !!binary is not supported"),
        ("a: |\n  b\u2028c: d\n", "line 2: the character U+2028 (LINE SEPARATOR)"),
        ("a: b\x85c: d\n", "line 1: the character U+0085 (NEXT LINE)"),
        ('a: "\ufeff"\n', "line 1: the character U+FEFF"),
    ],
)
def test_a_file_that_pipeline_ex_and_pyyaml_read_differently_is_refused(text: str, message: str) -> None:
    """The differences were measured with yamerl 0.10 and yaml_elixir."""
    with pytest.raises(PipelineUnreadable) as caught:
        read(text, YAMERL)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "accepting"),
    [
        ('a: "b"\t# why\n', {"our runtime", "pipeline_ex"}),
        ("a: {b?: c}\n", {"our runtime", "pipeline_ex"}),
        ("a: |\n \tb\n c\n", {"pipeline_ex", "places"}),
        ("\ufeffa: b\n", {"our runtime", "pipeline_ex", "places"}),
        ("%YAML 1.2\n---\na: b\n", {"our runtime", "pipeline_ex", "places"}),
        ("1: a\nyes: b\n~: c\n", {"our runtime", "pipeline_ex", "places"}),
    ],
)
def test_a_file_is_accepted_if_its_runtime_accepts_it(text: str, accepting: set[str]) -> None:
    """PyYAML's two parsers accept different files. Each runtime's files are read by a parser that accepts them."""
    for name, parser in PARSERS.items():
        if name in accepting:
            assert read(text, parser).value
        else:
            with pytest.raises(PipelineUnreadable):
                read(text, parser)


def test_aliases_of_aliases_are_walked_once() -> None:
    """The file has a billion mappings if the aliases are written out."""
    lines = ["a0: &a0\n  type: claude\n"]
    lines += [f"a{n}: &a{n}\n" + f"  - *a{n - 1}\n" * 10 for n in range(1, 10)]
    root = read("".join(lines), YAMERL)
    assert len(list(mappings(root))) == 2
    assert needs.providers(root) == {"anthropic"}
