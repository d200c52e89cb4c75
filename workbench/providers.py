"""Where the models are: one place knows their addresses, and one place reads their keys.

A `Provider` travels with every request and in no key of it: cache keys hold the `label`, so that a result bought from
the real service and one from a rehearsal can never be taken for each other, and a rehearsal on another port is the
same.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.errors import MissingKey

ProviderName = Literal["gemini", "anthropic"]

#: name → (address, variables that may hold the key, variable that overrides the address)
KNOWN: dict[ProviderName, tuple[str, tuple[str, ...], str]] = {
    "gemini": (
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "GOOGLE_GEMINI_BASE_URL",
    ),
    "anthropic": ("https://api.anthropic.com", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
}

#: What a rehearsal is given instead of a key: a real one is never sent to it.
REHEARSAL_KEY = "no-key-in-rehearsal"


@dataclass(frozen=True)
class Provider:
    """A model service: `base_url` without a trailing slash; `label` is its identity in cache keys and reports."""

    name: ProviderName
    base_url: str
    label: str

    @property
    def rehearsal(self) -> bool:
        return self.label.startswith("rehearsal:")

    def key(self, environ: Mapping[str, str] = os.environ) -> str:
        """The secret for this provider, read when it is needed and kept nowhere.

        Raises:
            MissingKey: no variable holds one.
        """
        if self.rehearsal:
            return REHEARSAL_KEY
        variables = KNOWN[self.name][1]
        for variable in variables:
            if value := environ.get(variable):
                return value
        raise MissingKey(
            f"no key for {self.name}: set {' or '.join(variables)} in the environment, or rehearse with --rehearse",
            kind="missing key",
            lasting=True,
        )


def real(environ: Mapping[str, str]) -> dict[ProviderName, Provider]:
    """The providers that the environment names: the public services unless an address overrides them."""
    found: dict[ProviderName, Provider] = {}
    for name, (default, _, override) in KNOWN.items():
        url = environ.get(override, default).rstrip("/")
        found[name] = Provider(name, url, label=url)
    return found


def rehearsal(url: str, world: str, seed: int) -> dict[ProviderName, Provider]:
    """Both providers, played by the rehearsal at `url`; its world and seed say which results belong together."""
    label = f"rehearsal:{world}:{seed}"
    return {name: Provider(name, url.rstrip("/"), label) for name in KNOWN}


def digest(*parts: str | bytes) -> str:
    """SHA-256 over length-prefixed parts, in hex: no two different lists of parts give the same bytes."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()
