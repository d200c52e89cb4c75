"""Simulated worlds for `bench/selection.py`: prompts with a known quality, a scripted proposer, and noisy scores.

A prompt is one line of words. Some words are instructions, and each instruction has an effect on the quality of the
plans. The proposer adds, removes or exchanges one instruction at a time. It knows the names of the instructions, and not
which of them help. A score is the prompt's quality with the generator's noise and the judge's noise, from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

#: The quality of the seed prompt, and of the prompt with all helpful and no harmful instructions.
SEED_QUALITY = 0.25
BEST_QUALITY = 0.87
JUDGE_NOISE = 0.06
SEED_PROMPT = "Write a plan that reaches the goal"
SEED_LINES = "Write a plan that reaches the goal.\nBegin with the most urgent step.\nAnswer in YAML.\nKeep to the facts."


@dataclass(frozen=True)
class World:
    """One world. Every field but the first four turns a feature on.

    Attributes:
        sigma: the standard deviation of the generator's noise.
        helpful, harmful: how many instructions of each kind there are.
        crashes: which share of the executions crashes.
        helpful_share: the probability that a new instruction of the proposer helps.
        interactions: how many pairs of helpful instructions gain something together.
        tails: the noise of the generator is Student-t with 3 degrees of freedom.
        exploit: how much one harmful instruction adds to the score of the judge, and not to the quality.
        goals: how many goals take turns; each instruction is worth something else for each.
        free_words: words beyond this number cost 0.01 each, or None.
        tenths: scores are rounded to tenths.
        wordings: in how many ways the proposer words each instruction.
        rewrites: the proposer words the whole prompt anew each time.
    """

    name: str = "main"
    sigma: float = 0.10
    helpful: int = 12
    harmful: int = 12
    crashes: float = 0.05
    helpful_share: float = 0.5
    interactions: int = 0
    tails: bool = False
    exploit: float = 0.0
    goals: int = 1
    free_words: int | None = None
    tenths: bool = False
    wordings: int = 1
    rewrites: bool = False

    @property
    def best(self) -> float:
        """Return the highest quality that a prompt can have."""
        return 0.94 if self.interactions else (BEST_QUALITY if self.helpful else SEED_QUALITY)
