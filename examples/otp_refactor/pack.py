"""Packs the source of the runtime into codebase.xml: one text that a model can read.

python examples/otp_refactor/pack.py
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNTIME = HERE.parents[1] / "runtime"


def pack() -> str:
    """Every source file under its path, in the order of the paths."""
    files = sorted([RUNTIME / "mix.exs", *RUNTIME.glob("lib/**/*.ex"), *RUNTIME.glob("priv/**/*.yaml")])
    parts = [
        f'<file path="{file.relative_to(RUNTIME)}">\n{file.read_text(encoding="utf-8")}</file>\n' for file in files
    ]
    return "<repository>\n" + "".join(parts) + "</repository>\n"


if __name__ == "__main__":
    (HERE / "codebase.xml").write_text(pack(), encoding="utf-8")
