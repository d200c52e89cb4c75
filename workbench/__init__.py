"""Searches for the prompt that makes a pipeline write its best plan."""

import os

# NumPy and SciPy read this variable when they are first imported. The matrices of a race are small: several threads
# need more time for them than one thread, and the rounding of a sum depends on the number of threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
