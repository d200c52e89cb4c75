import os

# Read by tqdm when it is first imported (DSPy does): progress bars would be drawn into the terminal from any thread.
os.environ.setdefault("TQDM_DISABLE", "1")
