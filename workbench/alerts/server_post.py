"""Lets the Prefect server itself post a notification, for the case that no worker is there to execute `notify/notify`.

The server keeps the webhook's address in a block, which it shows to nobody. The server's automation calls the block.
"""

from __future__ import annotations

import json
from typing import Any

from workbench.alerts.api import Api, request
from workbench.errors import UserError

#: The block's name, and the kind of block that every Prefect server has.
BLOCK = "workbench-notify"
KIND = "webhook"
#: The path of the block in the API.
_BLOCK_PATH = f"/block_types/slug/{KIND}/block_documents/name/{BLOCK}"


def block(api: Api, url: str | None) -> str | None:
    """Return the id of the block, or None if the server has none. If an address is given, write it into the block.

    Without an address, a block that the server has stays as it is: another shell may have set the address.

    Raises:
        UserError: the server has no kind of block for webhooks.
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    existing = request(api, "GET", _BLOCK_PATH)
    if url is None:
        return None if existing is None else str(existing["id"])
    data = {"method": "POST", "url": url, "headers": {"content-type": "application/json"}}
    if existing is not None:
        api.request("PATCH", f"/block_documents/{existing['id']}", json={"data": data, "merge_existing_data": False})
        return str(existing["id"])
    schema = _schema(api)
    created = {"name": BLOCK, "data": data, "block_type_id": schema["block_type_id"], "block_schema_id": schema["id"]}
    return str(api.request("POST", "/block_documents/", json=created).json()["id"])


def action(problem: str, block_id: str) -> dict[str, Any]:
    """Return the action of an automation that posts a problem, with the keys of `Notification.to_json`."""
    values = {
        "text": f"{json.dumps(problem + ': ')} ~ event.resource.get('prefect.resource.name', '')",
        "problem": json.dumps(problem),
        "name": "event.resource.get('prefect.resource.name', '')",
        "detail": "''",
        "url": "''",
        "occurred": "event.occurred.isoformat()",
    }
    pairs = ", ".join(f"'{key}': {value}" for key, value in values.items())
    return {"type": "call-webhook", "block_document_id": block_id, "payload": "{{ {" + pairs + "} | tojson }}"}


def _schema(api: Api) -> dict[str, Any]:
    """Return the newest definition of the kind of block."""
    kind = request(api, "GET", f"/block_types/slug/{KIND}")
    query = {"block_schemas": {"block_type_id": {"any_": [kind and kind["id"]]}}}
    schemas = api.request("POST", "/block_schemas/filter", json=query).json() if kind else []
    if not schemas:
        raise UserError(
            f"the Prefect server has no block type {KIND}; expected one for the address in WORKBENCH_NOTIFY_URL: start "
            "the server with PREFECT_SERVER_BLOCKS_REGISTER_ON_START=true, or unset WORKBENCH_NOTIFY_URL here"
        )
    return dict(max(schemas, key=lambda schema: str(schema["created"])))
