"""A judge is calibrated in the first run of a study, and later by hand: nothing is bought twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import patient
from tests.support.command_line import CommandLine, study
from workbench.calibration.design import PROBE_REPEATS, PROBED, REPEATS
from workbench.calibration.probes import PROBES
from workbench.evidence.words import money
from workbench.scoring import Criterion
from workbench.study.opening import RunOptions, load
from workbench.study.rubric import DRAWN_IN_REHEARSAL, write_rubric

pytestmark = pytest.mark.processes

CRITERIA = tuple(
    Criterion(word, f'Does the plan have concrete steps on "{word}"?')
    for word in ("supervision", "telemetry", "backpressure", "rollback", "migrations")
)


def newest_log(line: CommandLine, flow: str) -> list[tuple[bool, str]]:
    """Return the log of a flow's newest flow run: each message, and whether it is about a task run."""
    api = line.env["PREFECT_API_URL"]
    query = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC", "limit": 1}
    (flow_run,) = patient.post(f"{api}/flow_runs/filter", json=query).json()
    query = {"logs": {"flow_run_id": {"any_": [flow_run["id"]]}}, "sort": "TIMESTAMP_ASC"}
    entries = patient.post(f"{api}/logs/filter", json=query).json()
    return [(entry["task_run_id"] is not None, entry["message"]) for entry in entries]


def test_a_judge_is_calibrated_once(line: CommandLine, tmp_path: Path) -> None:
    """The run's report says whether the judge can be trusted. The command with probes buys the probes only.

    Its log has no line of Prefect's about a task run that ended well.
    """
    rubric = {"judge": {"method": "rubric"}, "calibrate": "before_first_run"}
    file = study(tmp_path / "study", optimizer="static", budget=4, **rubric)
    write_rubric(load(RunOptions(file)), {"only": CRITERIA}, DRAWN_IN_REHEARSAL)
    result, report = line.optimize(file, "--rehearse")
    assert result.exit_code == 0, result.stderr
    assert report["judge"].startswith("The judge gemini/gemini-4-argon ")
    assert report["criteria"]
    assert "least met" in result.stdout
    executions, verdicts = len(line.results("execute")), len(line.results("score"))
    output = line.home / "calibration.json"
    calibrated = line.run("calibrate", file, "--probes", "--rehearse", "--json", output)
    listed = line.call("ledger", "--json", line.home / "ledger.json")
    assert listed.exit_code == 0, listed.stderr
    totals = {total["kind"]: total for total in json.loads((line.home / "ledger.json").read_text())}
    assert (totals["search"]["runs"], totals["calibration"]["runs"], totals["calibration"]["trials"]) == (1, 1, 0)
    assert calibrated.exit_code == 0, calibrated.stderr
    assert len(line.results("execute")) == executions
    bought = len(PROBED) * (len(PROBES) * PROBE_REPEATS + PROBE_REPEATS - REPEATS)
    assert len(line.results("score")) - verdicts == bought
    assert totals["calibration"]["verdicts"] == bought
    assert totals["calibration"]["executions"] == 0
    value = json.loads(output.read_text())
    assert [probe["name"] for probe in value["probes"]] == list(PROBES)
    assert value["rehearsal"] == "default:0"
    assert Path(value["picture"]).read_text().startswith("<svg")
    assert value["dollars"] > 0
    assert f"nothing; real models would have cost {money(value['dollars'])}" in calibrated.stdout
    lines = newest_log(line, "calibrate")
    assert any(message.startswith("The judge gemini/gemini-4-argon ") for _, message in lines)
    assert not [message for of_task_run, message in lines if of_task_run and message.startswith("Finished in state")]
    for words in ("REHEARSAL", "judge's noise", "generator's noise", "verdicts per plan", "pairs to confirm", "τ"):
        assert words in calibrated.stdout
