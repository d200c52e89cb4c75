"""Serve the rehearsal on loopback, in a thread of this process or in the foreground for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workbench.errors import UserError
from workbench.rehearsal import anthropic, gemini, openai, roles
from workbench.rehearsal.model_request import ModelRequest, seeded_random

HOST = "127.0.0.1"
#: The longest wait for the server to start.
START_SECONDS = 10.0
#: Seconds until the connection of a call that fails with "hang" is closed.
HANG_SECONDS = 2.0

#: The ways in which a call can fail. "hang" loses the connection, and "malformed" sends a body that is no JSON. The
#: others are HTTP statuses.
FAILURES = ("429", "500", "503", "hang", "malformed")


@dataclass
class Rehearsal:
    """A rehearsal, with its settings and its counters.

    An answer follows from the world, the rehearsal's seed, the request and a sample number. If the request has a seed,
    this seed is the sample number. Otherwise the sample number is the number of earlier requests that were equal.

    Attributes:
        world: a key of `workbench.rehearsal.roles.WORLDS`.
        seed: the seed of all random numbers.
        latency: the mean time before an answer, in seconds.
        fail_rate: the share of calls that fail, from 0 to 1.
        url: the address, once the server listens.
        calls: counts the calls by role.
        tries: counts the equal requests. Requests with different seeds are not equal.
    """

    world: str = "default"
    seed: int = 0
    latency: float = 0.0
    fail_rate: float = 0.0
    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    _samples: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.world not in roles.WORLDS:
            raise UserError(f'--world "{self.world}" is not known; expected one of: {", ".join(roles.WORLDS)}')
        if not 0 <= self.fail_rate <= 1:
            raise UserError(f"--fail-rate {self.fail_rate} is not a share of calls; expected a number from 0 to 1")
        if self.latency < 0:
            raise UserError(f"--latency {self.latency} is not a time; expected seconds, 0 or more")

    def app(self) -> Starlette:
        """Return the web application with the routes of all protocols."""
        routes = [
            Route("/rehearsal", self._introduce, methods=["GET"]),
            Route("/{version}/models/{model}:generateContent", self._gemini, methods=["POST"]),
            Route("/v1/messages", self._anthropic, methods=["POST"]),
            Route("/v1/chat/completions", self._openai, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _introduce(self, request: Request) -> Response:
        """Say that this is a rehearsal, so that no client takes the server for a real provider."""
        introduction = {"rehearsal": True, "world": self.world, "seed": self.seed, "calls": dict(self.calls)}
        return JSONResponse(introduction)

    async def _gemini(self, request: Request) -> Response:
        return await self._answer(request, gemini, lambda body: gemini.read(request.path_params["model"], body))

    async def _anthropic(self, request: Request) -> Response:
        return await self._answer(request, anthropic, anthropic.read)

    async def _openai(self, request: Request) -> Response:
        return await self._answer(request, openai, openai.read)

    async def _answer(self, request: Request, protocol: ModuleType, read: Callable[[Any], ModelRequest]) -> Response:
        """Answer a request, or fail on purpose, after the latency."""
        try:
            model_request = read(await request.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse(protocol.error(400, f"not a request of this protocol: {error!r}"), 400)
        self.calls[roles.role(model_request)] += 1
        identity = f"{model_request.identity}:{model_request.seed}"
        self.tries[identity] += 1
        rng = seeded_random("failing", str(self.seed), self.world, identity, str(self.tries[identity]))
        await asyncio.sleep(self.latency * rng.uniform(0.5, 1.5))
        if rng.random() < self.fail_rate:
            return await self._fail(protocol, rng)
        text = roles.answer(model_request, self.world, self._answer_rng(model_request))
        return JSONResponse(protocol.reply(model_request, text))

    def _answer_rng(self, model_request: ModelRequest) -> random.Random:
        """Return the random number generator for an answer, and count the request as a sample if it has no seed."""
        sample = model_request.seed
        if sample is None:
            sample = self._samples[model_request.identity]
            self._samples[model_request.identity] += 1
        return seeded_random("answer", str(self.seed), self.world, model_request.identity, str(sample))

    async def _fail(self, protocol: ModuleType, rng: random.Random) -> Response:
        """Fail in one of the ways of `FAILURES`."""
        match rng.choice(FAILURES):
            case "hang":
                await asyncio.sleep(HANG_SECONDS)
                # The body is shorter than its announced length, so the client sees a lost connection.
                return Response(b"{", headers={"content-length": "1000", "connection": "close"})
            case "malformed":
                return Response(b'{"candidates": [{"content": ', media_type="application/json")
            case status:
                code = int(status)
                headers = {"retry-after": "1"} if code == 429 else {}
                return JSONResponse(protocol.error(code, "the rehearsal fails this call on purpose"), code, headers)


@contextlib.contextmanager
def start(
    *, port: int = 0, seed: int = 0, latency: float = 0.0, fail_rate: float = 0.0, world: str = "default"
) -> Iterator[Rehearsal]:
    """Serve from a thread of this process until the block ends. Port 0 takes a free port."""
    rehearsal = Rehearsal(world, seed, latency, fail_rate)
    listener = _listen(port)
    rehearsal.url = f"http://{HOST}:{listener.getsockname()[1]}"
    server = uvicorn.Server(_config(rehearsal))
    thread = threading.Thread(target=server.run, args=([listener],), name="workbench-rehearsal", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        yield rehearsal
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=2.0)
        listener.close()


def serve_forever(*, port: int, seed: int, latency: float, fail_rate: float, world: str) -> None:
    """Serve until an interrupt. Print the address as the only line on standard output."""
    rehearsal = Rehearsal(world, seed, latency, fail_rate)
    listener = _listen(port)
    rehearsal.url = f"http://{HOST}:{listener.getsockname()[1]}"
    print(rehearsal.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(_config(rehearsal)).run([listener])


def _config(rehearsal: Rehearsal) -> uvicorn.Config:
    return uvicorn.Config(
        rehearsal.app(), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )


def _listen(port: int) -> socket.socket:
    """Return a socket that listens on the port.

    Raises:
        UserError: the port cannot be used.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UserError(
            f"--port {port} cannot be used ({error.strerror}); expected a free port; use another one, "
            "or 0 for any free port"
        ) from error
    listener.listen(512)
    return listener
