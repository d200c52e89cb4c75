"""Chooses who answers for the models: the real services, or a rehearsal of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx

from workbench import providers
from workbench.errors import MissingKey, UserError
from workbench.execution.runtime import Needs
from workbench.execution.runtimes import runtime_of
from workbench.nouns import Study
from workbench.providers import Provider, ProviderName
from workbench.rehearsal import server
from workbench.search.catalogue import OPTIMIZERS

Providers = dict[ProviderName, Provider]


@contextlib.contextmanager
def services(study: Study, *, rehearse: bool, environ: Mapping[str, str]) -> Iterator[Providers]:
    """Yield the providers: a rehearsal that runs where the environment points, one of our own, or the real services.

    Raises:
        UserError: the study cannot be rehearsed.
        MissingKey: a provider that the study needs has no key, and no rehearsal was asked for.
    """
    found = providers.real(environ)
    running = _rehearsal_at(found["gemini"].base_url)
    if rehearse or running:
        _refuse_if_not_rehearsable(study)
    if not rehearse:
        require_keys(study, environ)
    if running is not None:
        yield running
    elif rehearse:
        with server.start() as own:
            yield providers.rehearsal(own.url, own.world, own.seed)
    else:
        yield found


def require_keys(study: Study, environ: Mapping[str, str]) -> None:
    """Check that all keys are set.

    Raises:
        MissingKey: for the first that is not.
    """
    needs = needs_of(study)
    for name in sorted(needs.providers):
        providers.real(environ)[name].key(environ)
    for variable in needs.variables:
        if not environ.get(variable):
            raise MissingKey(
                f"{variable} is not set, and the study needs it: set it, or rehearse with --rehearse",
                kind="missing key",
                lasting=True,
            )


def needs_of(study: Study) -> Needs:
    """Return what a study needs from the environment: for its judge, its proposer and its executions."""
    executions = runtime_of(study.pipeline.engine).needs(study.pipeline)
    models = {study.judge.provider}
    if OPTIMIZERS[study.optimizer].proposes or study.program == "writer":
        models.add(study.proposer.provider)
    return Needs(executions.providers | models, executions.variables)


def _refuse_if_not_rehearsable(study: Study) -> None:
    refusal = runtime_of(study.pipeline.engine).refusal_to_rehearse(study.pipeline)
    if refusal is not None:
        raise UserError(refusal)


def _rehearsal_at(url: str) -> Providers | None:
    """Return the rehearsal at this address, if there is one: its answers must never pass for a model's."""
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    try:
        told = httpx.get(f"{url}/rehearsal", timeout=5.0).json()
        return providers.rehearsal(url, told["world"], told["seed"]) if told.get("rehearsal") is True else None
    except (httpx.HTTPError, ValueError, KeyError, AttributeError):
        return None
