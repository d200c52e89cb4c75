"""Searches for a better prompt with the race and with DSPy's optimizers."""

import os

# tqdm reads this variable when DSPy first imports tqdm. Without the variable, any thread could draw a progress bar into
# the terminal.
os.environ.setdefault("TQDM_DISABLE", "1")
