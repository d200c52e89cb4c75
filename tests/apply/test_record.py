"""Records of applied prompts: their format, and reading records of other versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.old_run import NEWER_KEYS, old_run
from tests.support.run_folder import begin
from workbench.apply.apply import apply
from workbench.apply.placement import Chosen
from workbench.apply.record import AppliedRecord, bytes_before, delete_applied, load_applied, save_applied
from workbench.apply.status import Head
from workbench.errors import NotApplied, RunTooNew

APPLIED = AppliedRecord(
    repository=Path("/somewhere"), name="a/b.yaml", branch="workbench/x", commit="c0ffee", origin=Head(None, "beef")
)


def test_a_record_is_saved_loaded_and_deleted(tmp_path: Path) -> None:
    """It comes with the file's bytes before the change. The key `from` names what was checked out."""
    folder = begin(tmp_path)
    assert load_applied(folder) is None
    save_applied(folder, APPLIED, b"before")
    assert {file.stat().st_mode & 0o077 for file in folder.path.glob("applied.*")} == {0}
    assert json.loads(folder.read("applied.json")) == {
        "schema": 1, "repository": "/somewhere", "name": "a/b.yaml", "branch": "workbench/x", "commit": "c0ffee",
        "from": {"branch": None, "commit": "beef"},
    }  # fmt: skip
    assert load_applied(folder) == APPLIED
    assert bytes_before(folder) == b"before"
    delete_applied(folder)
    assert load_applied(folder) is None


def test_a_record_from_before_formats_had_versions_leads_back(tmp_path: Path) -> None:
    """It has the same keys as a current record."""
    folder = begin(tmp_path)
    value = APPLIED.to_json()
    del value["schema"]
    folder.write("applied.json", json.dumps(value))
    assert load_applied(folder) == APPLIED


def test_a_record_of_a_newer_workbench_is_not_lost(tmp_path: Path) -> None:
    """The message does not tell anybody to delete it."""
    folder = begin(tmp_path)
    folder.write("applied.json", json.dumps({**APPLIED.to_json(), "schema": 2}))
    with pytest.raises(RunTooNew, match=r"applied\.json has schema 2"):
        load_applied(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_record_is_reported(tmp_path: Path, text: str) -> None:
    """The message names the file and says what to do."""
    folder = begin(tmp_path)
    folder.write("applied.json", text)
    with pytest.raises(NotApplied, match=r"applied\.json cannot be read, .* delete that file"):
        load_applied(folder)


def test_a_run_that_did_not_keep_its_pipeline_cannot_be_applied(tmp_path: Path) -> None:
    """Runs of the first versions did not keep it. The message says what to do."""
    with pytest.raises(NotApplied, match="did not keep the pipeline that it measured: run the study again"):
        apply(old_run(tmp_path, without=NEWER_KEYS), Chosen(), None, {})
