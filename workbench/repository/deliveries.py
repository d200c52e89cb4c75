"""Reads the push deliveries of GitHub's webhook: signature, delivery ids and the push itself."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.providers import digest
from workbench.repository.addresses import URL, folder_at, normalized
from workbench.repository.looks import Change, Look, look
from workbench.repository.opening import open_repository
from workbench.repository.webhook_config import Watched
from workbench.system import git
from workbench.system.files import write_new

#: The environment variable with the secret that signs deliveries.
SECRET_VARIABLE = "WORKBENCH_WEBHOOK_SECRET"  # noqa: S105  # this is a name, and no secret
#: A commit that does not exist, as git writes it: the old head of a new branch, and the new head of a deleted branch.
NO_COMMIT = re.compile("0+")
#: How many branches are looked at together. Each look may wait until the server has stored its event.
MOST_LOOKS = 16


@dataclass(frozen=True)
class Push:
    """A push, as a delivery describes it.

    Attributes:
        addresses: every address that the delivery gives for the repository.
        before: the old head of the branch, or None.
    """

    addresses: frozenset[str]
    branch: str
    before: str | None


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Return True if the signature `sha256=HEX` is the body's HMAC-SHA256. The comparison takes constant time."""
    expected = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))


def read_push(payload: Any) -> Push | None:
    """Return the push that a delivery's JSON describes; None if it is not about a branch that exists.

    Raises:
        ValueError: the JSON does not describe a push.
    """
    try:
        ref, repository, before = payload["ref"], payload["repository"], payload.get("before")
        keys = ("clone_url", "ssh_url", "git_url", "html_url", "url")
        addresses = {normalized(repository[key]) for key in keys if isinstance(repository.get(key), str)}
        prefix, _, branch = ref.partition("refs/heads/")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the body does not describe a push; expected ref and repository") from error
    is_deleted = payload.get("deleted") is True or NO_COMMIT.fullmatch(str(payload.get("after")))
    if prefix or not branch or is_deleted:
        return None
    is_commit = isinstance(before, str) and re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", before)
    return Push(frozenset(addresses), branch, before if is_commit and not NO_COMMIT.fullmatch(before) else None)


class Deliveries:
    """Takes the deliveries of pushes to watched branches.

    Args:
        entries: the watched branches.
        home: the folder WORKBENCH_HOME, which has the ids of used deliveries.
        environ: the environment in which git runs.
        report: reports a change.
    """

    def __init__(
        self, entries: Sequence[Watched], home: Path, environ: Mapping[str, str], report: Callable[[Change], None]
    ) -> None:
        self._entries = [(entry, _addresses(entry, environ)) for entry in entries]
        self._home = home
        self._environ = environ
        self._report = report

    def is_used(self, delivery: str) -> bool:
        """Return True if a delivery with this id has led to a report before."""
        return self._file(delivery).exists()

    def watched(self, push: Push) -> list[Watched]:
        """Return the entries that a push concerns."""
        return [
            entry for entry, addresses in self._entries if addresses & push.addresses and entry.branch == push.branch
        ]

    def take(self, delivery: str, push: Push) -> list[Change]:
        """Look for each entry that a push concerns, and return the changes that were reported.

        The entries are looked at together, because GitHub does not wait for one report after another. The delivery's id
        is used up once a change was reported.

        Raises:
            UserError, OutsideError: a look failed. The id can be used again, and then leads to the reports that failed.
        """
        entries = self.watched(push)
        addresses = {entry.repository for entry in entries}

        def look_for(entry: Watched) -> Look:
            return look(
                opened[entry.repository].result(),
                entry.branch,
                entry.study,
                entry.paths,
                home=self._home,
                report=self._report,
                first=True,
                before_first=push.before,
            )

        with ThreadPoolExecutor(MOST_LOOKS) as pool:
            # Entries with the same repository share one fetch.
            opened = {
                address: pool.submit(open_repository, address, self._home, self._environ) for address in addresses
            }
            looks = [pool.submit(look_for, entry) for entry in entries]
        # All looks have ended. A failure of one has not stopped the others.
        changes = [change for done in looks if (change := done.result().change) is not None]
        if changes:
            write_new(self._file(delivery), b"")
        return changes

    def _file(self, delivery: str) -> Path:
        return self._home / "deliveries" / digest("delivery", delivery)


def _addresses(entry: Watched, environ: Mapping[str, str]) -> frozenset[str]:
    """Return the addresses of an entry's repository: its own, and for a folder also that of its remote `origin`."""
    addresses = {normalized(entry.repository)}
    folder = folder_at(entry.repository)
    if not URL.match(entry.repository) and folder.is_dir():
        result = git.run(folder, "remote", "get-url", "origin", environ=environ)
        if result.exit_code == 0:
            addresses.add(normalized(result.stdout.decode(errors="replace")))
    return frozenset(addresses)
