"""What an execution costs beside its model: a VM for each against one that is kept warm, in one run.

    python bench/runtime.py [--runs 10000]

A stand-in provider answers at once, or after 2 s. Prints a table, and one line of JSON last.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

COLD = 8
WARM = 400
AT_ONCE = 64
LATENCY = 2.0


def provider(latency: float) -> None:
    """Serve Gemini's protocol on a free port of loopback; every answer is one small plan, `latency` seconds later."""
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
    """Executions of Genesis by one engine, through the very code that a study uses."""

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
        made = execute(ExecutionRequest(f"Write plan {number}", goal, number, pipeline, self.providers), self.home)
        assert made.problem is None, made.problem

    def run(self, count: int, at_once: int) -> float:
        """Seconds for `count` more executions, `at_once` of them in flight."""
        numbers = range(self.number, self.number + count)
        self.number += count
        begun = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self.execute, numbers))
        return time.monotonic() - begun

    def close(self) -> None:
        self.runtime.close()
        self._provider.terminate()
        self._provider.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="executions in one VM, to see whether it grows")
    parser.add_argument("--provider", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.provider is not None:
        provider(given.provider)
        return
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as folder:
        home = Path(folder)
        found = {"cold": cold(home), "warm": warm(home), "at_once": at_once(home), "many": many(home, given.runs)}
    found["cpu_ratio"] = round(found["cold"]["cpu_ms"] / found["warm"]["cpu_ms"], 1)
    for name, value in found.items():
        print(f"{name:10} {value}", file=sys.stderr)
    print(json.dumps(found))


def cold(home: Path) -> dict[str, Any]:
    """One VM for each: milliseconds, CPU milliseconds with those of what started it, peak megabytes of one."""
    bench = Bench("mix", 0.0, home)
    bench.run(1, 1)
    before, ours = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    seconds = bench.run(COLD, 1)
    after, ours = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time() - ours
    bench.close()
    cpu = ours + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "executions": COLD,
        "ms": round(seconds / COLD * 1000, 1),
        "cpu_ms": round(cpu / COLD * 1000, 1),
        "peak_mb": round(after.ru_maxrss / 1024, 1),
    }


def warm(home: Path) -> dict[str, Any]:
    """One VM for all."""
    bench = Bench("serve", 0.0, home)
    bench.run(50, 1)
    vm = beam()
    before, ours = cpu_seconds(vm), time.process_time()
    seconds = bench.run(WARM, 1)
    inside, ours = cpu_seconds(vm) - before, time.process_time() - ours
    peak = megabytes(vm, "VmHWM")
    bench.close()
    return {
        "executions": WARM,
        "ms": round(seconds / WARM * 1000, 2),
        "cpu_ms": round((inside + ours) / WARM * 1000, 2),
        "cpu_ms_of_the_vm": round(inside / WARM * 1000, 2),
        "peak_mb": peak,
    }


def at_once(home: Path) -> dict[str, Any]:
    """As many as that in one VM, with a provider that takes its time."""
    bench = Bench("serve", LATENCY, home)
    bench.run(1, 1)
    seconds = bench.run(AT_ONCE, AT_ONCE)
    found = {
        "executions": AT_ONCE,
        "latency": LATENCY,
        "seconds": round(seconds, 2),
        "peak_mb": megabytes(beam(), "VmHWM"),
    }
    bench.close()
    return found


def many(home: Path, runs: int) -> dict[str, Any]:
    """The first and the last thousand in one VM: executions a second, and memory and processes after them."""
    bench = Bench("serve", 0.0, home)
    thousand = min(1000, runs // 2)
    first = thousand_of(bench, thousand)
    bench.run(runs - 2 * thousand, 16)
    last = thousand_of(bench, thousand)
    bench.close()
    return {"runs": runs, **{name: [first[name], last[name]] for name in first}}


def thousand_of(bench: Bench, count: int) -> dict[str, Any]:
    seconds = bench.run(count, 16)
    processes = processes_inside(bench)
    return {"per_second": round(count / seconds, 1), "rss_mb": megabytes(beam(), "VmRSS"), "processes": processes}


def processes_inside(bench: Bench) -> int:
    """Processes inside the VM, as it says itself."""
    health: dict[str, Any] = bench.runtime.health(bench.providers)  # type: ignore[attr-defined]  # Serve has it
    return int(health["processes"])


def beam() -> int:
    """The VM among our children."""
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            if "beam" in Path("/proc", child, "comm").read_text():
                return int(child)
    raise RuntimeError("no VM runs")


def cpu_seconds(process: int) -> float:
    fields = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(process: int, what: str) -> float:
    lines = Path("/proc", str(process), "status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024, 1)


if __name__ == "__main__":
    main()
