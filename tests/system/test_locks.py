"""A locked file has one holder at a time, and the lock ends with its holder."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from workbench.system.locks import try_lock


def test_a_lock_has_one_holder_and_leaves_no_file(tmp_path: Path) -> None:
    """Two holders in one process exclude each other too."""
    lock = tmp_path / "locks" / "key"
    release = try_lock(lock)
    assert release is not None
    assert try_lock(lock) is None
    release()
    assert not lock.exists()
    again = try_lock(lock)
    assert again is not None
    again()


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    """After kill -9, the next process takes the lock at once."""
    lock = tmp_path / "key"
    code = "import sys, time, pathlib; from workbench.system.locks import try_lock\n" \
        "held = try_lock(pathlib.Path(sys.argv[1])); print(held is not None, flush=True); time.sleep(60)"  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert try_lock(lock) is None
        holder.send_signal(signal.SIGKILL)
    release = try_lock(lock)
    assert release is not None
    release()
