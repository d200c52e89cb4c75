"""Holds what a search needs beside the study: providers, runtime version and run folder.

The flow makes one `Setting` and passes it to all other code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.nouns import Judge, Pipeline, Study
from workbench.provider_table import GENERATING, ProviderName
from workbench.providers import Provider
from workbench.run.folder import RunFolder


@dataclass(frozen=True)
class Setting:
    """One study, the providers that answer for it, and the run's folder.

    `version` is the runtime's version, which is part of every execution's key.
    """

    study: Study
    providers: dict[ProviderName, Provider]
    version: str
    run: RunFolder

    @property
    def rehearsal(self) -> bool:
        """Return True if scripted models answer."""
        return any(provider.rehearsal for provider in self.providers.values())

    @property
    def step_providers(self) -> tuple[Provider, ...]:
        """Return the providers that a pipeline's steps may call, in a fixed order."""
        return tuple(self.providers[name] for name in GENERATING)

    @property
    def proposer(self) -> Provider:
        """Return the provider of the proposer's model."""
        proposer = self.study.proposer
        return self.providers[proposer.provider].at(proposer.api_base)

    @property
    def judge(self) -> Judge:
        """Return the judge with its provider and its template."""
        judge = self.study.judge
        provider = self.providers[judge.provider].at(judge.api_base)
        study = self.study
        return Judge(
            judge.name, provider, study.template, judge.temperature, study.model_timeout, study.method, study.calls
        )

    @property
    def pipeline(self) -> Pipeline:
        """Return the study's pipeline, with the version of the prepared runtime."""
        return replace(self.study.pipeline, version=self.version)
