"""Packs a part of the runtime into codebase.xml: one text that a model can read.

Every execution pays for this text, so it is a small part: the processes of `mix pipeline.serve` that hold its runs. The
listener and the router, which read HTTP, are left out.

    python examples/otp_refactor/pack.py
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNTIME = HERE.parents[1] / "runtime"
FILES = (
    "lib/pipeline/application.ex",
    "lib/pipeline/serve.ex",
    "lib/pipeline/serve/drain.ex",
    "lib/pipeline/serve/folder.ex",
    "lib/pipeline/serve/run.ex",
    "lib/pipeline/serve/run_table.ex",
    "lib/pipeline/serve/runs.ex",
)


def pack() -> str:
    """Return the content of all FILES as one text, each file with its path."""
    parts = [f'<file path="{name}">\n{(RUNTIME / name).read_text(encoding="utf-8")}</file>\n' for name in FILES]
    return "<repository>\n" + "".join(parts) + "</repository>\n"


if __name__ == "__main__":
    (HERE / "codebase.xml").write_text(pack(), encoding="utf-8")
