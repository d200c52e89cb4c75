"""A prompt goes into a pipeline file, and no other byte of it changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.errors import NotApplied
from workbench.pipeline_file.steps import document, value
from workbench.pipeline_file.write_back import replace_scalar, write_back

PIPELINES = sorted((Path(__file__).parents[1] / "data" / "pipelines").glob("*.yaml"))

HOSTILE = [
    "one line",
    "two\nlines\n",
    "",
    " leads with a space\nand goes on",
    "\tleads with a tab\n",
    "\n\nleads with empty lines",
    "ends with many\n\n\n",
    "a line of spaces\n   \nwithin, and trailing ones   \n",
    "ends in spaces\n   ",
    "\n",
    "   ",
    "'single' \"double\" \\back\\n # no comment: {braces} [brackets] & * ! | > % @ `",
    "--- \n...\n- no: list\n? no key\n",
    "null",
    "2024-01-01",
    "windows\r\nlines\r\n",
    "old mac\rlines",
    "next\x85line, line\u2028separator, para\u2029graph",
    "bell \a, escape \x1b[31m, zero \0, delete \x7f",
    "byte order \ufeff mark, nothing \ufffe",
    "Grüße, 日本語, 🙂, e\u0301, \u202eright to left",
    "x" * 10_000,
    "<<: *alias &anchor !!tag",
    "\n".join(f"{' ' * (n % 12)}line {n}" for n in range(200)),
]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet="ab \n\t:#-'\"|>\r\\{}", max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)


def statics(text: str) -> list[yaml.ScalarNode]:
    """Return the texts of all static parts in a file, at any depth."""
    try:
        return list(_statics(yaml.compose(text, Loader=yaml.CSafeLoader)))
    except yaml.YAMLError:
        return []


def _statics(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        kind, content = value(node, "type"), value(node, "content")
        if isinstance(kind, yaml.ScalarNode) and kind.value == "static" and isinstance(content, yaml.ScalarNode):
            yield content
    for item in node.value if isinstance(node, yaml.CollectionNode) else []:
        for inner in item if isinstance(item, tuple) else (item,):
            yield from _statics(inner)


def rewritten(text: str, number: int, prompt: str) -> str:
    root = document(text)
    assert root is not None
    return replace_scalar(text, root, list(_statics(root))[number], prompt)


def lines_apart(text: str, node: yaml.ScalarNode) -> tuple[bytes, bytes]:
    """Return the bytes before and after a block scalar.

    The test finds them by the lines, so that the tested code does not judge itself.
    """
    lines = text.splitlines(keepends=True)
    first = node.start_mark.line
    last = first + 1
    depth = len(lines[last]) - len(lines[last].lstrip(" "))
    end = last
    for number in range(last, len(lines)):
        if lines[number].strip() and len(lines[number]) - len(lines[number].lstrip(" ")) < depth:
            break
        if lines[number].strip():
            end = number + 1
    return "".join(lines[:first]).encode(), "".join(lines[end:]).encode()


PLACES = [(file, n) for file in PIPELINES for n in range(len(statics(file.read_text(encoding="utf-8"))))]


def test_the_test_data_has_all_places() -> None:
    """A missing file would leave places untested."""
    assert len(PLACES) == 66


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "number"), PLACES, ids=lambda part: part.stem if isinstance(part, Path) else str(part)
)
def test_no_byte_outside_the_prompt_changes_in_any_pipeline(file: Path, number: int) -> None:
    """This holds for each static part of each file, with CRLF, a byte order mark and no final newline, too."""
    plain = file.read_bytes().decode()
    variants = [plain, plain.replace("\n", "\r\n"), "\ufeff" + plain, plain.rstrip("\n")]
    # Test two pairs for each place. Over all places, every prompt is tested with every variant.
    place = PLACES.index((file, number))
    for turn in (2 * place, 2 * place + 1):
        text, prompt = variants[turn % 4], HOSTILE[turn % len(HOSTILE)]
        changed = rewritten(text, number, prompt)
        node = statics(text)[number]
        before, after = lines_apart(text, node) if node.style == "|" else (text[: node.start_mark.index].encode(), b"")
        assert changed.encode().startswith(before)
        assert changed.encode().endswith(after)
        assert contents(changed) == [*contents(text)[:number], prompt, *contents(text)[number + 1 :]]
        assert without(changed, number) == without(text, number)
    assert rewritten(changed, number, prompt) == changed
    assert rewritten(plain, number, contents(plain)[number]) == plain


def contents(text: str) -> list[str]:
    return [node.value for node in statics(text)]


def without(text: str, number: int) -> Any:
    """Return the document's values without one scalar's value."""
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    list(_statics(root))[number].value = "…"
    return yaml.load(yaml.serialize(root, Dumper=yaml.CSafeDumper), Loader=yaml.CSafeLoader)


SCALARS = {
    "plain": "old words",
    "plain of two lines": "old\n            words",
    "single": "'old ''words'''",
    "double": '"old \\"words\\""',
    "double of two lines": '"old\n\n            words"',
    "literal": "|\n            old\n\n            words",
    "literal, stripped": "|-\n            old words",
    "literal, kept": "|+\n            old words\n\n",
    "literal, indented by number": "|2-\n              old\n            words",
    "literal, deep": "|\n                              old",
    "literal, lines of spaces": "|\n            old\n               \n            words\n               ",
    "folded": ">\n            old\n            words\n\n            more",
    "folded, stripped": ">-\n            old words",
    "tagged": "!!str old",
    "anchored": "&here |\n            old",
    "empty": '""',
    "number": "5",
    "with a comment": '"old" # why it is so',
    "literal with a comment": "| # why it is so\n            old",
}
FILE = """# A file with much in it that is nobody's business: Grüße\t
workflow:
  name:   "x"   # three spaces

  steps:
    - { name: other, type: claude, prompt: [ {type: static, content: "in flow"} ] }
    - name: 'plan'
      type: claude
      prompt:
        - type: "static"
          content: %s

        # The next part.

        - {type: static, content: second}   # ü
  defaults: &d {a: [1,2 ,3], nan: .nan}
  more: *d
"""


@pytest.mark.slow
@pytest.mark.parametrize("style", SCALARS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@settings(max_examples=15)
@given(prompt=TEXTS)
@example(prompt="two\nlines\n")
def test_every_style_of_the_old_value_is_replaced_alone(style: str, end: str, prompt: str) -> None:
    """All bytes around the value stay the same, including blank lines and comments."""
    head, tail = FILE.split("%s")
    old = SCALARS[style]
    text = (head + old + tail).replace("\n", end)
    changed = write_back(text, "plan", 1, prompt)
    head, tail = head.replace("\n", end), tail.replace("\n", end)
    assert changed.startswith(head)
    rest = tail.removeprefix(end) if prompt.endswith("\n") or style == "literal, kept" else tail
    assert changed.endswith(rest)
    comment = re.search(" # why it is so", old)
    assert ("# why it is so" in changed) == (comment is not None)
    parts = yaml.load(changed, Loader=yaml.CSafeLoader)["workflow"]["steps"][1]["prompt"]
    assert parts[0] == {"type": "static", "content": prompt}
    assert write_back(changed, "plan", 1, prompt) == changed


LAST = ["old words", "'old'", "|\n  old", "|-\n  old\n", ">\n  old\n\n", '"old" # c']


@given(prompt=TEXTS, last=st.sampled_from(LAST))
def test_a_value_at_the_end_of_a_file_is_replaced(prompt: str, last: str) -> None:
    """A file without a final newline gets one only if the prompt ends in a newline."""
    text = f"workflow:\n  steps:\n  - name: plan\n    prompt:\n    - type: static\n      content: {last}".replace(
        "\n  old", "\n          old"
    )
    changed = write_back(text, "plan", 1, prompt)
    assert yaml.load(changed, Loader=yaml.CSafeLoader)["workflow"]["steps"][0]["prompt"][0]["content"] == prompt
    if last in ("old words", "'old'") and not prompt.endswith("\n"):
        assert not changed.endswith("\n")


@given(prompt=TEXTS)
def test_a_part_in_flow_style_stays_in_its_line(prompt: str) -> None:
    """A block scalar cannot stand in flow style."""
    text = FILE % "|\n            old"
    changed = write_back(text, "other", 1, prompt)
    assert yaml.load(changed, Loader=yaml.CSafeLoader)["workflow"]["steps"][0]["prompt"][0]["content"] == prompt
    before, after = text.splitlines(), changed.split("\n")
    assert before[:5] == after[:5]
    assert before[6:] == after[6 : len(before)]


def test_a_readable_prompt_is_written_readably() -> None:
    """It becomes a literal block with the file's own indentation, even if the old value was quoted."""
    changed = write_back(FILE % '"old" # why', "plan", 1, "first\n\n  second\n")
    assert "          content: | # why\n            first\n\n              second\n\n        # The next" in changed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workflow: [", "not one YAML document"),
        ("a: 1\n---\nb: 2\n", "not one YAML document"),
        ("", "the file is empty"),
        ("a: \x01", "unacceptable character"),
        ('workflow:\n  name: "x"\t# why\n', "line 2: found character '\\t' that cannot start any token"),
        (
            "workflow: {steps: [{name: a, prompt: []}]}",
            "no static part 1 in step plan of the pipeline: its steps are a",
        ),
        ("workflow: {steps: [{name: plan, prompt: []}]}", "has 0 static parts"),
        ("workflow: {steps: [{name: plan, prompt: [{type: static, content: }]}]}", 'write "" there first'),
        ("workflow: {x: &a old, steps: [{name: plan, prompt: [{type: static, content: *a}]}]}", "YAML alias"),
        ("workflow: {x: &a [{type: static, content: old}], steps: [{name: plan, prompt: *a}]}", "YAML alias"),
        ("workflow: {steps: [{name: plan, prompt: [{type: static, content: !!binary aGk=}]}]}", "do it by hand"),
        # Readers disagree whether "! null" is a text.
        ("workflow: {steps: [{name: plan, prompt: [{type: static, content: ! old}]}]}", "do it by hand"),
    ],
)
def test_a_change_that_is_impossible_is_refused(text: str, message: str) -> None:
    """The message gives the reason."""
    with pytest.raises(NotApplied, match=re.escape(message)):
        write_back(text, "plan", 1, "new\nprompt")


@pytest.mark.parametrize("number", [1, 2])
def test_a_prompt_is_written_into_a_file_with_a_block_that_begins_with_a_tab(number: int) -> None:
    """libyaml refuses such a file, but PyYAML's own parser accepts it."""
    text = FILE % "|\n            \told\n            words"
    text = text.replace("content: second}", "content: second}\n        - {type: static, content: third}")
    with pytest.raises(yaml.YAMLError):
        yaml.load(text, Loader=yaml.CSafeLoader)
    changed = write_back(text, "plan", number, "new\nwords\n")
    before, after = (yaml.load(content, Loader=yaml.SafeLoader) for content in (text, changed))
    before["workflow"]["steps"][1]["prompt"][number - 1]["content"] = "new\nwords\n"
    assert after == before


def test_a_prompt_with_half_a_surrogate_pair_is_refused() -> None:
    """No file can hold it."""
    with pytest.raises(NotApplied, match="half a surrogate pair"):
        write_back(FILE % "old", "plan", 1, "\ud800")
