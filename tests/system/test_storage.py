"""The storages of answers: a folder, and a bucket at a service with the protocol of S3."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import bucket
from workbench.errors import OutsideError, UserError
from workbench.system import storage
from workbench.system.storage import Bucket, Folder, require_reachable, results_of

ADDRESS = "s3://answers/workbench"


@pytest.fixture
def real_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Yield an empty bucket of a service on loopback."""
    with bucket() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        storage._service.cache_clear()
        storage._why_bucket_unwritable.cache_clear()
        yield Bucket(variables["WORKBENCH_RESULTS"])
        storage._service.cache_clear()


def test_the_environment_names_the_storage(tmp_path: Path) -> None:
    """Without the variable, answers are kept in the folder `results`."""
    assert results_of(tmp_path, {}) == Folder(tmp_path / "results")
    assert results_of(tmp_path, {"WORKBENCH_RESULTS": f"{ADDRESS}/"}) == Bucket(ADDRESS)
    assert Bucket(ADDRESS).place("score/k") == f"{ADDRESS}/score/k"


@pytest.mark.parametrize("address", ["results", "/srv/results", "s3://", "https://answers", "s3://A B"])
def test_an_address_that_names_no_bucket_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(UserError, match="is no bucket; expected s3://BUCKET/FOLDER"):
        results_of(tmp_path, {"WORKBENCH_RESULTS": address})


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UserError, match=rf"run {re.escape(sys.executable)} -m pip install 'workbench\[s3\]'"):
        results_of(tmp_path, {"WORKBENCH_RESULTS": ADDRESS})


def test_a_folder_stores_files_by_name(tmp_path: Path) -> None:
    """A name that a folder has cannot be written."""
    folder = Folder(tmp_path)
    assert folder.read("score/k") is None and folder.why_unwritable("score/k") is None
    folder.write("score/k", b"8")
    assert folder.read("score/k") == b"8"
    (tmp_path / "score" / "other").mkdir()
    assert folder.why_unwritable("score/other") == "it is a folder"


@pytest.mark.services
def test_a_bucket_stores_files_by_name(real_bucket: Bucket) -> None:
    """A file is replaced, listed below its folder only, and removed. Removing it again does nothing.

    A bucket that does not exist ends a run before it buys anything, and no answer is called damaged.
    """
    require_reachable(real_bucket)
    message = r"^WORKBENCH_RESULTS=s3://nobody/x cannot be used \(FileNotFoundError: The specified bucket"
    with pytest.raises(OutsideError, match=message):
        require_reachable(Bucket("s3://nobody/x"))
    assert real_bucket.why_unwritable("score/k") is None
    assert real_bucket.read("score/k") is None and real_bucket.names("journal/run") == []
    for content in (b"7", b"8"):
        real_bucket.write("score/k", content)
    real_bucket.write("journal/run/2", b"second")
    real_bucket.write("journal/run/1", b"first")
    real_bucket.write("journal/run-2/1", b"of another run")
    assert real_bucket.read("score/k") == b"8"
    assert real_bucket.names("journal/run") == ["journal/run/1", "journal/run/2"]
    real_bucket.remove("journal/run/1")
    real_bucket.remove("journal/run/1")
    assert real_bucket.names("journal/run") == ["journal/run/2"]


@pytest.mark.services
def test_a_bucket_that_does_not_exist_cannot_be_written(real_bucket: Bucket) -> None:
    """The reason is one line, for the message that nothing is bought."""
    reason = Bucket("s3://no-such-bucket/workbench").why_unwritable("score/k")
    assert reason is not None and "\n" not in reason


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing"])
def test_a_pipe_a_folder_and_a_link_to_nothing_cannot_be_read(tmp_path: Path, kind: str) -> None:
    """Reading from a pipe would wait for ever."""
    file = tmp_path / "score" / "k"
    file.parent.mkdir()
    {"pipe": os.mkfifo, "folder": os.mkdir, "link to nothing": lambda path: path.symlink_to("nothing")}[kind](file)
    with pytest.raises(OSError, match=r"no regular file|a link to a file that does not exist"):
        Folder(tmp_path).read("score/k")
