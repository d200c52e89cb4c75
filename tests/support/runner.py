"""A program of ours that executes commands in a pool's threads, for as long as it is left alone."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench.system import process


def main(commands: list[str]) -> None:
    def forever(command: str) -> None:
        while True:
            process.run(["sh", "-c", command], cwd=Path("/"), env=dict(os.environ), timeout=60)

    with ThreadPoolExecutor(len(commands)) as pool, process.ended_on_interrupt():
        for running in [pool.submit(forever, command) for command in commands]:
            running.result()


if __name__ == "__main__":
    main(sys.argv[1:])
