"""What an operator wrote beside the configuration, and saved in another encoding, or where we may not look."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiops_processor import config
from aiops_processor.clock import SystemClock
from aiops_processor.errors import AiopsError, ConfigError
from aiops_processor.llm.own import Own
from aiops_processor.parts import Parts
from aiops_processor.plugins.folder import Folder
from aiops_processor.telemetry import Metrics
from aiops_processor.text_file import folder_problem, read_text

LATIN = "# one\n# two\n# café\n".encode("latin-1")
BESIDE = (
    "aiops.yaml",
    "key",
    "plugins/mine.yaml",
    "plugins/mine.py",
    "plugins/prompts/company.md",
    "plugins/prompts/system.md.j2",
    "plugins/prompts/extra.yaml",
    "plugins/prompts/runbooks/HighErrorRate.md",
)


@pytest.mark.parametrize("name", BESIDE)
def test_one_line_names_the_file_and_the_remedy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, _ in config.variables():
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "plugins" / "prompts" / "runbooks").mkdir(parents=True)
    (tmp_path / "aiops.yaml").write_text("log: {level: info}")
    (tmp_path / "key").write_text("sk-1")
    monkeypatch.setenv("AIOPS_CONFIG", str(tmp_path / "aiops.yaml"))
    monkeypatch.setenv("DEEPSEEK_API_KEY_FILE", str(tmp_path / "key"))
    Parts.of(config.load(), SystemClock(), Metrics())
    (tmp_path / name).write_bytes(LATIN)
    with pytest.raises(AiopsError) as raised:
        Parts.of(config.load(), SystemClock(), Metrics())
    said = str(raised.value)
    assert f"{tmp_path / name} is not UTF-8" in said
    assert "save it as UTF-8" in said
    assert "\n" not in said


def test_the_error_tells_the_line_and_nothing_of_what_the_file_holds(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(LATIN)
    with pytest.raises(ConfigError) as raised:
        read_text(tmp_path / "key", "API_TOKEN_FILE")
    assert str(raised.value) == f"API_TOKEN_FILE: {tmp_path / 'key'} is not UTF-8 (line 3): save it as UTF-8"
    assert raised.value.__cause__ is None


def test_the_mark_that_editors_put_at_the_beginning_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfs3cret")
    assert read_text(tmp_path / "key", "API_TOKEN_FILE") == "s3cret"


@pytest.fixture
def ours() -> Iterator[Path]:
    """A folder that a user without rights may read; while the test runs that is who we are, for root may read all."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "plugins" / "prompts" / "components").mkdir(parents=True)
    (folder / "plugins" / "prompts" / "company.md").write_text("We sell shoes.")
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield folder / "plugins"
    os.seteuid(before)
    for path in (folder / "plugins", folder / "plugins/prompts", folder / "plugins/prompts/components"):
        path.chmod(0o755)
    shutil.rmtree(folder)


def _as_owner(change: Callable[[], None]) -> None:
    who = os.geteuid()
    os.seteuid(os.getuid())
    change()
    os.seteuid(who)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o711, 0o311])
@pytest.mark.parametrize(
    ("setting", "read", "closed"),
    [
        ("PLUGINS_FOLDER", Folder, ""),
        ("PLUGINS_FOLDER", Folder, "prompts"),
        ("PLUGINS_FOLDER", Folder, "prompts/components"),
        ("LLM_PROMPTS", Own, "prompts"),
        ("LLM_PROMPTS", Own, "prompts/components"),
    ],
)
def test_a_folder_that_we_may_not_look_into_is_one_line_with_the_remedy(
    ours: Path, setting: str, read: Callable[[Path], object], closed: str, mode: int
) -> None:
    where = ours if setting == "PLUGINS_FOLDER" else ours / "prompts"
    read(where)
    _as_owner(lambda: (ours / closed).chmod(mode if os.getuid() == 0 else mode & 0o100))
    with pytest.raises(AiopsError) as raised:
        read(where)
    remedy = f"the service's user needs r and x there; chmod u+rx {ours / closed}, or chown it"
    assert str(raised.value) == f"{setting}: {ours / closed} cannot be read: {remedy}"


def test_a_folder_below_one_that_is_closed_is_named_too(ours: Path) -> None:
    _as_owner(lambda: ours.chmod(0o600))
    assert "a folder above it needs x" in folder_problem(ours / "prompts")


def test_what_is_no_folder_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for each in (tmp_path / "none", tmp_path / "file", tmp_path / "file" / "below"):
        assert folder_problem(each) == f"{each} is no folder"
    assert folder_problem(tmp_path, below=True) == ""
