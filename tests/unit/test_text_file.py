"""What an operator wrote beside the configuration, and saved in another encoding."""

from pathlib import Path

import pytest

from aiops_processor import config
from aiops_processor.clock import SystemClock
from aiops_processor.errors import AiopsError, ConfigError
from aiops_processor.parts import Parts
from aiops_processor.telemetry import Metrics
from aiops_processor.text_file import read_text

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
