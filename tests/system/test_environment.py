"""The values of an environment that are secrets."""

from __future__ import annotations

import pytest

from workbench.system.environment import secret_values


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("GEMINI_API_KEY", "abc", ["abc"]),
        ("GEMINI_API_KEY_2", "abc", ["abc"]),
        ("MYAPIKEY", "abc", ["abc"]),
        ("CLAUDE_CODE_OAUTH_TOKEN", "abc", ["abc"]),
        ("AWS_SECRET_ACCESS_KEY", "abc", ["abc"]),
        ("database_password", "abc", ["abc"]),
        ("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer abc\nX-Team: planning", ["Bearer abc", "abc"]),
        ("ANTHROPIC_CUSTOM_HEADERS", "x-api-key:abc", ["abc", "abc"]),
        ("PREFECT_CLIENT_CUSTOM_HEADERS", '{"X-Api-Key": "abc", "X-Team": "planning"}', ["abc", "abc"]),
        ("PREFECT_SERVER_API_AUTH_STRING", "admin:abc", ["admin:abc", "abc"]),
        ("HTTPS_PROXY", "http://me:p%40ss@proxy:3128", ["p%40ss", "p@ss"]),
        ("HTTPS_PROXY", "http://proxy:3128", []),
        ("HTTPS_PROXY", "http://[me:a@proxy", []),
        ("ANTHROPIC_API_KEY", "", []),
    ],
)
def test_a_secret_is_known_by_its_variable(name: str, value: str, secrets: list[str]) -> None:
    """The whole value of such a variable is a secret, or a part of the value is."""
    assert secret_values({name: value}) == secrets


@pytest.mark.parametrize(
    "name",
    ["TOKENIZERS_PARALLELISM", "KEYBOARD_LAYOUT", "CLAUDE_CODE_MAX_OUTPUT_TOKENS", "GOOGLE_APPLICATION_CREDENTIALS"],
)
def test_other_variables_are_no_secrets(name: str) -> None:
    """If they counted as secrets, their values would be taken out of plans and messages."""
    assert secret_values({name: "no-secret"}) == []
