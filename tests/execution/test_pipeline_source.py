"""The files that a pipeline names stand in the key of its executions, as the runtime finds them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from workbench.errors import PipelineRejected
from workbench.execution.pipeline_source import MISSING, check_unchanged, named_files
from workbench.nouns import Engine, InputFile, Pipeline
from workbench.pipeline_file.document import document

CONTENT = b"rules"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def files(folder: Path, path: str, *, expand_home: bool = True) -> tuple[InputFile, ...]:
    """Return the files of a pipeline with a part that names this path."""
    root = document(f"workflow: {{steps: [{{name: a, prompt: [{{type: file, path: '{path}'}}]}}]}}")
    return named_files(root, folder, expand_home=expand_home)


@pytest.mark.parametrize("path", ["~/rules.md", "~//rules.md"])
def test_a_tilde_is_the_users_home_if_the_runtime_expands_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """pipeline_ex does not expand it, and our own runtime does."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "rules.md").write_bytes(CONTENT)
    (expanded,) = files(tmp_path, path)
    assert (expanded.path, expanded.sha256) == (tmp_path / "home" / "rules.md", SHA256)
    (literal,) = files(tmp_path, path, expand_home=False)
    assert (literal.path, literal.sha256) == (tmp_path / path, MISSING)


def test_a_tilde_with_a_name_is_a_file(tmp_path: Path) -> None:
    """Elixir knows no other user's home."""
    (tmp_path / "~root").mkdir()
    (tmp_path / "~root" / "rules.md").write_bytes(CONTENT)
    assert [file.sha256 for file in files(tmp_path, "~root/rules.md")] == [SHA256]


def test_a_file_that_appears_after_loading_is_not_executed(tmp_path: Path) -> None:
    """Its plan would be kept under the key of an execution without the file. A new run has a new key."""
    pipeline = Pipeline(Engine("mix"), files=files(tmp_path, "rules.md"))
    check_unchanged(pipeline)
    (tmp_path / "rules.md").write_bytes(CONTENT)
    with pytest.raises(PipelineRejected, match=r"rules\.md was missing when the study was loaded, and exists now"):
        check_unchanged(pipeline)
    later = Pipeline(Engine("mix"), files=files(tmp_path, "rules.md"))
    check_unchanged(later)
    assert later.files != pipeline.files


def test_a_path_that_is_no_file_is_missing(tmp_path: Path) -> None:
    """Examples are a folder, a name that is too long, and a name that no file can have."""
    for path in (".", "x" * 5000, "a/../b"):
        assert [file.sha256 for file in files(tmp_path, path)] == [MISSING], path
