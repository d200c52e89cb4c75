"""Take the keys that a study needs from Prefect's Secret blocks, if the process's environment does not have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping

from prefect.blocks.system import Secret

from workbench.nouns import Study
from workbench.provider_table import KNOWN
from workbench.study.services import needs_of


def take_keys(study: Study, environ: MutableMapping[str, str]) -> None:
    """Set each key that is missing in the environment to the value of its Secret block, if there is one.

    The block of `GEMINI_API_KEY` has the name `gemini-api-key`. `open_run` checks later that no key is missing.
    """
    take(_missing(study, environ), environ)


def take(variables: Iterable[str], environ: MutableMapping[str, str]) -> None:
    """Set each of these variables to the value of its Secret block, if there is one."""
    for variable in variables:
        try:
            environ[variable] = str(Secret.load(block_name(variable)).get())  # type: ignore[union-attr]  # not a coroutine
        except ValueError:
            # The server has no block of this name.
            continue


def block_name(variable: str) -> str:
    """Return the name of the Secret block that stands for a variable. Prefect allows small letters, digits and -."""
    return variable.lower().replace("_", "-")


def _missing(study: Study, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the variables that the study needs and that the environment lacks."""
    needs = needs_of(study)
    for provider in sorted(needs.providers):
        variables = KNOWN[provider].keys
        if not any(environ.get(variable) for variable in variables):
            yield variables[0]
    yield from (variable for variable in needs.variables if not environ.get(variable))
