"""A version manager's shim for mix is resolved once, in the user's folder and environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from workbench.errors import ExecutionFailed
from workbench.execution import elixir

pytestmark = pytest.mark.processes


def shims(folder: Path, path: str) -> Path:
    """Write shims as asdf does: they start the real program if the folder and the manager's variable name a version."""
    for name in ("mix", "elixir"):
        shim = folder / "shims" / name
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(
            "#!/bin/sh\n"
            'if [ -f "$PWD/.tool-versions" ] && [ -n "$ASDF_DATA_DIR" ]; then\n'
            f'  PATH="{path}"; echo "$PWD $GEMINI_API_KEY" >> {folder}/asked; exec {shutil.which(name)} "$@"\n'
            "fi\n"
            f"echo 'No version is set for command {name}' >&2\nexit 126\n"
        )
        shim.chmod(0o755)
    return folder / "shims"


def test_the_real_programs_come_first_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Executions run elsewhere and without the manager's variables. The shim is asked once, and gets no key."""
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{shims(tmp_path, path)}{os.pathsep}{path}")
    monkeypatch.setenv("ASDF_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GEMINI_API_KEY", "secret-key")
    project = tmp_path / "a project"
    project.mkdir()
    (project / ".tool-versions").write_text("elixir 1.14\n")
    for _ in range(2):
        variables = elixir.search_path(project)
        mix = shutil.which("mix", path=variables["PATH"])
        assert mix is not None
        assert not elixir.is_shim(Path(mix))
        assert not elixir.is_shim(Path(shutil.which("erl", path=variables["PATH"]) or "shims/erl"))
    assert (tmp_path / "asked").read_text() == f"{project} \n"


def test_a_version_manager_without_a_version_for_the_folder_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the manager's own words, the folder, and what to do. Another try cannot help."""
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f"{shims(tmp_path, path)}{os.pathsep}{path}")
    with pytest.raises(ExecutionFailed, match="No version is set for command elixir; install a version") as caught:
        elixir.search_path(tmp_path)
    assert (caught.value.kind, caught.value.lasting) == ("not started", True)


def test_a_program_that_is_no_shim_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapper of the user's stays in front of the real mix. A link to mise is a shim wherever it stands."""
    wrapper = tmp_path / "bin" / "mix"
    wrapper.parent.mkdir()
    wrapper.write_text("#!/bin/sh\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(wrapper.parent))
    assert elixir.search_path(tmp_path) == {}
    (tmp_path / "mise").touch()
    wrapper.unlink()
    wrapper.symlink_to(tmp_path / "mise")
    assert elixir.is_shim(wrapper)
