"""Prints the numbers of a benchmark as one line of JSON, and reports implausible numbers."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping

#: The highest plausible share of the ideal. It is above 1 because the clock and the sleep do not agree exactly.
MOST_OF_IDEAL = 1.05


def conclude(numbers: Mapping[str, object], expectations: Mapping[str, bool]) -> int:
    """Print the numbers on stdout and each expectation that does not hold on stderr. Return the exit code.

    Args:
        expectations: True if the expectation holds, by a sentence that names the expectation.
    """
    print(json.dumps(numbers), flush=True)
    failed = [sentence for sentence, holds in expectations.items() if not holds]
    for sentence in failed:
        print(
            f"implausible: expected that {sentence}; the numbers above do not measure what they should", file=sys.stderr
        )
    return 1 if failed else 0


def positive(*values: float) -> bool:
    """Return True if all values are finite and above zero."""
    return all(math.isfinite(value) and value > 0 for value in values)


def is_share(value: float) -> bool:
    """Return True if a value can be a share of the ideal."""
    return positive(value) and value <= MOST_OF_IDEAL
