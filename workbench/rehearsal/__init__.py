"""The rehearsal: scripted models behind the providers' own protocols, on loopback.

It stands for Gemini and Anthropic where no model can or shall be called. Nothing here knows Workbench's requests from
anybody else's: what is answered follows from the text of the request alone, as a model's answer would.
"""
