"""Chooses the addresses of the model providers, and reads their keys. No other module reads a key.

Every request carries a `Provider`. A cache key holds only the provider's `label`. The label of a rehearsal differs from
the label of the real service, so their results are never confused. It does not depend on the rehearsal's port, so a
later rehearsal finds the results again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.errors import MissingKey
from workbench.provider_table import API_PATH, KNOWN, PROGRAM, ProviderName, Service

#: The models of Anthropic up to Claude 4.6. Newer models refuse any temperature but 1.
_TAKES_TEMPERATURE = re.compile(r"claude-(\d|instant|(opus|sonnet|haiku)-4(?!-[7-9]\b))")

#: What may follow a model's name in the name of one of its versions: `preview`, and after it a date or a number. Each
#: of the two may be missing.
_VERSION = re.compile(r"(-preview)?([-@](\d{2,4}-\d{2,4}(-\d\d)?|\d{3,8}))?")

#: The names by which the `claude` program and pipelines call the newest model of a line.
SHORT_NAMES = ("opus", "sonnet", "haiku")
#: What some services write around a model's name: `models/` before it; after it, the size of its context window, or how
#: OpenRouter chooses a server for the model.
_DECORATION = re.compile(r"^models/|\[\w+\]$|:(free|nitro|floor|exacto|online)$")

#: The key that a rehearsal gets. A real key is never sent to a rehearsal.
REHEARSAL_KEY = "no-key-in-rehearsal"
#: The key that a server at an address of the study gets if the environment has none. Most local servers need no key.
NO_KEY = "no-key"


@dataclass(frozen=True)
class Provider:
    """A model service.

    Attributes:
        base_url: the address, without a trailing slash.
        label: identifies the service in cache keys and reports. It is the address, or `rehearsal:WORLD:SEED`.
        named_by_study: True if the address is the study's own `api_base`. Then no key has to be set.
    """

    name: ProviderName
    base_url: str
    label: str
    named_by_study: bool = False

    @property
    def service(self) -> Service:
        """Return what is known about the provider."""
        return KNOWN[self.name]

    @property
    def rehearsal(self) -> bool:
        """Return True if the rehearsal plays this provider."""
        return self.label.startswith("rehearsal:")

    @property
    def api_base(self) -> str:
        """Return the address with the path that clients expect at its end."""
        path = API_PATH[self.service.protocol]
        complete = self.named_by_study or self.base_url.endswith(path)
        if self.service.protocol == "openai" and urlsplit(self.base_url).path:
            complete = True
        return self.base_url if complete else self.base_url + path

    def at(self, api_base: str | None) -> Provider:
        """Return the provider at the address that a study names, or unchanged. A rehearsal plays every address."""
        if api_base is None or self.rehearsal:
            return self
        address = api_base.rstrip("/")
        return Provider(self.name, address, label=address, named_by_study=True)

    def key(self, environ: Mapping[str, str] = os.environ) -> str:
        """Return the provider's key. The key is read when it is needed and stored nowhere.

        Raises:
            MissingKey: no environment variable holds a key.
        """
        if self.rehearsal:
            return REHEARSAL_KEY
        variables = self.service.keys
        for variable in variables:
            if value := environ.get(variable):
                return value
        if self.named_by_study:
            return NO_KEY
        if self.name == PROGRAM:
            return ""
        raise MissingKey(
            f"no key for {self.name}: set {' or '.join(variables)} in the environment",
            kind="missing key",
            lasting=True,
        )


def real(environ: Mapping[str, str]) -> dict[ProviderName, Provider]:
    """Return the providers at their public addresses, or at the addresses that the environment sets instead."""
    providers: dict[ProviderName, Provider] = {}
    for name, service in KNOWN.items():
        url = environ.get(service.address_variable, service.address).rstrip("/")
        # The program and the service may use the same address. Different labels keep their answers apart.
        label = url if name != PROGRAM or url == service.address else f"{service.address} {url}"
        providers[name] = Provider(name, url, label=label)
    return providers


def rehearsal(url: str, world: str, seed: int) -> dict[ProviderName, Provider]:
    """Return all providers as the rehearsal at `url` plays them.

    Results of rehearsals with the same world and the same seed share one cache. The `claude` program is played in
    Anthropic's protocol, so no program is started.
    """
    label = f"rehearsal:{world}:{seed}"
    return {name: Provider("anthropic" if name == PROGRAM else name, url.rstrip("/"), label) for name in KNOWN}


def takes_temperature(model: str) -> bool:
    """Return True if a model takes a temperature other than 1. `model` is the name without the provider's."""
    return not model.startswith("claude-") or _TAKES_TEMPERATURE.match(model) is not None


def same_model(requested: str, answering: str) -> bool:
    """Return True if the answering model is the requested model, or a version of it.

    A name that ends in `latest` stands for the latest model, so every answering model fits. A short name, such as opus,
    stands for every model of its line.
    """
    requested, answering = (_DECORATION.sub("", name) for name in (requested, answering))
    if requested.endswith("latest"):
        return True
    if requested in SHORT_NAMES:
        return answering.startswith(f"claude-{requested}-")
    return answering.startswith(requested) and _VERSION.fullmatch(answering.removeprefix(requested)) is not None


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 of the parts in hex.

    The length of each part is hashed before the part, so that no two different lists of parts give the same bytes.
    """
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big"))
        sha.update(data)
    return sha.hexdigest()
