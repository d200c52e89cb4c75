"""Serves the rehearsal on loopback: in a thread of this process, or in the foreground for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workbench.errors import UserError
from workbench.rehearsal import anthropic, gemini, roles
from workbench.rehearsal.model_request import ModelRequest, chance

HOST = "127.0.0.1"
START_SECONDS = 10.0
#: Seconds that a call hangs which is to time out, before its connection is closed.
HANG_SECONDS = 2.0

FAILURES = ("429", "500", "503", "hang", "malformed")


@dataclass
class Rehearsal:
    """What is played, and how well: `latency` in mean seconds, `fail_rate` as a share of calls.

    An answer follows from world, seed and request: from the seed in the request where there is one, else from how often
    the same was asked before.
    """

    world: str = "default"
    seed: int = 0
    latency: float = 0.0
    fail_rate: float = 0.0
    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    _tries: Counter[str] = field(default_factory=Counter)
    _samples: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.world not in roles.WORLDS:
            raise UserError(f'there is no world "{self.world}"; there are: {", ".join(roles.WORLDS)}')
        if not 0 <= self.fail_rate <= 1:
            raise UserError(f"--fail-rate {self.fail_rate}: expected a share from 0 to 1")
        if self.latency < 0:
            raise UserError(f"--latency {self.latency}: expected seconds from 0")

    def app(self) -> Starlette:
        routes = [
            Route("/rehearsal", self._introduce, methods=["GET"]),
            Route("/{version}/models/{model}:generateContent", self._gemini, methods=["POST"]),
            Route("/v1/messages", self._anthropic, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def _introduce(self, request: Request) -> Response:
        told = {"rehearsal": True, "world": self.world, "seed": self.seed, "calls": dict(self.calls)}
        return JSONResponse(told)

    async def _gemini(self, request: Request) -> Response:
        return await self._answer(request, gemini, lambda body: gemini.read(request.path_params["model"], body))

    async def _anthropic(self, request: Request) -> Response:
        return await self._answer(request, anthropic, anthropic.read)

    async def _answer(self, request: Request, protocol: ModuleType, read: Any) -> Response:
        try:
            asked: ModelRequest = read(await request.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse(protocol.error(400, f"not a request of this protocol: {error!r}"), 400)
        self.calls[roles.role(asked)] += 1
        identity = f"{asked.identity}:{asked.seed}"
        self._tries[identity] += 1
        luck = chance("failing", str(self.seed), self.world, identity, str(self._tries[identity]))
        await asyncio.sleep(self.latency * luck.uniform(0.5, 1.5))
        if luck.random() < self.fail_rate:
            return await self._fail(protocol, luck)
        text = roles.answer(asked, self.world, self._luck(asked))
        return JSONResponse(protocol.reply(asked, text))

    def _luck(self, asked: ModelRequest) -> random.Random:
        sample = asked.seed
        if sample is None:
            sample = self._samples[asked.identity]
            self._samples[asked.identity] += 1
        return chance("answer", str(self.seed), self.world, asked.identity, str(sample))

    async def _fail(self, protocol: ModuleType, luck: random.Random) -> Response:
        match luck.choice(FAILURES):
            case "hang":
                await asyncio.sleep(HANG_SECONDS)
                # Less than was announced: the client sees its connection lost.
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
    """Serve while this lasts, from a thread of this process, on a free port unless one is named."""
    rehearsal = Rehearsal(world, seed, latency, fail_rate)
    listening = _listen(port)
    rehearsal.url = f"http://{HOST}:{listening.getsockname()[1]}"
    server = uvicorn.Server(_config(rehearsal))
    thread = threading.Thread(target=server.run, args=([listening],), name="workbench-rehearsal", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        yield rehearsal
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=2.0)
        listening.close()


def serve_forever(*, port: int, seed: int, latency: float, fail_rate: float, world: str) -> None:
    """Serve until interrupted; the address is the one line on standard output."""
    rehearsal = Rehearsal(world, seed, latency, fail_rate)
    listening = _listen(port)
    rehearsal.url = f"http://{HOST}:{listening.getsockname()[1]}"
    print(rehearsal.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(_config(rehearsal)).run([listening])


def _config(rehearsal: Rehearsal) -> uvicorn.Config:
    return uvicorn.Config(
        rehearsal.app(), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise UserError(f"--port {port}: {error.strerror}; 0 takes a free one") from error
    listening.listen(512)
    return listening
