"""What `pip install .` installs: the commands find the shipped scenarios without the project beside them."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("agr", "models", "scenarios"):
        shutil.copytree(PROJECT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder / "source")
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, *build, "-w", str(folder), str(folder / "source")], check=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    (folder / "installed" / "pyproject.toml").touch()  # of a project that has installed agr into its own folder
    return folder / "installed"


def agr(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from agr.cli.main import main; main()", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=120,
        env=os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1", "COLUMNS": "200"},
    )  # fmt: skip


def test_the_wheel_brings_every_scenario_of_the_project(installed: Path, tmp_path: Path) -> None:
    listed = agr(installed, tmp_path, "scenario", "list")
    assert listed.returncode == 0, listed.stderr
    for folder in (PROJECT / "scenarios").glob("*/scenario.yaml"):
        assert folder.parent.name in listed.stdout


def test_a_shipped_scenario_is_used_by_its_name_alone(installed: Path, tmp_path: Path) -> None:
    valid = agr(installed, tmp_path, "scenario", "validate", "small-dst-day")
    assert (valid.returncode, valid.stderr) == (0, "")


def test_the_demo_finds_its_day(installed: Path, tmp_path: Path) -> None:
    script = "from agr.demo.run import shipped; print(shipped('spring-weekday'))"
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == str(installed / "agr" / "scenario" / "shipped" / "spring-weekday")
