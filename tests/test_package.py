"""The installed package: the content of the wheel, and a study that runs without the checkout."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, CommandLine
from tests.support.prefect_database import new_database

MODULES = ("flows.optimize", "tasks.execute", "deployments.serve", "commands.app", "execution.own.project")


def build(source: Path, kind: str, folder: Path) -> Path:
    """Build a wheel or an sdist as `pip install` does, without its download of hatchling."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (file,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return file


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(CHECKOUT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with the wheel.

    The dependencies come from this environment, without its `.pth` files.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    # A path named in a .pth file is only put on sys.path: the editable installation there stays unknown.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def test_all_files_have_the_same_version() -> None:
    """pyproject.toml, the runtime and the changelog have the same version."""
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    assert f'@version "{version}"' in (CHECKOUT / "runtime" / "mix.exs").read_text()
    assert f"The version of this work is {version}." in (CHECKOUT / "CHANGELOG.md").read_text()


@pytest.mark.services
def test_the_wheel_owns_one_import_name(wheel: Path) -> None:
    """The runtime's sources travel under it, without builds and tests, and no file is packed twice."""
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        (record,) = [name for name in names if name.endswith(".dist-info/RECORD")]
        recorded = [row[0] for row in csv.reader(packed.read(record).decode().splitlines())]
    metadata = record.partition("/")[0]
    assert {name.partition("/")[0] for name in names} == {"workbench", metadata}
    assert sorted(names) == sorted(set(recorded)) == sorted(set(names))
    shipped = {name for name in names if name.startswith("workbench/")}
    assert "workbench/py.typed" in shipped
    expected = {f"workbench/{file}" for file in _files("workbench") | _files("flows") | _files("tasks")}
    expected |= {f"workbench/{file}" for file in _files("deployments")}
    runtime = {file for file in _files("runtime") if re.match(r"runtime/(mix\.exs|lib/|priv/)", file)}
    assert shipped == expected | {f"workbench/{file}" for file in runtime}


def _files(folder: str) -> set[str]:
    """Return the files of a folder that git knows, relative to `workbench/` in an installed package."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout.splitlines()
    # The links are no files.
    return {name.removeprefix("workbench/") for name in listed if not (CHECKOUT / name).is_symlink()}


@pytest.mark.services
def test_an_sdist_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """An sdist does not contain the checkout's links."""
    with tarfile.open(build(CHECKOUT, "sdist", tmp_path)) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("workbench-*/")
    again = build(source, "wheel", tmp_path / "again")
    assert not [file for file in source.rglob("*") if file.is_symlink()]
    with zipfile.ZipFile(wheel) as built, zipfile.ZipFile(again) as rebuilt_wheel:
        assert {name: built.read(name) for name in built.namelist()} == {
            name: rebuilt_wheel.read(name) for name in rebuilt_wheel.namelist()
        }


@pytest.mark.services
def test_modules_have_the_same_names_in_checkout_and_wheel(environment: Path, tmp_path: Path) -> None:
    program = f"import importlib.util as i\nfor name in {MODULES}: print(i.find_spec('workbench.' + name).origin)"
    for python, root in ((environment / "bin" / "python", environment), (Path(sys.executable), CHECKOUT)):
        result = CommandLine(tmp_path / "home").run("-I", "-c", program, program=python, cwd=tmp_path)
        assert result.exit_code == 0, result.stderr
        for name, file in zip(MODULES, result.stdout.splitlines(), strict=True):
            assert Path(file).is_relative_to(root)
            assert file.endswith(f"/workbench/{name.replace('.', '/')}.py")


@pytest.mark.services
def test_a_study_is_written_checked_and_rehearsed_without_the_checkout(environment: Path, tmp_path: Path) -> None:
    """The runtime is compiled into the user's cache. Nothing is written into the installed package."""
    program, (runtime,) = (
        environment / "bin" / "workbench",
        environment.glob("lib/python*/site-packages/workbench/runtime"),
    )
    user, folder = tmp_path / "user", tmp_path / "study"
    folder.mkdir()
    user.mkdir()
    (folder / "gold.md").write_text("# Plan\n\nSupervision first. Telemetry everywhere. Rollback of each stage.\n")
    line = CommandLine(tmp_path / "home", {"HOME": str(user)})
    new_database(line.home / "prefect")
    before = sorted(runtime.rglob("*"))

    def run(*arguments: object) -> str:
        result = line.run(*arguments, program=program, cwd=folder)
        assert result.exit_code == 0, result.stderr + result.stdout
        return result.stdout

    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    assert run("--version").strip() == version
    run("init", "Write the plan for a safer release", "gold.md")
    run("check", "study.yaml")
    try:
        run("run", "study.yaml", "--rehearse", "--optimizer", "static", "--budget", "1", "--json", "report.json")
    finally:
        run("server", "--stop")
    report = json.loads((folder / "report.json").read_text())
    assert (report["status"], report["rehearsal"]) == ("done", True)
    (build_folder,) = (entry for entry in (user / ".cache" / "workbench" / "runtime").iterdir() if entry.is_dir())
    assert (build_folder / "lib" / "pipeline" / "ebin").is_dir()
    assert sorted(runtime.rglob("*")) == before


@pytest.mark.parametrize("name", ["requirements.lock", "script/uv.lock"])
def test_every_package_of_a_lock_has_hashes_and_no_host(name: str) -> None:
    """script/bootstrap checks the hashes. A lock names versions, and no place that a package comes from."""
    text = (CHECKOUT / name).read_text(encoding="utf-8")
    packages = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+ (; .+ )?\\\n    --hash=sha256:[0-9a-f]{64}", package), package[
            :80
        ]
    assert "://" not in text
    bootstrap = (CHECKOUT / "script" / "bootstrap").read_text(encoding="utf-8")
    assert f"--require-hashes -r {name}" in bootstrap
