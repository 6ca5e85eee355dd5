"""The reference names everything that the code has."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from aiops_processor import config, plugins
from aiops_processor.app import create_app
from aiops_processor.cli.commands import COMMANDS
from aiops_processor.telemetry import Metrics

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name, _ in config.variables()])
def test_every_setting_is_in_the_reference(name: str) -> None:
    assert f"`{name}`" in page("settings.md")


@pytest.mark.parametrize("name", [name for name, secret in config.variables() if secret])
def test_every_secret_is_marked(name: str) -> None:
    assert f"`{name}` 🔑" in page("settings.md")


def test_every_variable_of_the_reference_is_a_setting() -> None:
    text = page("settings.md")
    named = set(re.findall(r"^\| `([A-Z][A-Z_]+)`", text, re.MULTILINE))
    assert named - {name for name, _ in config.variables()} <= {config.FILE_VARIABLE, "HTTP_PROXY", "NO_PROXY"}


def test_every_path_is_in_the_reference() -> None:
    paths = {route.path for route in create_app().routes if isinstance(route, APIRoute) and route.include_in_schema}
    assert {path for path in paths if path not in page("http.md")} == set()


def test_every_metric_is_in_the_reference() -> None:
    lines = Metrics().exposition().decode().splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    known = page("metrics.md")
    assert {name for name in names if not name.endswith("_created") and f"`{name}" not in known} == set()


def test_every_command_is_in_the_reference() -> None:
    assert {command for command in COMMANDS if f"`aiops {command}" not in page("cli.md")} == set()


def test_every_built_in_plugin_is_in_the_reference() -> None:
    known = page("plugins.md")
    for kind in ("filter", "notifier", "model", "action"):
        assert [name for name in plugins.names(kind) if f"`{kind}.{name}`" not in known] == []


def test_the_architecture_names_every_folder_and_file_of_the_package() -> None:
    package = Path(config.__file__).parent
    known = (DOCS.parents[1] / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    files = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    assert {name for name in folders | files if f"`{name}`" not in known} == set()


def test_every_link_leads_somewhere() -> None:
    top = DOCS.parents[1]
    for file in [top / "README.md", top / "ARCHITECTURE.md", *(top / "docs").rglob("*.md")]:
        for target in linked(file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name} links to {target}"


def linked(text: str) -> list[str]:
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    return [target.split("#")[0] for target in targets if target.split("#")[0] and "://" not in target]


def test_a_channel_is_one_small_file() -> None:
    """What a newcomer copies to write the next one has to be read in a few minutes."""
    folder = Path(__file__).resolve().parents[2] / "src" / "aiops_processor" / "notifiers"
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.glob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 150} == {}
    assert {f"{name}.py" for name in plugins.names("notifier")} <= set(sizes)
