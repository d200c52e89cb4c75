"""Measures the cost of the pipeline_ex adapter: executions by the adapter alternate with bare `mix` calls in one run.

    python bench/adapter.py [--seconds 1.1] [--calls 20] [--at-once 1]
    python bench/adapter.py --smallest

A stand-in for `mix` takes as long as a cold start of pipeline_ex, and replays a recording of a good run. Both sides use
the same recording. The last line on stdout is JSON: the seconds of one bare call and of one call through the adapter,
their ratio, and the loss in executions per second. The exit code is 1 if the numbers are implausible.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.outcome import conclude, positive

PROMPT = "Write the plan that the goal asks for.\n" * 20


def main() -> int:
    arguments = parse_arguments()
    bare_seconds, adapter_seconds = measure(arguments.seconds, arguments.calls, arguments.at_once)
    numbers = {
        "calls": arguments.calls * arguments.at_once,
        "at_once": arguments.at_once,
        "bare_seconds": round(bare_seconds, 4),
        "adapter_seconds": round(adapter_seconds, 4),
        "ratio": round(adapter_seconds / bare_seconds, 4),
        "added_ms": round(1000 * (adapter_seconds - bare_seconds), 1),
        "executions_per_second_lost": round(arguments.at_once / bare_seconds - arguments.at_once / adapter_seconds, 4),
    }
    return conclude(
        numbers,
        {
            "a bare call takes as long as the stand-in, or longer": bare_seconds >= arguments.seconds,
            "a call through the adapter takes as long as the stand-in, or longer": adapter_seconds >= arguments.seconds,
            "the ratio is finite and positive": positive(adapter_seconds / bare_seconds),
        },
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.1, help="the time that the stand-in takes")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--smallest", action="store_true", help="3 calls of 0.2 s")
    arguments = parser.parse_args()
    if arguments.smallest:
        arguments.seconds, arguments.calls, arguments.at_once = 0.2, 3, 1
    return arguments


def measure(seconds: float, calls: int, at_once: int) -> tuple[float, float]:
    """Return the median seconds of a bare call, and of a call through the adapter.

    Args:
        seconds: the time that the stand-in takes.
        at_once: how many calls of one side run at the same time.
    """
    from tests.support.checkout import checkout
    from workbench.execution.pipeline_ex.checkout import environment
    from workbench.execution.pipeline_ex.runtime import PipelineEx
    from workbench.execution.pipeline_ex.study import CheckoutSettings
    from workbench.money.meter import Meter
    from workbench.nouns import Engine, ExecutionRequest, Goal, Pipeline

    with tempfile.TemporaryDirectory(prefix="workbench-adapter-") as place:
        folder = Path(place)
        fake = checkout(folder, "live_ok")
        fake.replay("live_ok", seconds=seconds)
        os.environ["PATH"] = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
        genesis = fake.folder / "working_genesis.yaml"
        engine = Engine("pipeline_ex", CheckoutSettings(fake.folder))
        pipeline = Pipeline(engine, "1", genesis, hashlib.sha256(genesis.read_bytes()).hexdigest())
        request = ExecutionRequest(PROMPT, Goal("g", "goal", ("gold",)), 0, pipeline, ())
        runtime = PipelineEx(engine)

        def bare(number: int) -> None:
            command = ["mix", "pipeline.generate.live", "--output", f"{folder}/bare-{number}.yaml", "--", PROMPT]
            subprocess.run(command, cwd=fake.folder, env=environment({}, fake.folder), capture_output=True, check=True)

        def adapted(number: int) -> None:
            execution_folder = folder / f"adapted-{number}"
            execution_folder.mkdir()
            assert runtime.execute(request, execution_folder, Meter()).problem is None

        bare(-1)
        adapted(-1)
        # The calls alternate, so that both sides meet the same load of the machine.
        rounds = [(timed(bare, n, at_once), timed(adapted, n, at_once)) for n in range(calls)]
    bare_seconds, adapter_seconds = (median(side) for side in zip(*rounds, strict=True))
    return bare_seconds, adapter_seconds


def timed(call: Callable[[int], None], number: int, at_once: int) -> float:
    start = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(call, range(number * at_once, (number + 1) * at_once)))
    return time.monotonic() - start


def median(values: tuple[float, ...]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    sys.exit(main())
