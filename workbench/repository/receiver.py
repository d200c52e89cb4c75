"""Serves the webhook: checks each delivery, and answers with a status that tells if it was taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workbench.repository.deliveries import Deliveries, Push, is_signed, read_push

#: The largest body of a delivery, in bytes. GitHub sends at most 25 MB, and a usual push a few kilobytes.
MOST_BYTES = 5_000_000
#: How long the body of a delivery may take. GitHub waits for 10 seconds in all.
BODY_SECONDS = 30.0


class Refused(Exception):
    """A delivery is refused with this HTTP status. The message goes into the log and into the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def application(
    deliveries: Deliveries, secret: str, log: Callable[[str], None], seconds: float = BODY_SECONDS
) -> Starlette:
    """Return the web application that takes deliveries at every path.

    Args:
        secret: signs the deliveries.
        log: takes one line for each delivery. No line has a part of the body or a signature in it.
        seconds: the time limit of a delivery's body.
    """
    #: One delivery at a time for each set of repositories, so that two copies of one delivery cannot both be taken. A
    #: repository whose server hangs makes no other wait.
    turns: dict[frozenset[str], asyncio.Lock] = {}

    async def receive(request: Request) -> Response:
        delivery = request.headers.get("x-github-delivery", "")
        name = f"delivery {delivery[:64]!r} from {request.client.host if request.client else 'nowhere'}"
        try:
            body = await _body(request, seconds)
            if not is_signed(body, request.headers.get("x-hub-signature-256", ""), secret):
                raise Refused(401, "the signature does not fit the secret")
            push = _push(request, delivery, body)
            entries = [] if push is None else deliveries.watched(push)
            if push is None or not entries:
                event = request.headers.get("x-github-event", "")[:64]
                why = "it concerns no watched branch" if event == "push" else f"it is no push, but {event!r}"
                log(f"204 {name}: {why}")
                return Response(status_code=204)
            # A delivery that waits here uses no thread, so that threads are left for other repositories.
            async with turns.setdefault(frozenset(entry.repository for entry in entries), asyncio.Lock()):
                emitted = await run_in_threadpool(take, delivery, push)
        except Refused as refusal:
            log(f"{refusal.status} {name}: {refusal}")
            return JSONResponse({"error": str(refusal)}, refusal.status)
        log(f"200 {name}: {emitted} {'event' if emitted == 1 else 'events'} emitted")
        return JSONResponse({"emitted": emitted})

    def take(delivery: str, push: Push) -> int:
        if deliveries.is_used(delivery):
            raise Refused(409, "this delivery was taken before")
        try:
            return len(deliveries.take(delivery, push))
        except Exception as error:
            # The sender may send the delivery again: its id is not used up.
            raise Refused(503, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}") from error

    return Starlette(routes=[Route("/{path:path}", receive, methods=["POST"])])


async def _body(request: Request, seconds: float) -> bytes:
    """Return the body of a delivery.

    Raises:
        Refused: it is too long, takes too long, or its sender is gone.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise Refused(413, f"the body is longer than {MOST_BYTES} bytes")
    except TimeoutError as error:
        raise Refused(408, f"the body was not complete after {seconds:g} s") from error
    except ClientDisconnect as error:
        raise Refused(400, "the sender closed the connection before the body was complete") from error
    return bytes(body)


def _push(request: Request, delivery: str, body: bytes) -> Push | None:
    """Return the push of a signed delivery; None for every other event, such as GitHub's `ping`.

    Raises:
        Refused: the delivery is not as GitHub sends it.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0]
    if content_type == "application/x-www-form-urlencoded":
        raise Refused(400, f"the content type is {content_type}; expected application/json: choose it on GitHub")
    if request.headers.get("x-github-event") != "push":
        return None
    if not delivery:
        raise Refused(400, "the header X-GitHub-Delivery is missing")
    try:
        return read_push(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no push ({type(error).__name__})") from error
