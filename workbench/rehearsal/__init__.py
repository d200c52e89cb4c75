"""The rehearsal: scripted models on loopback that speak the providers' own protocols.

The rehearsal stands in for Gemini, Anthropic and OpenAI if no real model can or should be called. It does not know that
Workbench is the client. The answer follows from the text of the request alone, as a real model's answer does.
"""
