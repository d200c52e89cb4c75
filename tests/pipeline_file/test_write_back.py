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
from workbench.pipeline_file.write_back import replaced, write_back

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
    """The texts of all static parts in a file, in whatever they are."""
    try:
        return list(_statics(yaml.compose(text, Loader=yaml.CSafeLoader)))
    except yaml.YAMLError:
        return []


def _statics(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
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
    return replaced(text, root, list(_statics(root))[number], prompt)


def lines_apart(text: str, node: yaml.ScalarNode) -> tuple[bytes, bytes]:
    """What stands before and after a block scalar, by its lines: said anew, so that the code does not judge itself."""
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


def test_there_are_as_many_places_as_the_files_have() -> None:
    """Or nothing would be tested."""
    assert len(PLACES) == 66


@pytest.mark.parametrize(("file", "number"), PLACES, ids=lambda one: one.stem if isinstance(one, Path) else str(one))
def test_no_byte_outside_the_prompt_changes_in_any_pipeline(file: Path, number: int) -> None:
    """Each static part of each file; also with CRLF, a byte order mark, no final newline."""
    plain = file.read_bytes().decode()
    variants = [plain, plain.replace("\n", "\r\n"), "\ufeff" + plain, plain.rstrip("\n")]
    # Two of each; over all places, every prompt comes with every variant.
    place = PLACES.index((file, number))
    for turn in (2 * place, 2 * place + 1):
        text, prompt = variants[turn % 4], HOSTILE[turn % len(HOSTILE)]
        written = rewritten(text, number, prompt)
        node = statics(text)[number]
        before, after = lines_apart(text, node) if node.style == "|" else (text[: node.start_mark.index].encode(), b"")
        assert written.encode().startswith(before)
        assert written.encode().endswith(after)
        assert contents(written) == [*contents(text)[:number], prompt, *contents(text)[number + 1 :]]
        assert without(written, number) == without(text, number)
    assert rewritten(written, number, prompt) == written
    assert rewritten(plain, number, contents(plain)[number]) == plain


def contents(text: str) -> list[str]:
    return [node.value for node in statics(text)]


def without(text: str, number: int) -> Any:
    """The document without that value."""
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


@pytest.mark.parametrize("style", SCALARS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@settings(max_examples=15)
@given(prompt=TEXTS)
@example(prompt="two\nlines\n")
def test_every_style_of_the_old_value_is_replaced_alone(style: str, end: str, prompt: str) -> None:
    """Everything around it stays byte for byte, blank lines and comments included."""
    head, tail = FILE.split("%s")
    old = SCALARS[style]
    text = (head + old + tail).replace("\n", end)
    written = write_back(text, "plan", 1, prompt)
    head, tail = head.replace("\n", end), tail.replace("\n", end)
    assert written.startswith(head)
    rest = tail.removeprefix(end) if prompt.endswith("\n") or style == "literal, kept" else tail
    assert written.endswith(rest)
    comment = re.search(" # why it is so", old)
    assert ("# why it is so" in written) == (comment is not None)
    found = yaml.safe_load(written)["workflow"]["steps"][1]["prompt"]
    assert found[0] == {"type": "static", "content": prompt}
    assert write_back(written, "plan", 1, prompt) == written


LAST = ["old words", "'old'", "|\n  old", "|-\n  old\n", ">\n  old\n\n", '"old" # c']


@settings(max_examples=50)
@given(prompt=TEXTS, last=st.sampled_from(LAST))
def test_the_end_of_a_file_is_a_place_as_any_other(prompt: str, last: str) -> None:
    """With and without a final newline; no newline is added to a file that has none, unless the prompt ends in one."""
    text = f"workflow:\n  steps:\n  - name: plan\n    prompt:\n    - type: static\n      content: {last}".replace(
        "\n  old", "\n          old"
    )
    written = write_back(text, "plan", 1, prompt)
    assert yaml.safe_load(written)["workflow"]["steps"][0]["prompt"][0]["content"] == prompt
    if last in ("old words", "'old'") and not prompt.endswith("\n"):
        assert not written.endswith("\n")


@given(prompt=TEXTS)
def test_a_part_in_flow_style_stays_in_its_line(prompt: str) -> None:
    """There is no room for a block there."""
    text = FILE % "|\n            old"
    written = write_back(text, "other", 1, prompt)
    assert yaml.safe_load(written)["workflow"]["steps"][0]["prompt"][0]["content"] == prompt
    before, after = text.splitlines(), written.split("\n")
    assert before[:5] == after[:5]
    assert before[6:] == after[6 : len(before)]


def test_a_readable_prompt_is_written_readably() -> None:
    """As a literal block with the file's own indentation, though the old one was quoted."""
    written = write_back(FILE % '"old" # why', "plan", 1, "first\n\n  second\n")
    assert "          content: | # why\n            first\n\n              second\n\n        # The next" in written


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workflow: [", "not one YAML document"),
        ("a: 1\n---\nb: 2\n", "not one YAML document"),
        ("", "nothing is in it"),
        ("a: \x01", "unacceptable character"),
        ('workflow:\n  name: "x"\t# why\n', "line 2: found character '\\t' that cannot start any token"),
        (
            "workflow: {steps: [{name: a, prompt: []}]}",
            "no static part 1 in step plan of the pipeline: the step is",
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
def test_what_cannot_be_done_is_refused(text: str, said: str) -> None:
    """With the reason, and nothing half done."""
    with pytest.raises(NotApplied, match=re.escape(said)):
        write_back(text, "plan", 1, "new\nprompt")


@pytest.mark.parametrize("number", [1, 2])
def test_a_block_that_begins_with_a_tab_keeps_nobody_out(number: int) -> None:
    """libyaml does not take such a file; those who read it are not told that their prompt cannot be written."""
    text = FILE % "|\n            \told\n            words"
    text = text.replace("content: second}", "content: second}\n        - {type: static, content: third}")
    with pytest.raises(yaml.YAMLError):
        yaml.load(text, Loader=yaml.CSafeLoader)
    written = write_back(text, "plan", number, "new\nwords\n")
    before, after = (yaml.load(one, Loader=yaml.SafeLoader) for one in (text, written))
    before["workflow"]["steps"][1]["prompt"][number - 1]["content"] = "new\nwords\n"
    assert after == before


def test_a_lone_surrogate_is_no_text() -> None:
    """No file can hold it."""
    with pytest.raises(NotApplied, match="a character that is none"):
        write_back(FILE % "old", "plan", 1, "\ud800")
