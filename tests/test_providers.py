"""What is known about providers agrees with the data of a library that follows their models."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution
from pathlib import Path

import genai_prices.data
import pytest

from workbench.provider_table import KNOWN, PROGRAM, ProviderName
from workbench.providers import same_model, takes_temperature


def test_the_models_that_take_no_temperature_are_known() -> None:
    """litellm's list says which of Anthropic's models refuse it. A newer list with other models turns this test red."""
    # litellm itself is not imported: it would fetch a newer list.
    file = distribution("litellm").locate_file("litellm/model_prices_and_context_window_backup.json")
    listed = json.loads(Path(str(file)).read_text(encoding="utf-8"))
    models = {name: entry for name, entry in listed.items() if entry.get("litellm_provider") == "anthropic"}
    assert len(models) > 10
    refusing = {name for name, entry in models.items() if entry.get("supports_sampling_params") is False}
    assert {name for name in models if not takes_temperature(name)} == refusing
    assert set(KNOWN["anthropic"].models) <= refusing


@pytest.mark.parametrize("name", [name for name, service in KNOWN.items() if service.protocol == "openai"])
def test_addresses_and_variables_are_those_of_other_libraries(name: ProviderName) -> None:
    """litellm's source has each word, and the price data knows whose address it is."""
    service, package = KNOWN[name], Path(str(distribution("litellm").locate_file("litellm")))
    files = [package / "constants.py", package / "main.py", *(package / "llms" / name).rglob("*.py")]
    files.append(package / "litellm_core_utils" / "get_llm_provider_logic.py")
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    for word in (*service.keys, service.address_variable):
        assert f'"{word}"' in source
    # litellm's list of the servers that speak the chat protocol leaves out the scheme.
    assert service.address in source or f'"{service.address.removeprefix("https://")}"' in source
    (priced,) = [entry for entry in genai_prices.data.providers if entry.id == service.priced_as]
    assert re.match(priced.api_pattern, service.address)
    assert priced.models


def test_a_server_that_openrouter_finds_has_the_same_model() -> None:
    assert same_model("meta/llama-4:free", "meta/llama-4")
    assert same_model("meta/llama-4", "meta/llama-4-2026-05-01:nitro")
    assert not same_model("meta/llama-4:free", "meta/llama-3")


@pytest.mark.parametrize("model", ["claude-3-opus-20240229", "claude-opus-4-20250514", "gemini-3.8-flash", "llama-5"])
def test_older_and_other_models_take_a_temperature(model: str) -> None:
    assert takes_temperature(model)


def test_the_guide_lists_every_provider_with_its_variables() -> None:
    guide = (Path(__file__).parents[1] / "docs/guide/judge.md").read_text(encoding="utf-8")
    for name, service in KNOWN.items():
        (row,) = [line for line in guide.splitlines() if line.startswith(f"| `{name}/MODEL`")]
        assert name == PROGRAM or all(f"`{key}`" in row for key in service.keys)
