"""Temporary folders that name their owner."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from workbench.system.temporary import OwnedFolder, remove_abandoned


def test_folders_of_killed_owners_are_removed(tmp_path: Path) -> None:
    """Folders of living owners stay, and so do folders, files and links that are not ours."""
    dead, alive = tmp_path / "workbench-checkout-999999999-x", tmp_path / f"workbench-serve-{os.getpid()}-x"
    other, linked = tmp_path / "workbench-notes", tmp_path / "target"
    for folder in (dead, alive, other, linked):
        folder.mkdir()
    (dead / "file").write_text("x")
    (tmp_path / "workbench-serve-999999999-file").write_text("x")
    (tmp_path / "workbench-serve-999999999-link").symlink_to(linked)
    remove_abandoned(tmp_path)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()
    assert linked.exists()
    assert (tmp_path / "workbench-serve-999999999-file").exists()


def test_a_locked_folder_belongs_to_a_process_that_is_not_visible(tmp_path: Path) -> None:
    """It may belong to another container with the same folder for temporary files."""
    folder = tmp_path / "workbench-checkout-999999999-x"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    remove_abandoned(tmp_path)
    assert folder.exists()
    os.close(descriptor)
    remove_abandoned(tmp_path)
    assert not folder.exists()


def test_an_owned_folder_names_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is locked until it is removed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    owned = OwnedFolder("checkout")
    assert owned.path.name.startswith(f"workbench-checkout-{os.getpid()}-")
    remove_abandoned()
    assert owned.path.exists()
    owned.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_for_temporary_files_is_no_error(tmp_path: Path) -> None:
    """There is nothing to remove."""
    remove_abandoned(tmp_path / "missing")


def test_a_block_owns_its_folder_and_removes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error, too."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError), OwnedFolder("git") as folder:
        assert folder.parent == tmp_path
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
