"""A push to a repository leads to a check of the champion, and to a search if the champion got worse."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import patient
from tests.support.command_line import PREFECT, CommandLine, study
from tests.support.commits import Commits
from tests.support.deployments import WORKER, create_flow_run, deployed, end_of, running
from workbench.champion.champion import Champion
from workbench.champion.champions import Champions

# On a busy machine, each flow run takes half a minute to start.
pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

TOPICS = (
    "Supervision, telemetry, backpressure, idempotence of migrations, rollback, property tests, credentials, stages."
)
#: The part of the pipeline that puts the prompt into the request. Without it, no prompt makes a difference.
VARIABLE = "        - type: variable\n          name: user_prompt\n"
STUDY = "studies/study.yaml"


class Watched:
    """A user's repository, and a server whose deployments watch it."""

    def __init__(self, line: CommandLine, commits: Commits) -> None:
        self.api, self.line, self.commits = line.env["PREFECT_API_URL"], line, commits

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """Return the flow runs of a flow that concern this repository, the oldest first."""
        query = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_ASC"}
        runs = patient.post(f"{self.api}/flow_runs/filter", json=query).raise_for_status().json()
        return [run for run in runs if run["parameters"].get("repository") == str(self.commits.folder)]

    def look(self) -> str:
        """Have the deployment look once, and return what its flow run logged."""
        parameters = {"repository": str(self.commits.folder), "branch": "main", "study": STUDY}
        created = create_flow_run(self.line, "watch/watch", **parameters)
        assert end_of(self.line, created, 150) == "COMPLETED"
        assert set(self.runs("watch")[-1]["tags"]) >= {"small", "watch"}
        return self.log(created)

    def log(self, flow_run: str) -> str:
        """Return the lines that a flow run has logged. They arrive a moment after its end."""
        time.sleep(2)
        query = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "sort": "TIMESTAMP_ASC"}
        return "\n".join(log["message"] for log in patient.post(f"{self.api}/logs/filter", json=query).json())

    def next_run(self, flow: str, number: int) -> dict[str, Any]:
        """Wait for the end of the flow's run with this number, from 1, and return the run."""
        deadline = time.monotonic() + 120
        while len(runs := self.runs(flow)) < number and time.monotonic() < deadline:
            time.sleep(0.5)
        assert len(runs) == number, (flow, runs)
        assert end_of(self.line, runs[-1]["id"], 150) == "COMPLETED", self.log(runs[-1]["id"])
        return self.runs(flow)[-1]


@pytest.fixture
def watched(line: CommandLine, tmp_path: Path) -> Watched:
    """Make a repository with a study and its champion, and deploy what prefect.yaml describes."""
    commits = Commits.begin(tmp_path / "mine")
    study(commits.folder / "studies", optimizer="static", budget=1)
    champions = Champions("small", commits.folder / "studies" / "prompts" / "small", "")
    champions.add(Champion(number=1, text=TOPICS, rehearsal="default:0", scores={"only": [9.0, 9.1, 9.2]}))
    commits.commit({"notes.md": "one"})
    return Watched(deployed(line), commits)


def test_a_push_is_noticed_and_a_damaged_pipeline_leads_to_a_search(watched: Watched) -> None:
    """A change elsewhere leads to no execution. No head is reported twice."""
    line, commits = watched.line, watched.commits
    with running(line.having(PREFECT_WORKER_QUERY_SECONDS="2"), PREFECT, *WORKER):
        assert "This is the first look at mine main" in watched.look()
        commits.commit({"notes.md": "two"})
        assert "has the new head" in watched.look()
        unchanged = watched.next_run("requalify", 1)
        assert "nothing that matters changed: nothing is executed" in watched.log(unchanged["id"])
        assert line.results("execute") == []

        whole = (commits.folder / "studies" / "pipeline.yaml").read_text()
        damaged = commits.commit({"studies/pipeline.yaml": whole.replace(VARIABLE, "")})
        pushed_at = time.time()
        watched.look()
        worse = watched.next_run("requalify", 2)
        log = watched.log(worse["id"])
        assert "executes champion 1 (" in log
        assert "The champion got worse beyond chance" in log
        assert "of optimize/nightly searches for a better prompt" in log
        assert "only · requalify 2: " in log
        assert set(worse["tags"]) >= {"small", "requalify", "rehearsal"}
        search = watched.next_run("optimize", 1)
        assert (search["parameters"]["commit"], search["parameters"]["rehearse"]) == (damaged, True)
        assert "searches with static for a better prompt than champion 1" in watched.log(search["id"])
        started = datetime.fromisoformat(worse["start_time"]).timestamp()
        print(f"{started - pushed_at:.0f} s from the commit to the started requalify run")

        assert "is still at" in watched.look()
        time.sleep(5)
        assert (len(watched.runs("requalify")), len(watched.runs("optimize"))) == (2, 1)
    # The champion's folder and the user's files are as they were, and no worktree is left.
    assert commits.git("status", "--porcelain") == ""
    assert commits.git("worktree", "list", "--porcelain").count("worktree ") == 1
