"""The files that a run writes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from workbench.execution.pipeline_ex import output_files

pytestmark = pytest.mark.processes


def test_only_finished_new_files_are_read(tmp_path: Path) -> None:
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
    over = threading.Event()

    def grow() -> None:
        with (folder / "growing").open("w") as file:
            while not over.is_set():
                file.write("x" * 5000)
                file.flush()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        time.sleep(0.1)
        texts = output_files.files(folder, before)
    finally:
        over.set()
        thread.join()
    assert texts == {str(folder / "sub" / "plan.yaml"): "a: 1", str(folder / "bytes"): "\ufffd\ufffd"}
