"""The rehearsal: scripted models on loopback that speak the providers' own protocols.

The rehearsal stands in for Gemini, Anthropic and OpenAI if no real model can or should be called. It does not know that
Workbench is the client: it answers the text of a request, as a real model does.
"""
