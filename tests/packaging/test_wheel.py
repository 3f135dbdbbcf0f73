"""The wheel holds what a venue needs, and runs from anywhere."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, timeout=300)
    (made,) = folder.glob("fixgate-*.whl")
    return made


def test_it_holds_the_data_folders_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "gateway/_data/config/demo.yaml" in names
    assert "gateway/_data/fix_dictionaries/FIX44.xml" in names
    tops = {name.split("/")[0] for name in names if not name.startswith("fixgate-")}
    assert tops == {"engine", "custody", "compliance", "gateway"}


def test_an_installed_venue_finds_its_data_from_anywhere(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True, timeout=300)
    text = "from gateway.data import data_file; print(data_file('config', 'demo.yaml'))"
    demo = subprocess.run(
        [python, "-c", text], cwd="/", capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    assert "_data" in demo
    fixgate = tmp_path / "venv" / "bin" / "fixgate"
    for command in (["check", "--config", demo], ["doctor", "--data", str(tmp_path)]):
        subprocess.run([fixgate, *command], cwd="/", check=True, timeout=60)
