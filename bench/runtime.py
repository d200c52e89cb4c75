"""Measures what an execution costs without its model: a VM for each execution against one warm VM, in one run.

    python bench/runtime.py [--runs 10000 | --smallest]

A stand-in provider answers at once, or after 2 s. CPU time counts all processes except the provider. The benchmark
prints a table on stderr and one line of JSON on stdout. The exit code is 1 if the numbers are implausible.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.outcome import conclude, is_share, positive
from bench.process_tree import cpu_seconds, cpu_seconds_of, megabytes, virtual_machines, watching_peak


@dataclass(frozen=True)
class Size:
    """The size of the measurement.

    Attributes:
        cold, warm, at_once: the number of executions of the part with this name.
        latency: the seconds after which the provider of the part `at_once` answers.
        runs: the number of executions of the part `many`.
    """

    cold: int = 8
    warm: int = 400
    at_once: int = 64
    latency: float = 2.0
    runs: int = 10_000


SMALLEST = Size(cold=2, warm=50, at_once=8, latency=1.0, runs=100)


def provider(latency: float) -> None:
    """Serve Gemini's protocol on a free port of loopback; each answer is a small plan after `latency` seconds."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    plan = {"text": "title: a plan\nstages:\n- name: first\n"}

    async def answer(request: Request) -> JSONResponse:
        await request.body()
        await asyncio.sleep(latency)
        return JSONResponse({"candidates": [{"content": {"parts": [plan]}, "finishReason": "STOP"}]})

    server = uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])]), port=0, log_config=None, backlog=4096
        )
    )

    async def serve() -> None:
        config = server.config
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        await server.main_loop()

    asyncio.run(serve())


class Bench:
    """Executions of Genesis by one engine, through the same code that a study uses."""

    def __init__(self, engine: str, latency: float, home: Path) -> None:
        from workbench.execution.runtimes import runtime_of
        from workbench.nouns import Engine
        from workbench.providers import rehearsal

        self.engine = Engine(engine)
        self.runtime = runtime_of(self.engine)
        self.home = home / f"{engine}-{latency}"
        self.runtime.prepare()
        self._provider = subprocess.Popen(
            [sys.executable, __file__, "--provider", str(latency)], stdout=subprocess.PIPE, text=True
        )
        assert self._provider.stdout is not None
        url = f"http://127.0.0.1:{self._provider.stdout.readline().strip()}"
        self.providers = tuple(rehearsal(url, "bench", 0).values())
        self.number = 0

    def execute(self, number: int) -> None:
        from workbench.execution.own.project import RUNTIME
        from workbench.execution.runtimes import execute
        from workbench.nouns import ExecutionRequest, Goal, Pipeline

        file = RUNTIME / "priv" / "pipelines" / "genesis.yaml"
        pipeline = Pipeline(self.engine, "bench", file, hashlib.sha256(file.read_bytes()).hexdigest())
        goal = Goal("bench", "a plan", ("gold",))
        execution = execute(ExecutionRequest(f"Write plan {number}", goal, number, pipeline, self.providers), self.home)
        assert execution.problem is None, execution.problem

    def cpu_seconds(self) -> float:
        """Return the CPU seconds so far: of this process, the VMs and all processes between, without the provider."""
        return cpu_seconds(excluded=self._provider.pid)

    def run(self, count: int, at_once: int) -> float:
        """Run `count` more executions, `at_once` of them in flight. Return the seconds."""
        numbers = range(self.number, self.number + count)
        self.number += count
        start = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self.execute, numbers))
        return time.monotonic() - start

    def close(self) -> None:
        self.runtime.close()
        self._provider.terminate()
        self._provider.wait()


@contextmanager
def open_bench(engine: str, latency: float, home: Path) -> Iterator[Bench]:
    bench = Bench(engine, latency, home)
    try:
        yield bench
    finally:
        bench.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=Size.runs, help="executions in one VM, to see whether it grows")
    parser.add_argument("--smallest", action="store_true", help="the smallest numbers that can be measured")
    parser.add_argument("--provider", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.provider is not None:
        provider(arguments.provider)
        return 0
    size = SMALLEST if arguments.smallest else replace(Size(), runs=arguments.runs)
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        home = Path(folder)
        parts = {
            "cold": measure_cold(home, size),
            "warm": measure_warm(home, size),
            "at_once": measure_at_once(home, size),
            "many": measure_many(home, size),
        }
    numbers = {**parts, **ratios(parts["cold"], parts["warm"])}
    for name, value in numbers.items():
        print(f"{name:10} {value}", file=sys.stderr)
    return conclude(numbers, expectations(numbers))


def ratios(cold: dict[str, Any], warm: dict[str, Any]) -> dict[str, float]:
    """Return the ratios of a VM for each execution to a warm VM, in CPU time and in wall time."""
    return {
        "cpu_ratio": round(cold["cpu_ms"] / warm["cpu_ms"], 1) if warm["cpu_ms"] > 0 else math.nan,
        "time_ratio": round(cold["ms"] / warm["ms"], 1),
    }


def expectations(numbers: dict[str, Any]) -> dict[str, bool]:
    """Return True for each plausible number, by a sentence that names the expectation."""
    cold, warm, at_once, many = (numbers[name] for name in ("cold", "warm", "at_once", "many"))
    return {
        f"the start of a VM takes 100 ms of CPU or more, not {cold['cpu_ms']} ms": cold["cpu_ms"] >= 100,
        f"a cold execution takes no less CPU than a warm one: {cold['cpu_ms']} ms, {warm['cpu_ms']} ms": cold["cpu_ms"]
        >= warm["cpu_ms"],
        "a warm execution takes some CPU, part of it in the VM": 0 < warm["cpu_ms_of_the_vm"] <= warm["cpu_ms"],
        "the ratios are finite and positive": positive(numbers["cpu_ratio"], numbers["time_ratio"]),
        "a VM takes 10 MB or more": all(part["peak_mb"] >= 10 for part in (cold, warm, at_once)),
        f"executions at once reach a share of the ideal, not {at_once['share_of_ideal']}": is_share(
            at_once["share_of_ideal"]
        ),
        "the rates, the memory and the processes of many executions are positive": all(
            positive(*many[name]) for name in ("per_second", "rss_mb", "processes")
        ),
    }


def measure_cold(home: Path, size: Size) -> dict[str, Any]:
    """Measure one VM for each execution: wall and CPU milliseconds with its parents, and the peak megabytes of a VM."""
    with open_bench("mix", 0.0, home) as bench:
        with watching_peak() as peak:
            bench.run(1, 1)
        before = bench.cpu_seconds()
        seconds = bench.run(size.cold, 1)
        cpu = bench.cpu_seconds() - before
    return {
        "executions": size.cold,
        "ms": round(seconds / size.cold * 1000, 1),
        "cpu_ms": round(cpu / size.cold * 1000, 1),
        "peak_mb": peak[0],
    }


def measure_warm(home: Path, size: Size) -> dict[str, Any]:
    """Measure one VM for all executions."""
    with open_bench("serve", 0.0, home) as bench:
        bench.run(min(50, size.warm), 1)
        vm = only_vm()
        vm_cpu, before = cpu_seconds_of(vm), bench.cpu_seconds()
        seconds = bench.run(size.warm, 1)
        vm_cpu, cpu = cpu_seconds_of(vm) - vm_cpu, bench.cpu_seconds() - before
        peak = megabytes(vm, "VmHWM")
    return {
        "executions": size.warm,
        "ms": round(seconds / size.warm * 1000, 2),
        "cpu_ms": round(cpu / size.warm * 1000, 2),
        "cpu_ms_of_the_vm": round(vm_cpu / size.warm * 1000, 2),
        "peak_mb": peak,
    }


def measure_at_once(home: Path, size: Size) -> dict[str, Any]:
    """Measure parallel executions in one VM with a slow provider. Ideally all together take as long as one answer."""
    with open_bench("serve", size.latency, home) as bench:
        bench.run(1, 1)
        seconds = bench.run(size.at_once, size.at_once)
        peak = megabytes(only_vm(), "VmHWM")
    return {
        "executions": size.at_once,
        "latency": size.latency,
        "seconds": round(seconds, 2),
        "share_of_ideal": round(size.latency / seconds, 3),
        "peak_mb": peak,
    }


def measure_many(home: Path, size: Size) -> dict[str, Any]:
    """Measure the first and the last thousand executions in one VM: the rate, and memory and processes afterwards."""
    with open_bench("serve", 0.0, home) as bench:
        thousand = min(1000, size.runs // 2)
        first = measure_thousand(bench, thousand)
        bench.run(size.runs - 2 * thousand, 16)
        last = measure_thousand(bench, thousand)
    return {
        "runs": size.runs,
        **{name: [first[name], last[name]] for name in first},
        "ratios": {name: round(last[name] / first[name], 3) for name in first},
    }


def measure_thousand(bench: Bench, count: int) -> dict[str, Any]:
    """Run `count` executions. Return their rate, and the VM's memory and processes afterwards."""
    seconds = bench.run(count, 16)
    processes = processes_inside(bench)
    return {"per_second": round(count / seconds, 1), "rss_mb": megabytes(only_vm(), "VmRSS"), "processes": processes}


def processes_inside(bench: Bench) -> int:
    """Return the number of processes inside the VM, which the VM reports."""
    from workbench.execution.own.serve import Serve

    assert isinstance(bench.runtime, Serve)
    return int(bench.runtime.health(bench.providers)["processes"])


def only_vm() -> int:
    """Return the process id of the only VM."""
    (vm,) = virtual_machines()
    return vm


if __name__ == "__main__":
    sys.exit(main())
