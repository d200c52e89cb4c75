"""Knows the model providers: their addresses and the environment variables that hold their keys.

No other module reads a provider's key or knows a provider's address.

Every request carries a `Provider`. A cache key holds only the provider's `label`. Therefore a result of the real
service is never confused with a result of a rehearsal. A rehearsal on another port has the same label, so its results
are found again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.errors import MissingKey

ProviderName = Literal["gemini", "anthropic"]

#: name → (address, environment variables that may hold the key, environment variable that overrides the address)
KNOWN: dict[ProviderName, tuple[str, tuple[str, ...], str]] = {
    "gemini": (
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "GOOGLE_GEMINI_BASE_URL",
    ),
    "anthropic": ("https://api.anthropic.com", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
}

#: The key that a rehearsal gets. A real key is never sent to a rehearsal.
REHEARSAL_KEY = "no-key-in-rehearsal"


@dataclass(frozen=True)
class Provider:
    """A model service.

    Attributes:
        base_url: the address, without a trailing slash.
        label: identifies the service in cache keys and reports. It is the address, or `rehearsal:WORLD:SEED`.
    """

    name: ProviderName
    base_url: str
    label: str

    @property
    def rehearsal(self) -> bool:
        """Return True if the rehearsal plays this provider."""
        return self.label.startswith("rehearsal:")

    def key(self, environ: Mapping[str, str] = os.environ) -> str:
        """Return the provider's key. The key is read when it is needed and stored nowhere.

        Raises:
            MissingKey: no environment variable holds a key.
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
    """Return the providers at their public addresses, or at the addresses that the environment sets instead."""
    providers: dict[ProviderName, Provider] = {}
    for name, (default, _, override) in KNOWN.items():
        url = environ.get(override, default).rstrip("/")
        providers[name] = Provider(name, url, label=url)
    return providers


def rehearsal(url: str, world: str, seed: int) -> dict[ProviderName, Provider]:
    """Return all providers as the rehearsal at `url` plays them.

    Results of rehearsals with the same world and the same seed share one cache.
    """
    label = f"rehearsal:{world}:{seed}"
    return {name: Provider(name, url.rstrip("/"), label) for name in KNOWN}


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 of the parts in hex.

    Each part is prefixed with its length, so that no two different lists of parts give the same bytes.
    """
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()
