"""The files that a run writes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from workbench.execution.pipeline_ex import output_files

pytestmark = pytest.mark.processes


def test_only_finished_new_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links, pipes, large files and growing files are skipped."""
    folder = tmp_path / "run"
    (folder / "sub").mkdir(parents=True)
    old = folder / "old.yaml"
    old.write_text("old")
    before = set(output_files.regular(folder))
    (folder / "sub" / "plan.yaml").write_text("a: 1")
    (folder / "bytes").write_bytes(b"\xff\xfe")
    (folder / "link.yaml").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    (folder / "big").write_bytes(b"x" * (output_files.MAX_BYTES + 1))
    monkeypatch.setattr(output_files, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(output_files, "MAX_WAIT_SECONDS", 0.0)
    begun, over = threading.Event(), threading.Event()

    def grow() -> None:
        with (folder / "growing").open("w") as file:
            while not over.wait(0.001):
                file.write("x")
                file.flush()
                begun.set()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        assert begun.wait(60)
        # A busy machine may stop the thread for QUIET_SECONDS, but not ten times in a row.
        for _ in range(10):
            texts = output_files.files(folder, before)
            if str(folder / "growing") not in texts:
                break
    finally:
        over.set()
        thread.join()
    assert texts == {str(folder / "sub" / "plan.yaml"): "a: 1", str(folder / "bytes"): "\ufffd\ufffd"}
