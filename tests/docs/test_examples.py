"""What stands in `examples/` is what the how-to pages show, and is taken by the settings."""

import re
from pathlib import Path

import pytest

from aiops_processor import config
from aiops_processor.clients.outbound import Outbound
from aiops_processor.parts.acting import acts
from aiops_processor.plugins import Door
from aiops_processor.settings import AlertmanagerSettings

TOP = Path(__file__).resolve().parents[2]
ACTIONS = sorted((TOP / "examples" / "actions").glob("*.yaml"))


def code(path: Path) -> str:
    """The example without the comment above it."""
    return "".join(line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[0] != "#")


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_an_example_is_shown_as_it_is_and_is_short(path: Path) -> None:
    page = (TOP / "docs" / "how-to" / "actions.md").read_text(encoding="utf-8")
    shown = re.search(rf"`examples/actions/{path.name}`:\n\n```yaml\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    assert shown[1] == code(path)
    assert len(code(path).splitlines()) <= 15


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_an_example_is_taken_with_its_secrets(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("https://s3cret.example/path")
    file = tmp_path / "aiops.yaml"
    file.write_text(re.sub(r"/run/secrets/\w+", str(tmp_path / "secret"), path.read_text("utf-8")))
    settings = config.load(str(file)).model_copy(update={"alertmanager": AlertmanagerSettings(url="http://am:9093")})
    (made,) = acts(settings, Outbound(), None, Door()).configured.values()
    assert f"name: {made.name}\n" in code(path)
    assert not made.dry_run


def test_one_page_says_where_each_example_is() -> None:
    page = TOP / "docs" / "how-to" / "customise.md"
    named = {(page.parent / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))}
    kinds = {".py", ".yaml", ".md"}
    examples = {path for path in (TOP / "examples").glob("*/**/*") if path.suffix in kinds}
    assert {path for path in named if not path.is_file()} == set()
    assert examples - named == set()
