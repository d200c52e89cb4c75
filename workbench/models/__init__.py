"""Calls the models that score plans and propose prompts, and reads their replies.

`asking` is the entry. Gemini is called with google-genai, and every other provider with DSPy's own client.
"""
