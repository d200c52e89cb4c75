"""Stores small files by name: in a folder of this machine, or in a bucket with Amazon's S3 protocol.

The answers that cost money are kept in such a storage. A bucket lets processes on several machines share them.
"""

from __future__ import annotations

import errno
import functools
import importlib.util
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.errors import OutsideError, UserError
from workbench.system.files import why_unwritable, write_atomically
from workbench.system.imports import installation

#: The variable that names a bucket for the paid answers.
VARIABLE = "WORKBENCH_RESULTS"
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/[^/\s]+)*/?")


class Storage(Protocol):
    """Stores files. A name has parts that are separated by `/`.

    Raises (all methods): OSError if the storage cannot be reached or refuses.
    """

    def place(self, name: str) -> str:
        """Return where the file is, for people and for Prefect."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is no such file."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file completely or not at all."""
        ...

    def why_unwritable(self, name: str) -> str | None:
        """Return the reason why this file cannot be written, or None."""
        ...


@dataclass(frozen=True)
class Folder:
    """Stores files in a folder of this machine."""

    path: Path

    def place(self, name: str) -> str:
        return str(self.path / name)

    def read(self, name: str) -> bytes | None:
        file = self.path / name
        try:
            if not stat.S_ISREG(file.stat().st_mode):
                # Reading from a pipe would wait for ever.
                raise OSError(errno.EINVAL, "it is no regular file")
            return file.read_bytes()
        except FileNotFoundError as error:
            if file.is_symlink():
                raise OSError(error.errno, "it is a link to a file that does not exist") from error
            return None

    def write(self, name: str, content: bytes) -> None:
        write_atomically(self.path / name, content)

    def why_unwritable(self, name: str) -> str | None:
        file = self.path / name
        return why_unwritable(file.parent) or ("it is a folder" if file.is_dir() and not file.is_symlink() else None)


@dataclass(frozen=True)
class Bucket:
    """Stores files as objects of a bucket. The environment has the login and the address of the service (`AWS_…`)."""

    address: str

    def place(self, name: str) -> str:
        return f"{self.address}/{name}"

    def read(self, name: str) -> bytes | None:
        with _as_os_error():
            try:
                content: bytes = _service().cat_file(self.place(name))
            except FileNotFoundError:
                return None
        return content

    def write(self, name: str, content: bytes) -> None:
        with _as_os_error():
            _service().pipe_file(self.place(name), content)

    def why_unwritable(self, name: str) -> str | None:
        return _why_bucket_unwritable(self)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files below a folder, in the order of their names."""
        with _as_os_error():
            return sorted(
                f"{folder}/{path.rpartition(f'/{folder}/')[2]}" for path in _service().find(self.place(folder))
            )

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with _as_os_error():
            try:
                _service().rm_file(self.place(name))
            except FileNotFoundError:
                return


def results_of(home: Path, environ: Mapping[str, str]) -> Folder | Bucket:
    """Return the storage of the paid answers: the bucket that WORKBENCH_RESULTS names, else the folder `results`.

    Raises:
        UserError: the variable is no address of a bucket, or the package that reaches buckets is not installed.
    """
    address = environ.get(VARIABLE)
    if not address:
        return Folder(home / "results")
    if not _BUCKET.fullmatch(address):
        raise UserError(
            f"{VARIABLE}={address} is no bucket; expected s3://BUCKET/FOLDER; correct or unset the variable"
        )
    if importlib.util.find_spec("s3fs") is None:
        raise UserError(
            f"{VARIABLE}={address} needs the package s3fs, which is not installed; expected it beside Workbench; run "
            f"{installation('s3')}"
        )
    return Bucket(address.rstrip("/"))


def require_reachable(results: Folder | Bucket) -> None:
    """Ask a bucket whether it is there. Without it, no kept answer can be read.

    Raises:
        OutsideError: the bucket does not exist, does not answer, or refuses the login.
    """
    if isinstance(results, Folder):
        return
    try:
        results.names("writable")
    except OSError as error:
        raise OutsideError(
            f"{VARIABLE}={results.address} cannot be used ({error.strerror}); expected a bucket that exists, answers "
            "and takes the login of the AWS_ variables; nothing was bought; mend that, and run the same command again",
            kind="storage",
            lasting=True,
        ) from error


@functools.cache
def _service() -> Any:
    """Return the client of this process. Many threads use it at once."""
    # Imported here, because it takes a second, and a folder does not need it.
    import s3fs

    return s3fs.S3FileSystem(use_listings_cache=False)


@functools.cache
def _why_bucket_unwritable(bucket: Bucket) -> str | None:
    """Write and remove a file once in this process. Return the reason if the bucket refuses it."""
    probe = f"writable/{secrets.token_hex(8)}"
    try:
        bucket.write(probe, b"")
        bucket.remove(probe)
    except OSError as error:
        return error.strerror or str(error)
    return None


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Raise every failure of the service as an OSError, whose text is one line without an address."""
    try:
        yield
    except Exception as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise OSError(getattr(error, "errno", None) or 5, str(reason).split("\n")[0][:200]) from error
