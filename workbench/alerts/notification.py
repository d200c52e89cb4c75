"""Defines a notification, which is a line for a log and a JSON object, and posts it to a webhook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import httpx

from workbench.errors import OutsideError, UserError
from workbench.system import loopback

#: The variable with the webhook's address. The Prefect Variable has the same name in small letters.
URL_VARIABLE = "WORKBENCH_NOTIFY_URL"
#: The most characters of a name or a detail. Both can come from outside.
MOST_CHARACTERS = 300
POST_SECONDS = 30.0


@dataclass(frozen=True)
class Notification:
    """What a person should look at.

    Attributes:
        problem: what happened.
        name: the name of the flow run or the work pool.
        detail: the message of the flow run's state, or empty.
        url: the page in the Prefect UI, or empty.
        occurred: when it happened, as ISO 8601.
    """

    problem: str
    name: str
    detail: str
    url: str
    occurred: str

    @property
    def text(self) -> str:
        """Return the notification as one line."""
        parts = (f"{self.problem}: {self.name}", self.detail, self.url)
        return " – ".join(part for part in parts if part)

    def to_json(self) -> dict[str, str]:
        """Return all attributes and the line. Slack, Mattermost and others show the value of `text`."""
        return {"text": self.text, **asdict(self)}


def webhook(variable: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the webhook's address, or None if none is set.

    Args:
        variable: the value of the Prefect Variable. The environment comes first.

    Raises:
        UserError: the address is no HTTP address, or has a login in it. The message does not repeat the address.
    """
    url = (environ.get(URL_VARIABLE) or variable or "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise UserError(
            f"the address of the webhook in {URL_VARIABLE} or in the Prefect Variable {URL_VARIABLE.lower()} cannot be "
            "used; expected http:// or https:// with a host and without a login: correct it, or remove it"
        )
    return url


def post(url: str, notification: Notification) -> None:
    """Post a notification to a webhook.

    Raises:
        OutsideError: the webhook does not answer, or refuses the notification. The message names only its host.
    """
    host = urlsplit(url).hostname
    try:
        with httpx.Client(timeout=POST_SECONDS, mounts=loopback.DIRECT) as client:
            response = client.post(url, json=notification.to_json())
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OutsideError(
            f"the webhook at {host} gave no answer ({type(error).__name__}): check its address", kind="webhook"
        ) from None
    if not response.is_success:
        raise OutsideError(
            f"the webhook at {host} answered HTTP {response.status_code}; expected 200: check its address",
            kind="webhook",
        )
