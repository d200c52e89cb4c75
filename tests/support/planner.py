#!/usr/bin/env python3
"""A pipeline of a user's: it asks Gemini for a plan over HTTP. The script needs nothing but Python 3.

planner.py [--prompt FILE] [--output FILE] [--seed N]

Without --prompt, the script reads the prompt from standard input. Without --output, it writes the plan to standard
output. GEMINI_API_KEY and GOOGLE_GEMINI_BASE_URL come from the environment. While the script works, it has a child
process in a session of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

PATH = "/v1beta/models/gemini-3.8-flash:generateContent"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompt", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    prompt = options.prompt.read_text("utf-8") if options.prompt else sys.stdin.buffer.read().decode()
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        plan = ask(prompt, options.seed)
    except urllib.error.HTTPError as error:
        print(f"the model refused: {error.code} {error.read().decode()}", file=sys.stderr)
        return 1
    finally:
        child.kill()
        child.wait()
    if options.output:
        options.output.write_text(plan, "utf-8")
    else:
        sys.stdout.buffer.write(plan.encode())
    return 0


def ask(prompt: str, seed: int) -> str:
    """Return the model's answer to the prompt."""
    body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": {"seed": seed}}
    request = urllib.request.Request(
        os.environ["GOOGLE_GEMINI_BASE_URL"] + PATH,
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json", "x-goog-api-key": os.environ["GEMINI_API_KEY"]},
    )
    with urllib.request.urlopen(request) as answer:
        candidate = json.load(answer)["candidates"][0]
    return "".join(part["text"] for part in candidate["content"]["parts"])


if __name__ == "__main__":
    sys.exit(main())
