"""Chooses the services that play the models: the real providers, or a rehearsal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx

from workbench import providers
from workbench.errors import MissingKey, OutsideError, UserError
from workbench.execution.runtime import Needs
from workbench.execution.runtimes import runtime_of
from workbench.models.claude_program import require_program
from workbench.nouns import Study
from workbench.provider_table import PROGRAM, ProviderName
from workbench.providers import Provider
from workbench.search.catalogue import OPTIMIZERS
from workbench.system.certificates import certificates

Providers = dict[ProviderName, Provider]

#: The end of a message about something that a rehearsal does not need.
REHEARSE = ", or rehearse with --rehearse"


@contextlib.contextmanager
def services(study: Study, *, rehearse: bool, environ: Mapping[str, str]) -> Iterator[Providers]:
    """Yield the providers of a run.

    The environment may set the address of Gemini to a rehearsal that is already running. Then its models are used in
    any case. Otherwise, `rehearse` starts a rehearsal that ends with the block. Without `rehearse`, the real providers
    are used.

    Raises:
        UserError: the study cannot be rehearsed.
        MissingKey: a provider that the study needs has no key, and `rehearse` is False.
    """
    real = providers.real(environ)
    running = _rehearsal_at(real["gemini"].base_url)
    if rehearse or running:
        require_rehearsable(study)
    if not rehearse:
        require_keys(study, environ)
    with _played(running, rehearse=rehearse) as played:
        yield real if played is None else played


@contextlib.contextmanager
def _played(running: Providers | None, *, rehearse: bool) -> Iterator[Providers | None]:
    """Yield the providers that a rehearsal plays, or None if nobody rehearses. A new rehearsal ends with the block.

    Args:
        running: what the rehearsal plays that runs already, or None.
        rehearse: start a rehearsal if none runs.
    """
    if running is not None or not rehearse:
        yield running
        return
    # Imported here, because only a rehearsal needs a web server.
    from workbench.rehearsal import server

    with server.start() as rehearsal:
        yield providers.rehearsal(rehearsal.url, rehearsal.world, rehearsal.seed)


@contextlib.contextmanager
def judging_service(study: Study, *, rehearse: bool, environ: Mapping[str, str]) -> Iterator[Providers]:
    """Yield the providers of work that calls only the judge's model. They are chosen as in `services`.

    Raises:
        MissingKey: the judge's provider has no key, and no rehearsal plays it.
    """
    real = providers.real(environ)
    if not rehearse:
        require_judge(study, environ)
    with _played(_rehearsal_at(real["gemini"].base_url), rehearse=rehearse) as played:
        yield real if played is None else played


def require_judge(study: Study, environ: Mapping[str, str]) -> None:
    """Check that the judge's model can be called: its key or its program is there, or a rehearsal runs that plays it.

    Raises:
        MissingKey: the key is missing.
        OutsideError: the claude program is missing.
    """
    model, real = study.judge, providers.real(environ)
    if _rehearsal_at(real["gemini"].base_url) is not None:
        return
    with _advising(REHEARSE):
        real[model.provider].at(model.api_base).key(environ)
        if model.provider == PROGRAM:
            require_program(environ)


def require_keys(study: Study, environ: Mapping[str, str]) -> None:
    """Check that the environment has all keys and variables that the study needs.

    Raises:
        MissingKey: a key or a variable is missing. The message names the first one.
        OutsideError: the study needs the claude program, and it is not there.
    """
    needs = needs_of(study)
    with _advising(or_rehearse(study)):
        for name in sorted(needs.providers):
            providers.real(environ)[name].key(environ)
        if PROGRAM in needs.providers:
            require_program(environ)
        for variable in needs.variables:
            if not environ.get(variable):
                raise MissingKey(
                    f"{variable} is not set, and the study needs it: set it", kind="missing key", lasting=True
                )


def or_rehearse(study: Study) -> str:
    """Return the advice to rehearse, as the end of a message. It is empty if the study cannot be rehearsed."""
    return "" if runtime_of(study.pipeline.engine).refusal_to_rehearse(study.pipeline) else REHEARSE


@contextlib.contextmanager
def _advising(advice: str) -> Iterator[None]:
    """Add the advice to the message of a failure within the block."""
    try:
        yield
    except OutsideError as error:
        raise type(error)(f"{error.message}{advice}", kind=error.kind, lasting=error.lasting) from None


def require_rehearsable(study: Study) -> None:
    """Check that the study's runtime supports a rehearsal of its pipeline.

    Raises:
        UserError: the runtime does not support it. The message says why.
    """
    refusal = runtime_of(study.pipeline.engine).refusal_to_rehearse(study.pipeline)
    if refusal is not None:
        raise UserError(refusal)


def needs_of(study: Study) -> Needs:
    """Return the keys and variables that the study's judge, proposer and executions need from the environment."""
    executions = runtime_of(study.pipeline.engine).needs(study.pipeline)
    models = [study.judge]
    if OPTIMIZERS[study.optimizer].proposes or study.program == "writer":
        models.append(study.proposer)
    # A server at an address that the study names may need no key.
    names = {model.provider for model in models if model.api_base is None}
    return Needs(executions.providers | names, executions.variables)


def _rehearsal_at(url: str) -> Providers | None:
    """Return the providers of the rehearsal that runs at this address, or None.

    Without this check, answers of a rehearsal would be kept as answers of a real model.
    """
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    try:
        answer = httpx.get(f"{url}/rehearsal", timeout=5.0, verify=certificates()).json()
        return providers.rehearsal(url, answer["world"], answer["seed"]) if answer.get("rehearsal") is True else None
    except (httpx.HTTPError, ValueError, KeyError, AttributeError):
        return None
