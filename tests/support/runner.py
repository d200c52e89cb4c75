"""A program that runs commands in threads of a pool, again and again, until it is interrupted."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench.system import process


def main(commands: list[str]) -> None:
    def run_forever(command: str) -> None:
        while True:
            process.run(["sh", "-c", command], cwd=Path("/"), env=dict(os.environ), timeout=60)

    with ThreadPoolExecutor(len(commands)) as pool, process.ended_on_interrupt():
        for running in [pool.submit(run_forever, command) for command in commands]:
            running.result()


if __name__ == "__main__":
    main(sys.argv[1:])
