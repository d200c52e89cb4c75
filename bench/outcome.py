"""How a benchmark ends: with its numbers as one line of JSON, and with what is implausible about them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping

#: A share of the ideal may be this much above 1: the clock and the sleep that it measures are not the same.
MOST_OF_IDEAL = 1.05


def conclude(numbers: Mapping[str, object], expectations: Mapping[str, bool]) -> int:
    """Print the numbers on stdout and each expectation that does not hold on stderr. Return the exit code.

    Args:
        expectations: whether it holds, by a sentence that says what is expected.
    """
    print(json.dumps(numbers), flush=True)
    failed = [sentence for sentence, holds in expectations.items() if not holds]
    for sentence in failed:
        print(
            f"implausible: expected that {sentence}; the numbers above do not measure what they should", file=sys.stderr
        )
    return 1 if failed else 0


def positive(*values: float) -> bool:
    """Return whether all values are finite and above zero."""
    return all(math.isfinite(value) and value > 0 for value in values)


def is_share(value: float) -> bool:
    """Return whether a value can be a share of the ideal."""
    return positive(value) and value <= MOST_OF_IDEAL
