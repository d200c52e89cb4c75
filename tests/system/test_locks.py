"""A locked file has one holder at a time, and the lock ends with its holder."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench.system.locks import is_in_use, is_locked, shared_lock, try_lock, write_locked


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


def test_a_lock_is_given_back_on_a_disk_that_refuses_everything(tmp_path: Path) -> None:
    """The file stays, and the next holder takes it. A lost folder stands for a disk that is suddenly read-only."""
    lock = tmp_path / "locks" / "key"
    release, released_file = try_lock(lock), write_locked(tmp_path / "locks" / "file", b"")
    assert release is not None
    lock.parent.rename(tmp_path / "away")
    lock.parent.touch()
    release()
    released_file()
    lock.parent.unlink()
    (tmp_path / "away").rename(lock.parent)
    assert (lock.exists(), is_locked(lock), is_locked(lock.with_name("file"))) == (True, False, False)
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


def test_a_look_at_a_lock_sees_only_who_holds_it_alone(tmp_path: Path) -> None:
    """A look holds the lock with others for a moment. A waiting run must not take another look for a run that works."""
    lock = tmp_path / "key"
    release = try_lock(lock)
    assert release is not None
    assert is_locked(lock)
    release()
    assert not is_locked(lock)
    with shared_lock(lock):
        assert (is_locked(lock), is_in_use(lock)) == (False, True)
    assert not is_in_use(lock)
    assert not is_in_use(tmp_path / "missing" / "key")
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(is_locked, [lock] * 1000))
        assert not any(pool.map(is_in_use, [lock] * 1000))
        with shared_lock(lock):
            assert all(pool.map(is_in_use, [lock] * 1000))
