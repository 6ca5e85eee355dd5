"""A plugin in a package of somebody else: built, installed beside us, found, switched on, given options and run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-maintenance"
version = "3.1.4"

[project.entry-points."aiops_processor.plugins"]
"filter.maintenance" = "acme_maintenance:Maintenance"
"filter.broken" = "acme_maintenance:broken"
"filter.raises" = "acme_maintenance:raises"

[tool.hatch.build.targets.wheel]
packages = ["acme_maintenance.py"]
"""
MODULE = '''
from aiops_processor.plugins import Options

class Maintenance:
    class Options(Options):
        team: str

    def __init__(self, options):
        self.team = options.team

    def __call__(self, alert, now):
        return f"maintenance of {self.team}" if alert.labels.get("team") == self.team else None

def broken(alert):
    """Takes too little."""

def __getattr__(name):
    raise KeyError(name)
'''
RUN = """
import asyncio
from aiops_processor import config
from aiops_processor.parts import plugging
from aiops_processor.testing import NOW, alert, conforms

settings = config.load()
found = plugging.plugged(settings, plugging.door(settings)).filters
print(asyncio.run(found[0](alert(team="shop"), NOW)), asyncio.run(found[0](alert(team="other"), NOW)))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed into. Nothing is fetched: the build backend is here already."""
    source, target = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "acme_maintenance.py").write_text(MODULE)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=source, check=True, timeout=120)
    (wheel,) = (source / "dist").glob("*.whl")
    uv = Path(sys.executable).with_name("uv")
    install = [uv, "pip", "install", "--offline", "--no-deps", "--target", target, "--python", sys.executable, wheel]
    subprocess.run(install, check=True, timeout=120, env={**os.environ, "UV_NO_CONFIG": "1"})
    return target


def run(installed: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(installed), "PYTHONPATH": str(installed), **settings}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=120, cwd=installed
    )


def test_it_is_listed_and_off_until_it_is_named(installed: Path) -> None:
    lines = run(installed, "-m", "aiops_processor", "plugins").stdout.splitlines()
    (line,) = [line.split(None, 2) for line in lines if "filter.maintenance" in line]
    assert line == ["off", "filter.maintenance", "acme-maintenance 3.1.4"]


def test_it_is_run_where_it_is_named(installed: Path) -> None:
    settings = {
        "PLUGINS_ENABLE": "filter.maintenance",
        "PLUGINS_OPTIONS": '{"filter.maintenance": {"team": "shop"}}',
    }
    ran = run(installed, "-c", RUN, **settings)
    assert (ran.stdout, ran.stderr) == ("maintenance of shop None\n", "")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PLUGINS_ENABLE": "filter.maintenance"}, "filter maintenance: team: is missing (known options: team)"),
        ({"PLUGINS_ENABLE": "filter.maintenence"}, "PLUGINS_ENABLE: there is no plugin filter.maintenence; known: "),
        ({"PLUGINS_ENABLE": "filter.broken"}, "filter broken: takes (alert); the right form is `def broken(alert: "),
        ({"PLUGINS_ENABLE": "filter.raises"}, "(acme_maintenance:raises) cannot be loaded: KeyError: 'raises'"),
        ({"PLUGINS_OPTIONS": '{"filter.x": {}}'}, "plugins.options: there is no plugin filter.x; known: "),
    ],
)
def test_what_is_wrong_is_one_line_with_the_remedy(installed: Path, settings: dict[str, str], said: str) -> None:
    ran = run(installed, "-m", "aiops_processor", "plugins", **settings)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert ran.stderr.count("\n") == 1
