"""Calls the models that score plans and propose prompts, and reads their replies.

`asking` is the entry. Gemini is called with google-genai, and every other provider with DSPy's own client.
"""

import os

# DSPy would fetch litellm's list of prices from the internet, also in a rehearsal. Workbench prices calls by itself.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "true")
