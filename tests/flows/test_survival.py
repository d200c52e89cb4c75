"""Runs that are killed, and runs whose surroundings fail, buy nothing twice and end as undisturbed runs do."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.flow_runs import left_after_a_look, only_flow_run, state
from tests.support.prefect_database import new_database
from tests.support.survival import Case, disturbed, kill, most_unfinished, undisturbed

pytestmark = pytest.mark.processes


@dataclass(frozen=True)
class Killed:
    """A killed process and its flow run."""

    pid: int
    flow_run: str


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "case",
    [
        Case("race", 4),
        *(
            pytest.param(Case(optimizer, threads), marks=pytest.mark.services)
            for optimizer, threads in [("race", 1), *((name, n) for name in ("gepa", "mipro", "copro") for n in (1, 4))]
        ),
    ],
    ids=lambda case: f"{case.optimizer}-{case.threads}",
)
def test_a_run_that_is_killed_buys_nothing_twice_and_ends_as_undisturbed(
    line: CommandLine, server: dict[str, str], tmp_path: Path, case: Case
) -> None:
    """Executions, proposals and verdicts are counted where they are bought. script/soak kills each case 20 times.

    The continuation marks the killed run as crashed, unless the kill came after its end.
    """
    study = case.study(tmp_path / "study")
    reference = undisturbed(case, CommandLine(tmp_path / "undisturbed", server), study)
    seed = random.randrange(10**6)
    killed: list[Killed] = []

    def kill_run(process: subprocess.Popen[str]) -> None:
        kill(process)
        process.wait()
        killed.append(Killed(process.pid, only_flow_run(line)))

    survival = disturbed(line, study, reference, random.Random(seed), kill_run)
    assert (survival.bought_twice, survival.equal) == (0, True), (seed, survival)
    assert 0 <= survival.unfinished <= most_unfinished(case), (seed, survival)
    (run,) = killed
    after = state(line, run.flow_run)
    # The server may learn of the run's end only after the kill.
    crashed = after["type"] == "CRASHED" and f"The process {run.pid} on " in after["message"]
    assert crashed or after["type"] == "COMPLETED", (seed, after)
    assert left_after_a_look(line) == []


@pytest.mark.services
@pytest.mark.timeout(900)
def test_a_run_survives_a_restart_of_its_server(tmp_path: Path, own_port: dict[str, str]) -> None:
    """The server is killed and started again. The run goes on, or the same command continues it."""
    case, seed = Case("copro", 4), random.randrange(10**6)
    line = CommandLine(tmp_path / "home", {**new_database(tmp_path / "home" / "prefect"), **own_port})
    assert line.run("server").exit_code == 0
    study = case.study(tmp_path / "study")

    def restart(process: subprocess.Popen[str]) -> None:
        os.killpg(json.loads((line.home / "server.json").read_text())["pid"], signal.SIGKILL)
        started = line.run("server")
        assert started.exit_code == 0, started.stderr

    try:
        url = json.loads((line.home / "server.json").read_text())["url"]
        server = {"PREFECT_API_URL": url, "PREFECT_HOME": str(line.home / "prefect")}
        reference = undisturbed(case, CommandLine(tmp_path / "undisturbed", server), study)
        survival = disturbed(line, study, reference, random.Random(seed), restart)
    finally:
        line.run("server", "--stop")
    assert (survival.bought_twice, survival.equal) == (0, True), (seed, survival)


@pytest.mark.services
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_loses_only_the_answers_that_could_not_be_written(
    line: CommandLine, server: dict[str, str], tmp_path: Path
) -> None:
    """The run stops to buy. With room on the disk, the same command buys the lost answers again, and no other."""
    case = Case("copro", 4)
    study = case.study(tmp_path / "study")
    reference = undisturbed(case, CommandLine(tmp_path / "undisturbed", server), study)

    def make_room_after_the_end(process: subprocess.Popen[str]) -> None:
        process.wait(timeout=400)
        subprocess.run(["mount", "-o", "remount,size=64m", line.home / "results"], check=True)

    with small_disk(line.home / "results"):
        survival = disturbed(line, study, reference, random.Random(0), make_room_after_the_end)
    assert survival.exit_code == 3
    assert "a paid answer could not be written" in survival.stderr
    assert "No space left on device" in survival.stderr
    assert "Traceback" not in survival.stderr
    assert (survival.bought_twice, survival.equal) == (0, True), survival
    assert 1 <= survival.unfinished <= most_unfinished(case), survival


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk with room for some answers on a folder while the context lasts."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=56k", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
