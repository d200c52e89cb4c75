"""Runs no optimizer: the search only scores the starting prompt."""

from __future__ import annotations

from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    """Return the program with the starting prompt."""
    return bench.program
