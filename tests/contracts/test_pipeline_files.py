"""The real runtime and our reader accept the same pipeline files, and find the same steps in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import PipelineUnreadable
from workbench.execution.own import project
from workbench.execution.own.asks import REMINDERS, RETRIES, model_calls
from workbench.nouns import Engine, Pipeline
from workbench.pipeline_file.document import read, read_file
from workbench.pipeline_file.parsers import FAST_YAML
from workbench.pipeline_file.steps import steps, value

pytestmark = pytest.mark.processes

HARD = sorted((Path(__file__).parents[1] / "data" / "pipelines_hard").glob("pipeline_*.yaml"))
PIPELINES = sorted((Path(__file__).parents[1] / "data" / "pipelines").glob("*.yaml"))
SHIPPED = sorted((project.RUNTIME / "priv" / "pipelines").glob("*.yaml"))

#: A file with %s in the workflow, before a step `a`.
FILE = """\
workflow:
  name: w
  %s
  steps:
    - {name: a, type: gemini, prompt: [{type: static, content: x}]}
"""
#: A file with the defaults and the keys of its one step.
SETTINGS = "workflow: {name: w, defaults: {%s}, steps: [{name: a, %s, prompt: [{type: static, content: x}]}]}\n"
#: Files whose steps take their settings from several places.
COSTLY = [
    SETTINGS % ("claude_model: opus", "type: claude_smart, preset: analysis"),
    SETTINGS % ("claude_preset: development", "type: claude_robust, retry_config: {max_retries: 5}"),
    SETTINGS % ("claude_options: {model: haiku, allowed_tools: [Read], max_turns: 40}", "type: claude"),
    SETTINGS
    % ("claude_model: opus", "type: claude, claude_options: {model: haiku, max_turns: 3, allowed_tools: [List]}"),
    SETTINGS % ("gemini_model: gemini-4-argon, gemini_token_budget: {max_output_tokens: 900}", "type: gemini"),
    SETTINGS
    % ("gemini_token_budget: {max_output_tokens: 900}", "type: gemini, token_budget: {max_output_tokens: 70000}"),
    SETTINGS % ("gemini_model: gemini-4-argon", "type: gemini_extract, schema: {type: object}, repairs: 6"),
    SETTINGS % ("claude_model: opus", "type: claude_extract, schema: {type: object}, max_tokens: 256"),
]
#: A file with %s in the place of a step's type.
TYPE = "workflow: {name: w, steps: [{name: a, type: %s, prompt: [{type: static, content: x}]}]}\n"
STEP = "{name: %s, type: gemini, prompt: [{type: static, content: x}]}"


def nested(levels: int) -> str:
    """Return a workflow with a value that stands this many levels below the root."""
    return FILE % f"metadata: {'[' * (levels - 2)}x{']' * (levels - 2)}"


#: A file, and the names of its steps that ask a model, or None for a file that is refused.
SNIPPETS: list[tuple[str, list[str] | None]] = [
    *((FILE % f"version: {word}", ["a"]) for word in ("=", "0000-00-00", "2026-06-31", "0b_", "0x_", "1:2_", "~")),
    *((FILE % f"{key}: 1", ["a"]) for key in ("1", "yes", "~", "2026-06-31", "=", '"q"', "a b")),
    (FILE % "version: 1\n  version: 2", None),
    (FILE % 'version: 1\n  "version": 2', None),
    (FILE % "metadata: {b: {c: 1, c: 2}}", None),
    (FILE % "metadata: [{c: 1, c: 2}]", None),
    (FILE % "version: &v 1", None),
    (FILE % "version: &v 1\n  metadata: *v", None),
    (FILE % "version: *v", None),
    (FILE % "metadata: {<<: {a: b}}", None),
    (FILE % "'<<': {a: b}", None),
    (FILE % "version: '<<'", ["a"]),
    (FILE % "version: '*v &v !v'", ["a"]),
    (FILE % "metadata: {[a]: b}", None),
    (FILE % "metadata: {{a: b}: c}", None),
    (TYPE % "gemini", ["a"]),
    (TYPE % '"gem\\x69ni"', ["a"]),
    (TYPE % "'gemini'", ["a"]),
    (TYPE % "!!str gemini", None),
    (TYPE % "! gemini", None),
    (TYPE % "!ruby/x gemini", None),
    (TYPE % "!!binary Z2VtaW5p", None),
    (TYPE % "!<tag:yaml.org,2002:str> gemini", None),
    ("%TAG !e! tag:example.org,2000:\n---\n" + TYPE % "!e!x gemini", None),
    ("%YAML 1.1\n---\n" + TYPE % "gemini", ["a"]),
    ("%YAML 1.2\n---\n" + TYPE % "gemini", ["a"]),
    ("%YAML 1.3\n---\n" + TYPE % "gemini", None),
    ("---\n" + TYPE % "gemini" + "...\n", ["a"]),
    ("--- " + TYPE % "gemini", None),
    (TYPE % "gemini" + "---\n", None),
    (TYPE % "gemini" + "---\na: b\n", None),
    (TYPE % "gemini" + "...\na: b\n", None),
    ("---\n---\n" + TYPE % "gemini", None),
    ("", None),
    ("# nothing\n", None),
    ("- a\n", None),
    ("a\n", None),
    ("\ufeff" + TYPE % "gemini", ["a"]),
    ((FILE % "version: 1").replace("\n", "\r\n"), ["a"]),
    ((FILE % "version: 1").replace("\n", "\r"), ["a"]),
    ((FILE % "version: 1").replace("\n", "\u2028"), ["a"]),
    ((FILE % "version: 1").replace("\n", "\x85"), ["a"]),
    (FILE % 'version: "1"\t# why', ["a"]),
    (FILE % "metadata: {b?: c, d: e:f, g}", ["a"]),
    (FILE % "metadata: {b: c:}", None),
    (FILE % "\tversion: 1", None),
    (FILE % "version: |\n    \told", None),
    (FILE % "version: |\n    old\n    \tnew", ["a"]),
    (FILE % "version: |\n   \told\n   new", None),
    (FILE % "version: @x", None),
    (FILE % "version: `x`", None),
    (FILE % 'version: "\\q"', None),
    (FILE % 'version: "a\\/b\\x41"', ["a"]),
    (FILE % "version: \x07", None),
    (FILE % "version: \x7f", None),
    (FILE % "version: \x81", None),
    (FILE % "version: \ufffe", None),
    (FILE % "version: 🙂", ["a"]),
    (FILE % f"{'k' * 1100}: b", None),
    (nested(63), ["a"]),
    (nested(64), ["a"]),
    (nested(65), None),
    (nested(300), None),
    ("workflow: [", None),
    ("workflow: {name: w, steps: [" + ", ".join(STEP % name for name in "abc") + "]}\n", ["a", "b", "c"]),
    (
        "workflow:\n  name: w\n  version: =\n  steps:\n"
        f"    - {STEP % 'a'}\n    - name: g\n      parallel:\n      - {STEP % 'b'}\n      - {STEP % '=c'}\n",
        ["a", "b", "=c"],
    ),
]  # fmt: skip

#: Files that our reader accepts and the runtime refuses before it asks a model.
RUNTIME_ALONE = [
    TYPE % "clade",
    "? workflow\n: {name: w, steps: [" + STEP % "a" + "]}\n",
    "workflow: {name: w, steps: [" + STEP % "a" + ", " + STEP % "a" + "]}\n",
    FILE % f"version: {' ' * 501}\n{' ' * 501}1",
    FILE % f"version: {2**64}",
]

#: For each file one line of JSON: the steps that ask a model, or null for a file that is refused.
SCRIPT = """
for file <- System.argv() do
  asks =
    case Pipeline.Loader.load(file) do
      {:ok, pipeline} ->
        for step <- pipeline.steps,
            one <- [step | case step.action do {:parallel, inner, _} -> inner; _ -> [] end],
            is_struct(one.action, Pipeline.Model.Ask),
            do:
              one.action
              |> Map.take([:provider, :model, :max_tokens, :max_turns, :repairs])
              |> Map.merge(%{
                name: one.name,
                tools: length(one.action.tools),
                structured: one.action.schema != nil,
                retries: one.action.retries || -1
              })

      {:error, _} ->
        :null
    end

  IO.puts(["asks ", :jiffy.encode(asks)])
end
"""


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    project.compile_once()


def asks_by_runtime(files: list[Path]) -> list[list[str] | None]:
    """Return the names of the steps that `asks_of_runtime` finds."""
    return [None if asks is None else [ask["name"] for ask in asks] for asks in asks_of_runtime(files)]


def asks_of_runtime(files: list[Path]) -> list[list[dict[str, Any]] | None]:
    """Return what the runtime's own loader finds. `mix pipeline.check` and every run begin with this loader."""
    command = ["mix", "run", "--no-start", "-e", SCRIPT, "--", *map(str, files)]
    environment = project.environment({})
    finished = project.run(command, Path(environment["MIX_BUILD_PATH"]), environment, 120)
    assert finished.exit_code == 0, finished.stderr.decode()
    lines = finished.stdout.decode().splitlines()
    return [json.loads(line.removeprefix("asks ")) for line in lines if line.startswith("asks ")]


def asks_by_reader(text: str) -> list[str] | None:
    """Return what our reader finds."""
    try:
        steps_by_name = steps(read(text, FAST_YAML))
    except PipelineUnreadable:
        return None
    return [name for name, step in steps_by_name.items() if value(step.node, "prompt") is not None]


def write_files(folder: Path, texts: list[str]) -> list[Path]:
    files = [folder / f"{number}.yaml" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.encode())
    return files


def test_runtime_and_reader_accept_the_same_files_with_the_same_steps(tmp_path: Path) -> None:
    """No form of YAML makes one of them read a step that the other does not read."""
    by_runtime = asks_by_runtime(write_files(tmp_path, [text for text, _ in SNIPPETS]))
    answers = [
        {"file": text, "expected": names, "runtime": runtime_names, "reader": asks_by_reader(text)}
        for (text, names), runtime_names in zip(SNIPPETS, by_runtime, strict=True)
    ]
    assert not [answer for answer in answers if not answer["expected"] == answer["runtime"] == answer["reader"]]


def test_runtime_and_reader_find_the_same_steps_in_whole_files() -> None:
    """This holds for the shipped pipelines, and for pipelines that are hard to read."""
    files = [*SHIPPED, *HARD]
    by_runtime = asks_by_runtime(files)
    assert all(by_runtime)
    assert by_runtime == [asks_by_reader(file.read_bytes().decode()) for file in files]


def test_the_reader_counts_no_less_than_the_runtime_asks(tmp_path: Path) -> None:
    """A budget in dollars reserves what the reader counts: models, output, replies and tries."""
    files = [*SHIPPED, *PIPELINES, *write_files(tmp_path, [FILE % "version: 1", *COSTLY])]
    compared, by_runtime = 0, asks_of_runtime(files)
    assert all(by_runtime[-len(COSTLY) :])
    for file, asks in zip(files, by_runtime, strict=True):
        if not asks or any(ask["provider"] == "claude_program" for ask in asks):
            continue
        counted = {calls.step: calls for calls in model_calls(read_file(file, FAST_YAML), Pipeline(Engine("mix")), {})}
        assert list(counted) == [ask["name"] for ask in asks]
        for ask in asks:
            calls = counted[ask["name"]]
            replies = 1 + ask["repairs"] * ask["structured"] + (ask["max_turns"] + REMINDERS) * (ask["tools"] > 0)
            assert (calls.provider, calls.model) == (ask["provider"], ask["model"]), file
            assert calls.output_tokens >= ask["max_tokens"], file
            assert calls.calls >= replies, file
            assert calls.tries == 1 + (RETRIES if ask["retries"] < 0 else ask["retries"]), file
            compared += 1
    assert compared > 15


def test_what_the_runtime_alone_refuses_is_refused_before_it_costs_anything(tmp_path: Path) -> None:
    """A wrong step, a step twice, a key with a question mark: the reader sees what is in such a file."""
    files = write_files(tmp_path, RUNTIME_ALONE)
    assert asks_by_runtime(files) == [None] * len(files)
    assert [asks_by_reader(text) for text in RUNTIME_ALONE] == [["a"]] * len(files)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FILE % "version: =", None),
        (FILE % "version: 1\n  version: 2", ":4: workflow.version: the key occurs twice"),
        (FILE % "version: *v", ":3: the alias *v is not supported"),
    ],
)
def test_pipeline_check_reports_the_same_problems(tmp_path: Path, text: str, reason: str | None) -> None:
    """A person checks a pipeline with this command."""
    (file,) = write_files(tmp_path, [text])
    problems = project.problems(Pipeline(Engine("mix"), file=file))
    assert (problems is None) == (reason is None) == (asks_by_reader(text) is not None)
    assert (reason or "") in (problems or "")
