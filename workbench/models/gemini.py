"""Calls Gemini with google-genai."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import httpx
import httpx2
from google import genai
from google.genai import errors, types

from workbench.models.call_failed import CallFailed
from workbench.models.failure import Failure, http_failure
from workbench.models.reading import read_gemini
from workbench.models.reply import ModelCall, Reply
from workbench.providers import Provider

#: google-genai would use `v1`, which does not serve all models.
API_VERSION = "v1beta"


def complete(call: ModelCall, key: str) -> Reply:
    """Call the model once.

    Raises:
        CallFailed: the provider answered with an error, or did not answer.
    """
    contents: list[Any] = [
        types.Content(role="model" if role == "assistant" else "user", parts=[types.Part(text=text)])
        for role, text in call.messages
    ]
    # The variable keeps the client alive during the call: a client without a reference closes its connections.
    client = _client(call.provider, key)
    try:
        response = client.models.generate_content(model=call.model, contents=contents, config=_config(call))
        http_response = response.sdk_http_response
        return read_gemini(json.loads((http_response.body if http_response else None) or "{}"))
    except errors.APIError as error:
        headers = {name.lower(): value for name, value in dict(getattr(error.response, "headers", {})).items()}
        status, message = int(error.code or 0), str(error.message or error.status or "")
        failed_call = CallFailed(http_failure(status, message, error.details, headers), f"{status} {message}".strip())
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        failed_call = CallFailed(Failure("provider unavailable"), str(error) or type(error).__name__)
    except (httpx.TimeoutException, httpx2.TimeoutException):
        failed_call = CallFailed(Failure("timeout"), f"no answer within {call.seconds:.0f} s", charged=True)
    except (httpx.HTTPError, httpx2.HTTPError) as error:
        failed_call = CallFailed(Failure("provider unavailable"), str(error) or type(error).__name__, charged=True)
    except (ValueError, AttributeError, RecursionError):
        message = "the reply is not in the provider's protocol"
        failed_call = CallFailed(Failure("provider unavailable"), message, charged=True)
    # Raised here, after the handlers, so that no traceback shows the client's own error, which may hold the key.
    raise failed_call


def _config(call: ModelCall) -> types.GenerateContentConfig:
    """Return the settings of a call, as google-genai takes them."""
    return types.GenerateContentConfig(
        system_instruction=call.system,
        temperature=call.temperature,
        max_output_tokens=call.max_tokens,
        seed=call.seed,
        response_mime_type=None if call.schema is None else "application/json",
        response_json_schema=dict(call.schema) if call.schema else None,
        # `read_gemini` reads the body, because the provider may name a finish reason that this SDK does not know.
        should_return_http_response=True,
        http_options=types.HttpOptions(timeout=max(1, int(call.seconds * 1000))),
    )


@lru_cache(maxsize=8)
def _client(provider: Provider, key: str) -> genai.Client:
    """Return the client for an address. All threads share it, because creating a client takes longer than a call."""
    base_url = provider.base_url.removesuffix(f"/{API_VERSION}")
    options = types.HttpOptions(
        base_url=base_url, api_version=API_VERSION, retry_options=types.HttpRetryOptions(attempts=1)
    )
    return genai.Client(api_key=key, vertexai=False, http_options=options)
