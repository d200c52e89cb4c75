"""A deployed check of a champion takes the place of a waiting search only if it makes this search needless."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study
from tests.support.commits import Commits
from workbench.champion.champion import Champion
from workbench.champion.champions import Champions

pytestmark = pytest.mark.processes

#: Checks a commit of a repository, and prints the decision.
CHECK = """\
import sys
from workbench.flows.requalify import requalify
print(requalify("studies/study.yaml", sys.argv[1], sys.argv[2], rehearse=True)["decision"])
"""


def test_a_check_that_decides_nothing_leaves_a_waiting_search_its_turn(line: CommandLine, tmp_path: Path) -> None:
    """The first check of a champion without a record is undecided. The next one compares with the first."""
    commits = Commits.begin(tmp_path / "mine")
    file = study(commits.folder / "studies", optimizer="static", budget=1, margin=10)
    champions = Champions("small", file.parent / "prompts" / "small", "")
    champions.add(Champion(number=1, text="Supervision and telemetry."))
    # Prefect takes the deployment's id from this variable. Only the run of a deployment waits for its turn.
    deployed = line.having(PREFECT__RUNTIME__DEPLOYMENT__ID="requalify")
    changed_study = file.read_text().replace("a safer release", "the next release")
    changes: list[tuple[dict[str, str], str]] = [
        ({}, "undecided"),
        ({"studies/study.yaml": changed_study}, "as good"),
        ({"notes.md": "one"}, "unchanged"),
    ]
    for files, decision in changes:
        commit = commits.commit(files)
        result = deployed.run("-c", CHECK, commits.folder, commit, program=Path(sys.executable))
        assert (result.exit_code, result.stdout.strip()) == (0, decision), result.stderr
        kept = {run.read_text() for run in line.home.glob("turns/*/*")}
        assert (commit in kept) == (decision == "as good")


def test_a_damage_is_measured_although_its_own_check_was_skipped(line: CommandLine, tmp_path: Path) -> None:
    """Of several waiting commits, only the newest is checked. It need not be the one with the damage."""
    commits = Commits.begin(tmp_path / "mine")
    file = study(commits.folder / "studies", optimizer="static", budget=1, margin=10)
    champions = Champions("small", file.parent / "prompts" / "small", "")
    measured = {"fingerprint": "that before the damage", "rehearsal": "default:0", "scores": {"only": [9.0, 9.1, 9.2]}}
    champions.add(Champion(number=1, text="Supervision and telemetry.").model_copy(update=measured))
    commits.commit()
    newest = commits.commit({"notes.md": "one"})
    result = line.run("-c", CHECK, commits.folder, newest, program=Path(sys.executable))
    assert (result.exit_code, result.stdout.strip()) == (0, "as good"), result.stderr


@pytest.mark.parametrize("commit", ["0123456789abcdef", ""])
def test_a_check_without_a_repository_is_refused(line: CommandLine, commit: str) -> None:
    """Otherwise it would measure the working folder, and record the scores under the commit."""
    result = line.run("-c", CHECK, "", commit, program=Path(sys.executable))
    assert result.exit_code != 0
    assert f'repository is empty, and commit is "{commit or "HEAD"}"' in result.stderr
    assert not list(line.home.glob("requalified/*"))
