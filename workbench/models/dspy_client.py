"""Calls the models of all providers but Gemini with DSPy's own client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dspy
import httpx
from dspy import lm15
from dspy.utils import exceptions

from workbench.models.call_failed import CallFailed
from workbench.models.failure import Failure, http_failure
from workbench.models.reading import error_status, read
from workbench.models.reply import ModelCall, Reply
from workbench.models.schema_words import instruction
from workbench.models.usage import reported_dollars
from workbench.provider_table import Service
from workbench.providers import Provider


def complete(call: ModelCall, key: str) -> Reply:
    """Call the model once.

    Raises:
        CallFailed: the provider answered with an error, or did not answer.
    """
    request = lm15.Request(
        model=f"{call.provider.service.protocol}/{call.model}",
        system=call.system,
        messages=tuple(lm15.Message(role=role, parts=(lm15.TextPart(text),)) for role, text in _messages(call)),
        config=lm15.Config(
            temperature=call.temperature,
            max_tokens=call.max_tokens,
            response_format=_response_format(call),
        ),
    )
    try:
        with dspy.context(disable_history=True):
            lm = _client(request.model, call.provider, key, call.seconds)
            response: lm15.Response = lm(request=request)
        reply = _read(call.provider.service, response.provider_data)
        if reply.error_status is None:
            return reply
        failed_call = _failed_reply(reply.error_status, reply)
    except exceptions.LMTimeoutError:
        failed_call = CallFailed(Failure("timeout"), f"no answer within {call.seconds:.0f} s", charged=True)
    except exceptions.LMError as error:
        failed_call = _failed_call(error)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        message = f"the reply is not in the provider's protocol ({type(error).__name__})"
        failed_call = CallFailed(Failure("provider unavailable"), message, charged=True)
    # Raised here, after the handlers, so that no traceback shows the client's own error, which may hold the key.
    raise failed_call


def _read(service: Service, body: object) -> Reply:
    """Return the reply in a body of a service, with its cost if the service tells it."""
    reply = read(service.protocol, body)
    return replace(reply, dollars=reported_dollars(body)) if service.tells_dollars else reply


def _messages(call: ModelCall) -> tuple[tuple[str, str], ...]:
    """Return the call's messages. If the service takes no schema, the schema stands at the end of the last message."""
    if call.schema is None or call.provider.service.schemas or not call.messages:
        return call.messages
    *earlier, (role, text) = call.messages
    return (*earlier, (role, f"{text}\n\n{instruction(call.schema)}"))


def _response_format(call: ModelCall) -> dict[str, Any] | None:
    """Return the call's schema in the form of DSPy's client. Anthropic has no JSON mode without a schema."""
    if not call.provider.service.schemas:
        return None
    if call.schema:
        return {"type": "json_schema", "name": "answer", "schema": dict(call.schema)}
    any_json = call.schema is not None and call.provider.service.protocol != "anthropic"
    return {"type": "json_object"} if any_json else None


def _client(model: str, provider: Provider, key: str, seconds: float) -> dspy.LM:
    """Return DSPy's client for a model, with the time limit of its calls in seconds."""
    # With engine="auto", DSPy would use litellm as soon as a variable such as ANTHROPIC_BASE_URL is set, and litellm
    # appends a second /v1. Prefect's tasks cache answers and retry calls, so DSPy does neither.
    return dspy.LM(
        model,
        engine="lm15",
        api_base=provider.api_base,
        api_key=key,
        cache=False,
        num_retries=0,
        timeout=seconds,
    )


def _failed_call(error: Any) -> CallFailed:
    """Return our error for an error of DSPy's client."""
    message = str(error.message or error)
    status = error.status or error_status(error.provider_code) or 0
    headers = {"retry-after": str(error.retry_after)} if error.retry_after else {}
    body = {"error": {"code": str(error.provider_code or "")}}
    if status:
        return CallFailed(http_failure(status, message, body, headers), f"{status} {message}")
    lasting = isinstance(
        error,
        exceptions.LMInvalidRequestError | exceptions.LMConfigurationError | exceptions.LMUnsupportedFeatureError,
    )
    failure = Failure("bad request" if lasting else "provider unavailable", lasting=lasting)
    return CallFailed(failure, message, charged=not lasting and not _unreached(error))


def _failed_reply(status: int, reply: Reply) -> CallFailed:
    """Return our error for a reply that ended with an error of this status. Its first tokens may cost money."""
    failure = http_failure(status, reply.reason)
    return CallFailed(
        failure,
        f"{status} {reply.reason}",
        charged=reply.tokens is not None,
        dollars=reply.dollars,
        tokens=reply.tokens,
        model=reply.model,
    )


def _unreached(error: BaseException | None) -> bool:
    """Return True if the connection to the provider failed, so that the provider never got the request."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError | httpx.ConnectError):
            return True
        error = error.__cause__ or error.__context__
    return False
