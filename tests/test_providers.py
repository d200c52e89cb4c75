"""What is known about providers agrees with the data of a library that follows their models."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path

import pytest

from workbench.providers import CURRENT_MODELS, takes_temperature


def test_the_models_that_take_no_temperature_are_known() -> None:
    """litellm's list says which of Anthropic's models refuse it. A newer list with other models turns this test red."""
    # litellm itself is not imported: it would fetch a newer list.
    file = distribution("litellm").locate_file("litellm/model_prices_and_context_window_backup.json")
    listed = json.loads(Path(str(file)).read_text(encoding="utf-8"))
    models = {name: entry for name, entry in listed.items() if entry.get("litellm_provider") == "anthropic"}
    assert len(models) > 10
    refusing = {name for name, entry in models.items() if entry.get("supports_sampling_params") is False}
    assert {name for name in models if not takes_temperature(name)} == refusing
    assert set(CURRENT_MODELS["anthropic"]) <= refusing


@pytest.mark.parametrize("model", ["claude-3-opus-20240229", "claude-opus-4-20250514", "gemini-3.8-flash", "llama-5"])
def test_older_and_other_models_take_a_temperature(model: str) -> None:
    assert takes_temperature(model)
