"""Keep a file locked while a flow run lasts, and mark a flow run as crashed if its process has died."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL

from workbench.alerts import holders
from workbench.foreign_text import printable
from workbench.system.home import ensure_usable, home


@contextmanager
def alive() -> Iterator[None]:
    """Mark flow runs of this home as crashed whose process has died. Then show that this flow run's process lives.

    The lock on the flow run's file dies with the process.
    """
    run: Any = flow_run.id
    folder = ensure_usable(home())
    # If other flow runs cannot be marked, this flow run goes on.
    with suppress(httpx.HTTPError, PrefectException):
        for name in mark_crashed():
            get_run_logger().warning(f"Marked as crashed, because its process has died: {printable(name)}")
    with holders.held(folder, str(run), str(PREFECT_API_URL.value())):
        yield


def mark_crashed() -> list[str]:
    """Mark flow runs of this home as crashed whose process has died, and return their names.

    Raises:
        httpx.HTTPError, PrefectException: the server does not answer, or refuses a request.
    """
    with get_client(sync_client=True) as client:
        return holders.mark_crashed(home(), client, str(PREFECT_API_URL.value()))
