"""A study in its surroundings: what the search needs to know, decided at the edge and passed down."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.nouns import Judge, Pipeline, Study
from workbench.providers import Provider, ProviderName
from workbench.run.folder import RunFolder


@dataclass(frozen=True)
class Setting:
    """One study, the providers that answer for it, and the run's folder.

    `version` is the runtime's, as it stands in every execution's key.
    """

    study: Study
    providers: dict[ProviderName, Provider]
    version: str
    run: RunFolder

    @property
    def rehearsal(self) -> bool:
        return any(provider.rehearsal for provider in self.providers.values())

    @property
    def executing(self) -> tuple[Provider, ...]:
        """All providers, in a fixed order: a pipeline's steps may call any of them."""
        return tuple(self.providers[name] for name in sorted(self.providers))

    @property
    def proposer(self) -> Provider:
        return self.providers[self.study.proposer.provider]

    @property
    def judge(self) -> Judge:
        judge = self.study.judge
        return Judge(judge.name, self.providers[judge.provider], self.study.template, judge.temperature)

    @property
    def pipeline(self) -> Pipeline:
        """The study's pipeline, with the version of the prepared runtime."""
        return replace(self.study.pipeline, version=self.version)
