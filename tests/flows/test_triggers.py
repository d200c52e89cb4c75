"""A push to a repository leads to a check of the champion, and to a search if the champion got worse."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import patient
from tests.support.command_line import PREFECT, CommandLine, study, wait_for
from tests.support.commits import Commits
from tests.support.deployments import WORKER, create_flow_run, deployed, end_of, pause_schedules, running
from workbench.champion.champion import Champion
from workbench.champion.champions import Champions
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord

# On a busy machine, each flow run takes half a minute to start.
pytestmark = [pytest.mark.services, pytest.mark.timeout(1200)]

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

    def look(self, *texts: str) -> None:
        """Have the deployment look once. Its flow run logs these texts."""
        parameters = {"repository": str(self.commits.folder), "branch": "main", "study": STUDY}
        created = create_flow_run(self.line, "watch/watch", **parameters)
        assert end_of(self.line, created) == "COMPLETED"
        assert set(self.runs("watch")[-1]["tags"]) >= {"small", "watch"}
        self.has_logged(created, *texts)

    def has_logged(self, flow_run: str, *texts: str) -> None:
        """Check that the log of a flow run has these texts. Its lines arrive a moment after the run's end."""
        deadline = time.monotonic() + 100
        while missing := [text for text in texts if text not in self.log(flow_run)]:
            assert time.monotonic() < deadline, (missing, self.log(flow_run))
            time.sleep(0.5)

    def log(self, flow_run: str) -> str:
        """Return the lines of a flow run that have arrived at the server."""
        query = {"logs": {"flow_run_id": {"any_": [flow_run]}}, "sort": "TIMESTAMP_ASC"}
        response = patient.post(f"{self.api}/logs/filter", json=query).raise_for_status()
        return "\n".join(log["message"] for log in response.json())

    def next_run(self, flow: str, number: int) -> dict[str, Any]:
        """Wait for the end of the flow's run with this number, from 1, and return the run."""
        wait_for(lambda: len(self.runs(flow)) >= number)
        runs = self.runs(flow)
        assert len(runs) == number, (flow, runs)
        assert end_of(self.line, runs[-1]["id"]) == "COMPLETED", self.log(runs[-1]["id"])
        return self.runs(flow)[-1]


@pytest.fixture
def watched(line: CommandLine, tmp_path: Path) -> Watched:
    """Make a repository with a study and its champion, and deploy what prefect.yaml describes."""
    commits = Commits.begin(tmp_path / "mine")
    study(commits.folder / "studies", optimizer="static", budget=1)
    champions = Champions("small", commits.folder / "studies" / "prompts" / "small", "")
    champions.add(Champion(number=1, text=TOPICS, rehearsal="default:0", scores={"only": [9.0, 9.1, 9.2]}))
    commits.commit({"notes.md": "one"})
    pause_schedules(deployed(line))
    return Watched(line, commits)


def test_a_push_is_noticed_and_a_damaged_pipeline_leads_to_a_search(watched: Watched) -> None:
    """A change elsewhere leads to no execution. No head is reported twice."""
    line, commits = watched.line, watched.commits
    with running(line.having(PREFECT_WORKER_QUERY_SECONDS="2"), PREFECT, *WORKER):
        watched.look("This is the first look at mine main")
        commits.commit({"notes.md": "two"})
        watched.look("has the new head")
        unchanged = watched.next_run("requalify", 1)
        watched.has_logged(unchanged["id"], "nothing that matters changed: nothing is executed")
        assert line.results("execute") == []

        whole = (commits.folder / "studies" / "pipeline.yaml").read_text()
        damaged = commits.commit({"studies/pipeline.yaml": whole.replace(VARIABLE, "")})
        pushed_at = time.time()
        watched.look()
        worse = watched.next_run("requalify", 2)
        watched.has_logged(
            worse["id"],
            "executes champion 1 (",
            "The champion got worse beyond chance",
            "of optimize/nightly searches for a better prompt",
            "only · requalify 2: ",
        )
        assert set(worse["tags"]) >= {"small", "requalify", "rehearsal"}
        search = watched.next_run("optimize", 1)
        assert (search["parameters"]["commit"], search["parameters"]["rehearse"]) == (damaged, True)
        watched.has_logged(search["id"], "searches with static for a better prompt than champion 1")
        started = datetime.fromisoformat(worse["start_time"]).timestamp()
        print(f"{started - pushed_at:.0f} s from the commit to the started requalify run")

        watched.look("is still at")
        time.sleep(5)
        assert (len(watched.runs("requalify")), len(watched.runs("optimize"))) == (2, 1)
    folders = sorted((line.home / "runs").iterdir())
    assert [RunFolder(folder).load(RunRecord).searches for folder in folders] == [False, True]
    # The champion's folder and the user's files are as they were, and no worktree is left.
    assert commits.git("status", "--porcelain") == ""
    assert commits.git("worktree", "list", "--porcelain").count("worktree ") == 1
