"""`workbench rehearsal`: serve scripted models."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from workbench.rehearsal.server import serve_forever


def rehearsal(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 0,
    seed: int = 0,
    latency: Annotated[float, Parameter(validator=Number(gte=0))] = 0.0,
    fail_rate: Annotated[float, Parameter(validator=Number(gte=0, lte=1))] = 0.0,
    world: str = "default",
) -> int:
    """Serve scripted models on loopback, in the protocols of Gemini and Anthropic, until interrupted.

    Point GOOGLE_GEMINI_BASE_URL and ANTHROPIC_BASE_URL at the printed address, or run with --rehearse.

    Parameters
    ----------
    port
        0 takes a free one.
    seed
        The same seed gives the same answers.
    latency
        Mean seconds for an answer.
    fail_rate
        Share of calls that fail, 0 to 1.
    world
        `default`, or `null`, where the wording of a prompt changes nothing.
    """
    serve_forever(port=port, seed=seed, latency=latency, fail_rate=fail_rate, world=world)
    return 0
