"""Tests of script/demo on a machine without a Prefect server, and of further commands in its home.

The tests look at the result of the example study, a second run, a lost answer, and the commands that show the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dspy
import pytest

from tests.support import patient
from tests.support.command_line import CHECKOUT, EXAMPLE, CommandLine, CommandResult, wait_for
from tests.support.ledger import everything, rows
from workbench.ledger.database import Database
from workbench.ledger.rebuild import rebuild
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.run.record import TrialRecord
from workbench.search.programs import Direct

pytestmark = pytest.mark.processes

DEMO = CHECKOUT / "script" / "demo"
#: Half of the example's budget. Each execution starts a VM, which takes more than a second of CPU.
BUDGET = 12
#: Keys that every report has.
REPORT_KEYS = {
    "study", "run_id", "optimizer", "rehearsal", "baseline", "best", "executions", "cache_hits", "proposals",
    "failures", "seconds", "flow_run_url",
}  # fmt: skip


@dataclass(frozen=True)
class FirstRun:
    """The first run of a home, and a command line for further commands in this home and with its server."""

    line: CommandLine
    result: CommandResult
    report: dict[str, Any]
    mix_calls: Path

    @property
    def run(self) -> Path:
        return self.line.home / "runs" / str(self.report["run_id"])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstRun]:
    """Yield the run of the demo, which starts a server. The demo stops its server afterwards."""
    folder = tmp_path_factory.mktemp("demo")
    line, mix_calls = CommandLine(folder / "home", {"PREFECT_HOME": str(folder / "prefect")}).counting()
    arguments = ("--budget", BUDGET, "--json", line.home / "report.json")
    try:
        result = line.run(*arguments, program=DEMO, cwd=folder)
        assert result.exit_code == 0, result.stderr
        url = json.loads((line.home / "server.json").read_text())["url"]
        yield FirstRun(line.having(PREFECT_API_URL=url), result, line.report(), mix_calls)
    finally:
        stopped = line.run("--stop", program=DEMO)
    assert "stopped" in stopped.stdout
    assert "no Prefect server was running" in line.run("--stop", program=DEMO).stdout


def flow_run_of(report: dict[str, Any]) -> str:
    """Return the id of the flow run of a report."""
    return str(report["flow_run_url"]).rpartition("/")[2]


def all_of(line: CommandLine, kind: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """Return everything of a kind that fits a query of Prefect's API, which gives 200 at a time."""
    objects: list[dict[str, Any]] = []
    url = f"{line.env['PREFECT_API_URL']}/{kind}/filter"
    while page := patient.post(url, json={**query, "limit": 200, "offset": len(objects)}).json():
        objects += page
    return objects


def task_runs(line: CommandLine, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the task runs of a report's flow run. Wait until the server has written the ends of all of them."""
    runs: list[dict[str, Any]] = []

    def published() -> bool:
        runs[:] = all_of(line, "task_runs", {"flow_runs": {"id": {"any_": [flow_run_of(report)]}}})
        return any(run["name"] == "publish" for run in runs) and all(run["state_type"] == "COMPLETED" for run in runs)

    wait_for(published)
    return runs


def parents(runs: list[dict[str, Any]], name: str) -> set[frozenset[str]]:
    """Return, for each task run of this name, the kinds of the task runs on which it depends."""
    kinds = {run["id"]: run["name"].split()[0] for run in runs}
    return {frozenset(kinds[id] for id in parent_ids(run)) for run in runs if run["name"].split()[0] == name}


def parent_ids(run: dict[str, Any]) -> set[str]:
    """Return the ids of the task runs on which a task run depends."""
    inputs = [entry for entries in run["task_inputs"].values() for entry in entries]
    return {entry["id"] for entry in inputs if entry["input_type"] == "task_run"}


def reused(run: dict[str, Any]) -> int:
    """Return the number in the name of a task run such as `reuse 12 executions`."""
    return int(run["name"].split()[1])


def logs(line: CommandLine, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the log of a report's flow run and of its task runs."""
    query = {"logs": {"flow_run_id": {"any_": [flow_run_of(report)]}}, "sort": "TIMESTAMP_ASC"}
    return all_of(line, "logs", query)


def trial_lines(line: CommandLine, report: dict[str, Any]) -> list[str]:
    """Return the lines of trials in the log of a report's flow run."""
    trial = re.compile(r" · otp_refactor · (replicate|confirm) \d+: \d+\.\d \(\d")
    return [log["message"] for log in logs(line, report) if not log["task_run_id"] and trial.search(log["message"])]


def calls(first: FirstRun) -> int:
    """Return how many executions the real `mix` made."""
    return len(first.mix_calls.read_text().splitlines())


def test_a_better_prompt_is_found_and_confirmed(first: FirstRun) -> None:
    """The best prompt scores above the baseline on executions that the search never saw, and the table says so."""
    report = first.report
    assert set(report) >= REPORT_KEYS
    assert (report["study"], report["optimizer"], report["rehearsal"]) == ("otp_refactor", "race", True)
    assert report["better"] is True
    assert report["best"]["score"] > report["baseline"]["score"]
    assert report["best"]["candidate"] != report["baseline"]["candidate"]
    assert report["failures"] == {}
    cost = report["cost"]
    assert cost["would_have"] is True
    assert cost["unpriced"] == {}
    assert cost["dollars"] == pytest.approx(cost["generator"] + cost["judge"] + cost["proposer"], abs=1e-5)
    assert min(cost["generator"], cost["judge"], cost["proposer"]) > 0
    assert "nothing; real models would have cost $" in first.result.stdout
    for words in ("REHEARSAL", "baseline score", "best score", "search score", "best_prompt.md"):
        assert words in first.result.stdout


def test_the_demo_starts_a_server_and_says_how_to_stop_it(first: FirstRun) -> None:
    """The demo takes the arguments of `workbench run`. The database of its server is under PREFECT_HOME."""
    for words in ("workbench server --stop", "script/demo --stop", first.report["flow_run_url"]):
        assert words in first.result.stdout
    assert first.report["flow_run_url"].startswith(first.line.env["PREFECT_API_URL"].removesuffix("/api"))
    assert list(Path(first.line.env["PREFECT_HOME"]).glob("*.db"))


def test_the_demo_calls_real_models_only_with_a_key(tmp_path: Path) -> None:
    """With --live and without a key, the demo ends with exit code 3 and starts no server."""
    result = CommandLine(tmp_path / "home").run("--live", program=DEMO)
    assert result.exit_code == 3
    assert "GEMINI_API_KEY" in result.stderr
    assert not (tmp_path / "home" / "server.json").exists()


def test_the_report_counts_the_real_executions(first: FirstRun) -> None:
    """A program named `mix`, first on the PATH, counts the same number."""
    executions = first.report["executions"]
    # At most 12 executions search and 16 confirm. The number depends on the answers that the optimizer gets.
    assert 12 <= executions <= BUDGET + 16
    assert first.report["cache_hits"] == 0
    again, report = first.line.optimize(EXAMPLE, "--rehearse", "--budget", str(BUDGET), "--dollars", "2.5")
    assert again.exit_code == 0
    # A kept answer costs nothing, so even a small budget is not touched.
    assert (report["cost"]["dollars"], report["cost"]["budget"], report["used_up"]) == (
        0.0,
        2.5,
        first.report["used_up"],
    )
    assert (report["executions"], report["cache_hits"], report["proposals"]) == (0, executions, 0)
    for side in ("baseline", "best"):
        assert (report[side]["score"], report[side]["candidate"]) == (
            first.report[side]["score"],
            first.report[side]["candidate"],
        )
    assert calls(first) == executions
    runs, lines = task_runs(first.line, report), trial_lines(first.line, report)
    # Kept answers have no task runs of their own. A few task runs say how many answers were kept, and the log names
    # each trial.
    assert {run["name"].split()[0] for run in runs} == {"reuse", "confirm", "publish"}
    assert sum(reused(run) for run in runs if run["tags"] == ["cached", "execute"]) == executions
    assert sum(reused(run) for run in runs if run["tags"] == ["cached", "propose"]) == first.report["proposals"]
    assert parents(runs, "confirm") == {frozenset({"reuse"})}
    assert len(lines) == len((first.run / "trials.jsonl").read_text().splitlines())
    assert all(", cached)" in line for line in lines)


def test_faulty_kept_answers_are_bought_again_and_reported(first: FirstRun) -> None:
    """The result is the same as before, and one line on standard error names each faulty file.

    A ledger that does not answer is one warning.
    """
    executions, scores, calls_before = first.line.results("execute"), first.line.results("score"), calls(first)
    executions[0].write_bytes(executions[1].read_bytes())
    executions[2].unlink()
    executions[2].symlink_to("nowhere")
    executions[3].unlink()
    scores[0].write_text(scores[0].read_text().replace('\\"score\\": ', '\\"score\\": 9'))
    scores[1].write_bytes(scores[1].read_bytes()[:20])
    without_ledger = first.line.having(WORKBENCH_LEDGER_URL="postgresql://user:geheim@127.0.0.1:1/ledger")
    result, report = without_ledger.optimize(EXAMPLE, "--rehearse", "--budget", str(BUDGET))
    assert result.exit_code == 0, result.stderr
    assert (report["executions"], report["cache_hits"]) == (3, len(executions) - 3)
    assert calls(first) == calls_before + 3
    for side in ("baseline", "best"):
        assert (report[side]["score"], report[side]["candidate"]) == (
            first.report[side]["score"],
            first.report[side]["candidate"],
        )
    for faulty in (executions[0], executions[2], scores[1]):
        assert f"{faulty} is not used, and its answer is bought again" in result.stderr
    assert result.stderr.count("may lack a part of this run") == 1
    assert "geheim" not in result.stderr
    runs = task_runs(first.line, report)
    assert sum(run["tags"] == ["execute"] for run in runs) == 3
    assert sum(run["tags"] == ["retrieve"] for run in runs) >= 1
    assert sum(reused(run) for run in runs if run["tags"] == ["cached", "execute"]) == len(executions) - 3


def test_the_ledger_has_what_the_runs_folder_has(first: FirstRun) -> None:
    """It was written while the run went on. A rebuild from the folders changes nothing."""
    database = Database.of(first.line.home, {})
    before = {name: of_run(rows, first.run.name) for name, rows in everything(database).items()}
    rebuild(database, first.line.home)
    assert {name: of_run(rows, first.run.name) for name, rows in everything(database).items()} == before
    trials = RunFolder(first.run).lines(TrialRecord)
    assert len(before["scores"]) == len(trials)
    actions = [row[2] for row in before["calls"]]
    report = first.report
    assert (actions.count("execute"), actions.count("propose")) == (report["executions"], report["proposals"])
    run = first.run.name
    unknown = f"SELECT COUNT(*) FROM trials WHERE run = '{run}' AND (outcome IS NULL OR verdict_seconds IS NULL)"  # noqa: S608  # a name of our own
    assert rows(database, unknown) == [(0,)]
    assert rows(database, f"SELECT DISTINCT outcome FROM verdicts WHERE run = '{run}' AND score IS NULL") == []  # noqa: S608  # a name of our own


def of_run(rows: list[tuple[Any, ...]], run: str) -> list[tuple[Any, ...]]:
    """Return the rows of one run."""
    return [row for row in rows if row[0] == run]


def test_the_plans_are_files_that_the_elixir_process_wrote(first: FirstRun) -> None:
    """Each plan stands in a folder of its own, together with its prompt and the process's output."""
    for file in first.line.results("execute"):
        ((kind, execution),) = json.loads(json.loads(file.read_text())["result"]).items()
        assert kind == "Execution"
        plan = Path(execution["path"])
        assert plan.read_text() == execution["text"]
        assert (plan.parent / "prompt.md").read_text()
        assert f"✅ Pipeline generated at {plan}" in (plan.parent / "stdout.log").read_text()


def test_the_winner_is_a_text_and_a_program_that_dspy_loads(first: FirstRun) -> None:
    """The loaded program holds the text of best_prompt.md."""
    text = (first.run / "best_prompt.md").read_text()
    assert text == (first.run / "candidates" / f"{first.report['best']['candidate']}.md").read_text()
    program = Direct("anything")
    program.load(str(first.run / "program.json"))
    assert program.candidate.text == text
    assert isinstance(program, dspy.Module)


def test_the_prefect_ui_shows_named_tasks_and_the_edges_between_them(first: FirstRun) -> None:
    """The edges are execute → retrieve → score → confirm → publish. Names hold candidate, goal and replicate."""
    runs = task_runs(first.line, first.report)
    runs_of: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        runs_of.setdefault(run["name"].split()[0], []).append(run)
    assert set(runs_of) == {"propose", "execute", "retrieve", "score", "confirm", "publish"}
    assert len(runs_of["execute"]) == first.report["executions"]
    executions = {run["id"] for run in runs_of["execute"]}
    assert {earlier for run in runs_of["retrieve"] for earlier in parent_ids(run)} == executions
    assert parents(runs, "retrieve") == {frozenset({"execute"})}
    assert parents(runs, "score") == {frozenset({"retrieve"})}
    assert parents(runs, "confirm") == {frozenset({"score"})}
    assert parents(runs, "publish") == {frozenset({"confirm"})}
    baseline = first.report["baseline"]["candidate"]
    assert f"execute {baseline} · otp_refactor · 0" in {run["name"] for run in runs}
    assert f"score {baseline} · otp_refactor · confirm 2" in {run["name"] for run in runs}
    assert all(run["tags"] == [run["name"].split()[0]] for run in runs)
    assert all(run["state_type"] == "COMPLETED" for run in runs)


def test_the_flow_run_is_named_tagged_and_logged(first: FirstRun) -> None:
    """The log has a line for every trial, and no line of Prefect's about a task run that ended well."""
    api, flow_run = first.line.env["PREFECT_API_URL"], first.report["flow_run_url"].rpartition("/")[2]
    described = patient.get(f"{api}/flow_runs/{flow_run}").json()
    assert re.fullmatch(r"otp_refactor · race · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", described["name"])
    assert described["tags"] == ["otp_refactor", "race", "rehearsal"]
    log = logs(first.line, first.report)
    lines = [entry["message"] for entry in log if entry["task_run_id"] is None]
    assert not [entry for entry in log if entry["message"].startswith("Finished in state") and entry["task_run_id"]]
    assert len(trial_lines(first.line, first.report)) == len((first.run / "trials.jsonl").read_text().splitlines())
    for words in ("searches with race", "Best so far: ", "executions left.", "The search ended after ", "Result: "):
        assert any(words in line for line in lines), (words, lines)


def test_the_artifact_shows_the_run(first: FirstRun) -> None:
    """The run has one artifact. It shows the end of the run, and says that the run was a rehearsal."""
    api, flow_run = first.line.env["PREFECT_API_URL"], first.report["flow_run_url"].rpartition("/")[2]
    artifacts = patient.post(
        f"{api}/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [flow_run]}}}
    ).json()
    (artifact,) = [item for item in artifacts if item["type"] == "markdown"]
    text = artifact["data"]
    assert "REHEARSAL" in text
    # The scores, the two prompts side by side, and what each sentence is worth.
    assert text.count("](data:image/svg+xml;base64,") == 3
    for name, prompt in (("best", "The new prompt"), ("baseline", "the old one")):
        assert re.search(rf"{prompt}( scores)? {first.report[name]['score']:.2f} \(", text)
    assert f"| executions | {first.report['executions']} |" in text
    assert "Missing" in text


def test_show_prints_the_result_again(first: FirstRun) -> None:
    """The beginning of the run's name is enough, also for JSON. An unknown name is refused with the known names."""
    file = first.line.home / "shown.json"
    result = first.line.call("show", first.run.name[:18], "--json", file)
    assert result.exit_code == 0
    assert "REHEARSAL" in result.stdout
    assert json.loads(file.read_text()) == first.report
    unknown = first.line.call("show", "nothing")
    assert unknown.exit_code == 2
    assert first.run.name in unknown.stderr


def test_generate_runs_the_winner_once_more(first: FirstRun) -> None:
    """The goal is new. The command prints plan and prompt, and makes one execution. The run's report stays."""
    before, shown = calls(first), first.line.home / "shown.json"
    first.line.call("show", first.run.name, "--json", shown)
    report = shown.read_bytes()
    output = first.line.home / "plan.yaml"
    generated = first.line.call(
        "generate", first.run.name, "--goal", "Add telemetry to the billing", "--output", output
    )
    assert generated.exit_code == 0, generated.stderr
    assert calls(first) == before + 1
    first.line.call("show", first.run.name, "--json", shown)
    assert shown.read_bytes() == report
    assert [call.action for call in journal.read(first.run / "generated" / "001")] == ["execute"]
    assert "Add telemetry to the billing" in generated.stderr
    assert "cost: nothing; real models would have cost $" in generated.stderr
    assert (first.run / "best_prompt.md").read_text().split("\n")[0] in generated.stderr
    assert "REHEARSAL" in generated.stderr
    assert output.read_text().strip() == generated.stdout.strip()
    again = first.line.call("generate", first.run.name, "--output", output)
    assert again.exit_code == 2
    assert "exists already" in again.stderr


def test_check_estimates_without_keys_or_servers(first: FirstRun) -> None:
    """The estimate is the largest possible number of executions. Times of a rehearsal do not count as measured."""
    file = first.line.home / "estimate.json"
    checked = first.line.having(PREFECT_API_URL="http://127.0.0.1:9/api").call("check", EXAMPLE, "--json", file)
    assert checked.exit_code == 0, checked.stderr
    estimate = json.loads(file.read_text())
    assert (estimate["executions"], estimate["measured"]) == (40, False)
