"""The example study from nothing: once, again, and with one result lost; and what is to be seen of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dspy
import httpx
import pytest

from tests.support.command_line import EXAMPLE, CommandLine, Ended
from workbench.search.programs import Direct

pytestmark = pytest.mark.processes

REPORT = {
    "study", "run_id", "optimizer", "rehearsal", "baseline", "best", "executions", "cache_hits", "proposals",
    "failures", "seconds", "flow_run_url",
}  # fmt: skip


@dataclass(frozen=True)
class Done:
    """The first run of a home, and how to do more there."""

    line: CommandLine
    ended: Ended
    report: dict[str, Any]
    mix_calls: Path

    @property
    def run(self) -> Path:
        return self.line.home / "runs" / str(self.report["run_id"])


@pytest.fixture(scope="module")
def done(server: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    line, log = CommandLine(tmp_path_factory.mktemp("home"), server).counting()
    ended, report = line.optimize(EXAMPLE, "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    yield Done(line, ended, report, log)


def calls(done: Done) -> int:
    return len(done.mix_calls.read_text().splitlines())


def test_a_better_prompt_is_found_and_confirmed(done: Done) -> None:
    """Above the baseline, on executions that the search never saw, and told so in the table."""
    report = done.report
    assert set(report) >= REPORT
    assert (report["study"], report["optimizer"], report["rehearsal"]) == ("otp_refactor", "gepa", True)
    assert report["better"] is True
    assert report["best"]["score"] > report["baseline"]["score"] + 1
    assert report["best"]["candidate"] != report["baseline"]["candidate"]
    assert report["failures"] == {}
    for words in ("REHEARSAL", "baseline score", "best score", "search score", "best_prompt.md", "server --stop"):
        # A server that the user has is the user's to stop.
        assert (words in done.ended.stdout) == (words != "server --stop")


def test_the_report_counts_what_was_really_called(done: Done) -> None:
    """A program named mix, first on the PATH, counts as many."""
    first = done.report["executions"]
    # Of at most 24 and 6; how many depends on what the optimizer makes of the models' answers.
    assert 12 <= first <= 30
    assert done.report["cache_hits"] == 0
    again, report = done.line.optimize(EXAMPLE, "--rehearse")
    assert again.exit_code == 0
    assert (report["executions"], report["cache_hits"], report["proposals"]) == (0, first, 0)
    for side in ("baseline", "best"):
        assert (report[side]["score"], report[side]["candidate"]) == (
            done.report[side]["score"],
            done.report[side]["candidate"],
        )
    assert calls(done) == first
    done.line.results("execute")[3].unlink()
    _, report = done.line.optimize(EXAMPLE, "--rehearse")
    assert (report["executions"], report["cache_hits"]) == (1, first - 1)
    assert calls(done) == first + 1


def test_the_plans_are_files_that_the_elixir_process_wrote(done: Done) -> None:
    """Each in a folder of its own, with the prompt that it was written for."""
    for file in done.line.results("execute"):
        ((kind, kept),) = json.loads(json.loads(file.read_text())["result"]).items()
        assert kind == "Execution"
        plan = Path(kept["path"])
        assert plan.read_text() == kept["text"]
        assert (plan.parent / "prompt.md").read_text()
        assert f"✅ Pipeline generated at {plan}" in (plan.parent / "stdout.log").read_text()


def test_the_winner_is_a_text_and_a_program_that_loads(done: Done) -> None:
    """By DSPy itself, into a program with the same instructions."""
    text = (done.run / "best_prompt.md").read_text()
    assert text == (done.run / "candidates" / f"{done.report['best']['candidate']}.md").read_text()
    program = Direct("anything")
    program.load(str(done.run / "program.json"))
    assert program.candidate.text == text
    assert isinstance(program, dspy.Module)


def test_the_ui_has_tasks_named_after_what_they_do_with_edges_between_them(done: Done) -> None:
    """execute → retrieve → score → confirm → publish; the names hold candidate, goal and replicate."""
    api, flow_run = done.line.env["PREFECT_API_URL"], done.report["flow_run_url"].rpartition("/")[2]
    runs: list[dict[str, Any]] = []
    while page := httpx.post(
        f"{api}/task_runs/filter",
        json={"flow_runs": {"id": {"any_": [flow_run]}}, "limit": 200, "offset": len(runs)},
    ).json():
        runs += page
    by_id = {run["id"]: run for run in runs}

    def parents(run: dict[str, Any]) -> set[str]:
        ids = [one["id"] for given in run["task_inputs"].values() for one in given if one["input_type"] == "task_run"]
        return {by_id[one]["name"].split()[0] for one in ids}

    of: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(run["name"].split()[0], []).append(run)
    assert set(of) == {"propose", "execute", "retrieve", "score", "confirm", "publish"}
    assert len(of["execute"]) == len(of["retrieve"]) == done.report["executions"]
    assert all(parents(run) == {"execute"} for run in of["retrieve"])
    assert all(parents(run) == {"retrieve"} for run in of["score"])
    assert parents(of["confirm"][0]) == {"score"}
    assert parents(of["publish"][0]) == {"confirm"}
    baseline = done.report["baseline"]["candidate"]
    assert f"execute {baseline} · otp_refactor · 0" in {run["name"] for run in runs}
    assert f"score {baseline} · otp_refactor · 1000002" in {run["name"] for run in runs}
    assert all(run["state_type"] == "COMPLETED" for run in runs)


def test_the_artifact_tells_the_run_at_a_glance(done: Done) -> None:
    """One, brought up to date to the end, labelled as a rehearsal."""
    api, flow_run = done.line.env["PREFECT_API_URL"], done.report["flow_run_url"].rpartition("/")[2]
    found = httpx.post(f"{api}/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [flow_run]}}}).json()
    (artifact,) = [one for one in found if one["type"] == "markdown"]
    text = artifact["data"]
    assert "REHEARSAL" in text
    assert text.count("](data:image/svg+xml;base64,") == 2
    assert f"{done.report['best']['score']:.2f} instead of {done.report['baseline']['score']:.2f}" in text
    assert f"| executions | {done.report['executions']} |" in text
    assert "Missing" in text


def test_show_says_it_again(done: Done) -> None:
    """By the run's name, by its beginning, and as JSON; another name is refused with the known ones."""
    file = done.line.home / "shown.json"
    shown = done.line.run("show", done.run.name[:18], "--json", file)
    assert shown.exit_code == 0
    assert "REHEARSAL" in shown.stdout
    assert json.loads(file.read_text()) == done.report
    unknown = done.line.run("show", "nothing")
    assert unknown.exit_code == 2
    assert done.run.name in unknown.stderr


def test_generate_runs_the_winner_once_more(done: Done) -> None:
    """On a goal that it has not seen; plan and prompt are shown, and one execution is made."""
    before = calls(done)
    output = done.line.home / "plan.yaml"
    made = done.line.run("generate", done.run.name, "--goal", "Add telemetry to the billing", "--output", output)
    assert made.exit_code == 0, made.stderr
    assert calls(done) == before + 1
    assert "Add telemetry to the billing" in made.stderr
    assert (done.run / "best_prompt.md").read_text().split("\n")[0] in made.stderr
    assert "rehearsal" in made.stderr
    assert output.read_text().strip() == made.stdout.strip()
    again = done.line.run("generate", done.run.name, "--output", output)
    assert again.exit_code == 2
    assert "exists already" in again.stderr


def test_check_estimates_without_keys_or_servers(done: Done) -> None:
    """At most as many executions as were made; how long a rehearsed one took says nothing."""
    file = done.line.home / "estimate.json"
    checked = done.line.having(PREFECT_API_URL="http://127.0.0.1:9/api").run("check", EXAMPLE, "--json", file)
    assert checked.exit_code == 0, checked.stderr
    estimate = json.loads(file.read_text())
    assert (estimate["executions"], estimate["measured"]) == (30, False)
