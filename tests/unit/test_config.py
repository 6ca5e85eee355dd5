"""Settings from the environment, the file and secret files."""

from pathlib import Path

import pytest

from aiops_processor import config
from aiops_processor.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, _ in config.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(config.FILE_VARIABLE, raising=False)


def test_every_setting_has_a_variable() -> None:
    names = [name for name, _ in config.variables()]
    assert len(names) == len(set(names))
    assert {"PROMETHEUS_URL", "LOKI_TENANT", "DEEPSEEK_API_KEY", "SLACK_WEBHOOK_URL", "TIME_WINDOW_MINUTES"} <= set(
        names
    )


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "aiops.yaml"
    file.write_text("prometheus: {url: 'http://file:9090', tenant: team}\ntime: {window_minutes: 30}\n")
    monkeypatch.setenv("PROMETHEUS_URL", "http://env:9090")
    settings = config.load(str(file))
    assert settings.prometheus.url == "http://env:9090"
    assert settings.prometheus.tenant == "team"
    assert settings.time.window_minutes == 30


def test_variables_of_other_programs_are_none_of_our_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("API_VERSION", "2")
    assert config.load().api.port == 8000


def test_a_secret_can_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    monkeypatch.setenv("DEEPSEEK_API_KEY_FILE", str(tmp_path / "key"))
    key = config.load().deepseek.api_key
    assert key is not None
    assert key.get_secret_value() == "s3cret"


def test_a_missing_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(ConfigError, match="API_TOKEN_FILE: /nowhere/token cannot be read"):
        config.load()


def test_an_unknown_key_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "aiops.yaml"
    file.write_text("prometheus: {ulr: x}\nlokki: {}\n")
    with pytest.raises(ConfigError) as caught:
        config.load(str(file))
    assert "prometheus.ulr is no setting; known here: ca_file" in str(caught.value)
    assert "lokki is no setting; known here: aiops, alertmanager" in str(caught.value)


def test_a_wrong_value_is_named_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "hunter2")
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert "API_PORT" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    for content in ("- a\n", "a: [", "\x00"):
        file = tmp_path / "aiops.yaml"
        file.write_text(content)
        with pytest.raises(ConfigError):
            config.load(str(file))
