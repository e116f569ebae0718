"""The wheel holds every module and data file that git tracks, and works where only the wheel is there."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

CODE = ("connectors", "sync", "cli.py", "__init__.py")
DATA = ("py.typed", "config.example.toml")
BUILD_FILES = ("pyproject.toml", "README.md", "LICENSE")


def tracked(root: Path, *paths: str) -> list[str]:
    """The files that git tracks under `paths`, as git spells them."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--", *paths]
    try:
        listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: which modules are tracked cannot be told")
    return [name for name in listing.split("\0") if name]


def copy(root: Path, names: Iterable[str], to: Path) -> None:
    for name in names:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)


@pytest.fixture(scope="module")
def source(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files: an old build folder or an untracked module cannot hide a fault."""
    folder = tmp_path_factory.mktemp("source")
    copy(root, tracked(root, *CODE, *DATA, *BUILD_FILES), folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), *isolation(), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def isolation() -> list[str]:
    """Build with the setuptools at hand where it is new enough, so that no network is needed."""
    try:
        major = int(importlib.metadata.version("setuptools").partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return []
    return ["--no-isolation"] if major >= 77 else []


def packed(wheel: zipfile.ZipFile) -> set[str]:
    """The wheel's files without its metadata."""
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_exactly_the_tracked_files(root: Path, wheel: zipfile.ZipFile) -> None:
    expected = {f"tieline/{name}" for name in tracked(root, *CODE, *DATA)}
    assert packed(wheel) == expected


def test_the_wheel_installs_one_name_and_one_command(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0] for name in packed(wheel)} == {"tieline"}
    (entry,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert wheel.read(entry).decode().split() == ["[console_scripts]", "tieline", "=", "tieline.cli:main"]


def test_the_program_starts_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    program = "import tieline.cli, tieline; print(tieline.cli.__file__); print(tieline.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(tmp_path / "tieline" / "cli.py"),
        importlib.metadata.version("tieline"),
    ]
