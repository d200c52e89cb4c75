"""Find the study of a flow run, in a folder or at a commit of a git repository, and wait for the study's turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State, StateType
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run

from workbench.errors import UserError, WorkbenchError
from workbench.foreign_text import one_line
from workbench.nouns import Study
from workbench.repository.opening import open_repository
from workbench.repository.turns import Turn, turn
from workbench.study.at_commit import StudyInRepository
from workbench.study.opening import RunOptions, champions_of, current_fingerprint, load
from workbench.system.files import private_files
from workbench.system.home import ensure_usable, home
from workbench.tasks.progress import Progress


@dataclass(frozen=True)
class Place:
    """The place of the study of a flow run.

    Attributes:
        study: the study file.
        label: the name of the study's lock and records on this machine.
        prompts: the folder `prompts` of its champions, if it is not beside the study file.
        turn: the run's turn on this study, or why the run does not get it.
        in_repository: the study in its repository; None for a study in a folder.
        commit: the commit that is checked out.
    """

    study: Path
    label: str
    prompts: Path | None = None
    turn: Turn = field(default_factory=Turn)
    in_repository: StudyInRepository | None = None
    commit: str | None = None

    @property
    def skipped(self) -> str | None:
        """Return why the run does not get its turn, or None."""
        return self.turn.skipped

    def how_to_commit(self, champion: Path) -> str | None:
        """Return the command that commits the file of a champion, if the repository does not have the file yet."""
        if self.in_repository is None or self.commit is None:
            return None
        return self.in_repository.how_to_commit(champion, self.commit)

    def warn_of_another_champion(self, study: Study) -> None:
        """Log a warning if the commit has another champion with the number of the champion in use."""
        if self.in_repository is None or study.champion is None:
            return
        champion = champions_of(study).file(study.champion)
        if self.in_repository.differs_from_committed(champion, self.study):
            get_run_logger().warning(
                f"{champion} is the champion in use, although the commit has another one with this number: to use the "
                "committed one, remove this file"
            )

    def unchanged_since(self, since: str | None, options: RunOptions, fingerprint: str) -> bool:
        """Return True if the study had this fingerprint at an earlier commit, by default at the commit before."""
        if self.in_repository is None or self.commit is None:
            return False
        earlier = since or self.in_repository.repository.parent(self.commit)
        if earlier is None:
            return False
        try:
            with self.in_repository.at(earlier, home(), f"{flow_run.id}-before") as study:
                before = load(RunOptions(study, options.optimizer, prompts=options.prompts))
                return current_fingerprint(before) == fingerprint
        except WorkbenchError:
            # The earlier commit has no study that can be read, so everything has changed.
            return False


@contextmanager
def located(study: str | Path, repository: str | None, commit: str | None, *, search: bool = False) -> Iterator[Place]:
    """Yield the place of a study. In a deployed run, wait for the study's turn first, and hold it until the block ends.

    Args:
        search: the run searches for a better prompt.

    Raises:
        UserError: the repository, the commit or the study cannot be used.
        RepositoryFailed: the repository cannot be reached.
    """
    log = get_run_logger()
    with ExitStack() as stack:
        # In the form of a deployment, a person may leave an empty text behind.
        if not repository:
            if commit:
                raise UserError(
                    f'repository is empty, and commit is "{one_line(commit, 80)}"; expected the folder or the URL of '
                    "the git repository that has this commit"
                )
            label = str(Path(study).resolve())
            taken = stack.enter_context(_turn(label, None, lambda old, new: False, log.info, search))
            yield Place(Path(study), label, turn=taken)
            return
        stack.enter_context(private_files())
        opened = open_repository(repository, ensure_usable(home()), os.environ)
        in_repository = StudyInRepository.of(opened, str(study))
        # A name such as `main` may mean another commit later, so only the full hash is used from here on.
        full_hash = opened.commit(commit) if commit else opened.head("HEAD")
        taken = stack.enter_context(_turn(in_repository.label, full_hash, opened.is_ancestor, log.info, search))
        if taken.skipped is not None:
            yield Place(Path(study), in_repository.label, turn=taken)
            return
        file = stack.enter_context(in_repository.at(full_hash, home(), str(flow_run.id)))
        log.info(f"Checked out {full_hash[:12]} of {opened.address}.")
        yield Place(file, in_repository.label, in_repository.prompts(home()), taken, in_repository, full_hash)


@contextmanager
def _turn(
    label: str, commit: str | None, is_ancestor: Callable[[str, str], bool], say: Callable[[str], None], search: bool
) -> Iterator[Turn]:
    """Wait for the study's turn, and hold it until the block ends. Yield it, or why the run is skipped.

    A run without a deployment was started by a person. It does not wait, and is never skipped.
    """
    if deployment.id is None:
        yield Turn()
        return
    with turn(home(), label, commit, is_ancestor, say=say, waits=Progress().report, search=search) as taken:
        yield taken


def skipped(reason: str) -> State[Any]:
    """Log why a flow run did not get its turn, and return its last state, Skipped."""
    get_run_logger().info(f"Skipped: {reason}.")
    return State(type=StateType.COMPLETED, name="Skipped", message=f"Skipped: {reason}.")
