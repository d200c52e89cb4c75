"""`workbench rehearsal`: serve scripted models instead of real ones."""

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
    """Serve scripted models on this machine in the protocols of Gemini, Anthropic and OpenAI, until interrupted.

    To use them, set GOOGLE_GEMINI_BASE_URL, ANTHROPIC_BASE_URL and OPENAI_BASE_URL to the printed address, and run
    `workbench run STUDY --rehearse`. Without these variables, it starts a server of its own.

    Parameters
    ----------
    port
        The port on 127.0.0.1; 0 chooses a free port.
    seed
        The same seed gives the same answers.
    latency
        The mean time of an answer, in seconds.
    fail_rate
        The share of calls that fail, 0 to 1.
    world
        `default`, or `null`. In the world `null`, the wording of a prompt changes nothing.
    """
    serve_forever(port=port, seed=seed, latency=latency, fail_rate=fail_rate, world=world)
    return 0
