"""Calls the models that score plans and propose prompts, and reads their replies.

`asking` is the entry. `calling` lists the client of each provider: `gemini` uses google-genai, `claude_program` starts
the `claude` program, and `dspy_client` calls all other providers.
"""

import os

# DSPy would fetch litellm's list of prices from the internet, also in a rehearsal. Workbench prices calls by itself.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "true")
