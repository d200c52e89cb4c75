"""A search promotes its winner if the study says so, and the next search starts from it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.command_line import CommandLine, study
from tests.support.readme import commands_of
from tests.support.service import service

pytestmark = pytest.mark.processes

KEY = "key-of-a-block"
#: Runs the study of its argument with the key of a Secret block.
NEXT_SEARCH = f"""\
import pathlib, sys
from prefect.blocks.system import Secret
from workbench.flows.optimize import optimize
Secret(value={KEY!r}).save("gemini-api-key", overwrite=True)
print(optimize(study=pathlib.Path(sys.argv[1]), optimizer="static", budget=1)["status"])
Secret.delete("gemini-api-key")
"""


def test_a_better_prompt_becomes_the_champion_and_the_next_search_starts_from_it(
    line: CommandLine, tmp_path: Path
) -> None:
    """The study says `promote: auto`. Only `apply` changes the pipeline file, with the commands of the README.

    A script starts the next search. Its environment has no key: the key of a Secret block shows up in no file.
    """
    file = study(tmp_path / "mine", promote="auto", budget=8, confirm=8)
    pipeline, before = file.with_name("pipeline.yaml"), file.with_name("pipeline.yaml").read_bytes()
    identity = {"NAME": "t", "EMAIL": "t@example.org"}
    line = line.having(**{f"GIT_{who}_{key}": identity[key] for who in ("AUTHOR", "COMMITTER") for key in identity})
    for words in ("init -q -b main", "add -A", "commit -qm mine"):
        subprocess.run(["git", *words.split()], cwd=file.parent, env=line.env, check=True)
    with service() as url:
        # Gemini's protocol, played by a server that does not say that it is a rehearsal: such a winner is promoted.
        line = line.having(GOOGLE_GEMINI_BASE_URL=url)
        result, report = line.having(GEMINI_API_KEY="any").optimize(file)
        assert (result.exit_code, report["better"]) == (0, True), result.stderr
        best = Path(report["best"]["prompt_file"]).read_text()
        contents = []
        for _, *arguments in commands_of("sh", 2):
            applied = line.call(*arguments, cwd=tmp_path)
            assert applied.exit_code == 0, (arguments, applied.stderr)
            contents.append(pipeline.read_bytes())
        assert (contents[0], contents[2]) == (before, before)
        (part, _, _) = yaml.safe_load(contents[1])["workflow"]["steps"][0]["prompt"]
        assert best in part["content"]
        shown = tmp_path / "shown.json"
        assert line.call("champion", "show", file, "--json", shown).exit_code == 0
        champion = json.loads(shown.read_text())
        assert (champion["number"], champion["run"], champion["score"]) == (
            2,
            report["run_id"],
            report["best"]["score"],
        )
        assert champion["text"] == best
        # Without its kept answers, the next search needs a key.
        for task in ("execute", "score"):
            shutil.rmtree(line.home / "results" / task)
        result = line.run("-c", NEXT_SEARCH, file, program=Path(sys.executable))
    assert result.exit_code == 0, result.stderr
    assert result.stdout.endswith("done\n")
    assert not any(KEY.encode() in path.read_bytes() for path in line.home.rglob("*") if path.is_file())
    second = max((line.home / "runs").iterdir())
    sides = json.loads((second / "report.json").read_text())
    assert sides["executions"] > 0
    assert sides["baseline"]["candidate"] == sides["best"]["candidate"]
    assert (second / "best_prompt.md").read_text() == champion["text"]
    assert line.call("runs", "--json", shown).exit_code == 0
    runs = json.loads(shown.read_text())
    assert [run["promoted"] for run in runs] == [None, 2]
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=file.parent, text=True).strip()
    assert [run["commit"] for run in runs] == [head, head]
    assert pipeline.read_bytes() == before
    applied = line.call("apply", "--champion", file)
    assert applied.exit_code == 0, applied.stderr
    assert "no champion was changed" in applied.stdout
    assert champion["text"] in pipeline.read_text().replace("\n          ", "\n")
