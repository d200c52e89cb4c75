"""The flow `notify`: tell a person about a run that failed or is stuck, or about a work pool without a worker.

The automations of the Prefect server start it (`workbench.alerts.automations`).
"""

from __future__ import annotations

import os
from typing import Any

from prefect import flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.utilities.urls import url_for
from prefect.variables import Variable

from workbench.alerts.notification import MOST_CHARACTERS, URL_VARIABLE, Notification, post, webhook
from workbench.foreign_text import one_line, scrubbed
from workbench.system.environment import secret_values


def title() -> str:
    """Return the flow run's name: what happened, and to which run."""
    parameters = flow_run.parameters
    return f"{_short(str(parameters['problem']))}: {_short(str(parameters['name']))}"


@flow(name="notify", retries=2, retry_delay_seconds=30, flow_run_name=title, persist_result=False)
def notify(
    problem: str, name: str = "", resource: str = "", detail: str = "", occurred: str = "", posted: bool = False
) -> dict[str, Any]:
    """Log one line about a problem. Post it as JSON to a webhook, if one is set.

    The address of the webhook is in the worker's environment, as WORKBENCH_NOTIFY_URL, or in the Prefect Variable
    workbench_notify_url.

    Args:
        problem: What happened.
        name: The name of the flow run or the work pool that has the problem.
        resource: The id of this flow run or work pool, as the Prefect server's events name it.
        detail: The message of the flow run's state.
        occurred: When it happened, as ISO 8601.
        posted: Whether the Prefect server itself has posted the notification, because no worker was there.

    Returns:
        The notification as it is posted, and whether it was posted.

    Raises:
        UserError: the address of the webhook cannot be used.
        OutsideError: the webhook does not answer, or refuses the notification.
    """
    keys = secret_values(os.environ)
    problem, name, detail = (_short(scrubbed(text, keys)) for text in (problem, name, detail))
    notification = Notification(problem, name, detail, _page(resource), _short(occurred))
    get_run_logger().warning(notification.text)
    url = None if posted else _webhook()
    if url is not None:
        post(url, notification)
    return {**notification.to_json(), "posted": posted or url is not None}


def _webhook() -> str | None:
    variable = Variable.get(URL_VARIABLE.lower())
    return webhook(variable if isinstance(variable, str) else None)


def _short(text: str) -> str:
    return one_line(text, MOST_CHARACTERS)


def _page(resource: str) -> str:
    """Return the page of a flow run or a work pool in the Prefect UI, or an empty text if there is none."""
    kind, _, name = resource.removeprefix("prefect.").partition(".")
    if kind != "flow-run":
        return ""
    try:
        return url_for("flow-run", obj_id=name) or ""
    except ValueError:
        return ""
