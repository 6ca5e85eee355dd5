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


def test_a_mapping_that_is_no_json_is_named_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKI_HEADERS", '{"X-Scope": "eu"}')
    monkeypatch.setenv("PROMETHEUS_HEADERS", "s3cret")
    with pytest.raises(ConfigError, match=r"^PROMETHEUS_HEADERS: is not JSON") as refused:
        config.load()
    assert "s3cret" not in str(refused.value)


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    for content in ("- a\n", "a: [", "\x00"):
        file = tmp_path / "aiops.yaml"
        file.write_text(content)
        with pytest.raises(ConfigError):
            config.load(str(file))


EUROPE = """
prometheus: {url: 'http://default:9090'}
sources:
  - name: europe
    match: ['cluster="eu"', 'severity!~"info|none"']
    prometheus: {url: 'http://eu:9090', tenant: team, token_file: TOKEN, timeout: 3}
  - name: logs
    match: ['{team=~"a|b"}']
    loki: {url: 'http://logs:3100'}
"""


def test_sources_stand_in_the_file_with_their_secrets_in_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    file = tmp_path / "aiops.yaml"
    file.write_text(EUROPE.replace("TOKEN", str(tmp_path / "token")))
    europe, logs = config.load(str(file)).sources
    assert europe.prometheus is not None
    assert europe.prometheus.token is not None
    assert (europe.prometheus.token.get_secret_value(), europe.prometheus.timeout) == ("s3cret", 3)
    assert (europe.match, europe.loki) == (('cluster="eu"', 'severity!~"info|none"'), None)
    assert (logs.name, logs.prometheus) == ("logs", None)


def test_a_secret_of_the_file_can_stand_in_another_file_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("of the file")
    file = tmp_path / "aiops.yaml"
    file.write_text(f"api: {{token_file: {tmp_path / 'token'}}}\n")
    token = config.load(str(file)).api.token
    assert token is not None
    assert token.get_secret_value() == "of the file"
    monkeypatch.setenv("API_TOKEN", "of the environment")
    token = config.load(str(file)).api.token
    assert token is not None
    assert token.get_secret_value() == "of the environment"


def test_a_secret_file_of_the_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "aiops.yaml"
    file.write_text(EUROPE.replace("TOKEN", "/nowhere/token"))
    with pytest.raises(ConfigError, match="token_file: /nowhere/token cannot be read"):
        config.load(str(file))


def test_the_topology_stands_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "aiops.yaml"
    file.write_text("topology: {web: [cart, pay], cart: [db]}")

    assert config.load(str(file)).calls == (("web", "cart"), ("web", "pay"), ("cart", "db"))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            "{name: a, match: ['x=\"y\"'], prometheus: {ulr: z}}",
            "sources.0.prometheus.ulr is no setting; known here: ca_f",
        ),
        (
            "{name: a, match: ['x=\"y\"'], tempo: {}}",
            "sources.0.tempo is no setting; known here: alertmanager, loki, loki_uid, match",
        ),
        ("{name: a, match: ['x=\"y\"']}", "sources.0: needs `prometheus`, `loki` or `alertmanager`"),
        ("{name: a, match: ['x=\"y\"'], loki: {tenant: z}}", "sources.0: needs `prometheus`, `loki` or `alertmanager`"),
        ("{name: a, match: ['x'], loki: {url: z}}", "sources.0.match: 'x': expected a label"),
        ("{name: a, match: ['x=~\"(\"'], loki: {url: z}}", "'(' is no regular expression"),
        ("{name: a, match: ['{}'], loki: {url: z}}", "sources.0.match: no matcher"),
        ("{name: a, match: [], loki: {url: z}}", "sources.0.match"),
        ("{name: 'A/b', match: ['x=y'], loki: {url: z}}", "sources.0.name"),
        ("{name: a, match: ['x=y'], loki: {url: z, timeout: 0}}", "sources.0.loki.timeout"),
    ],
)
def test_what_is_wrong_with_a_source_is_named_by_its_place(tmp_path: Path, entry: str, words: str) -> None:
    file = tmp_path / "aiops.yaml"
    file.write_text(f"sources:\n  - {entry}\n")
    with pytest.raises(ConfigError) as caught:
        config.load(str(file))
    assert words in str(caught.value)


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "aiops.yaml"
    file.write_text("sources:\n" + "  - {name: a, match: ['x=y'], loki: {url: z}}\n" * 2)
    with pytest.raises(ConfigError, match="two sources are called a"):
        config.load(str(file))


def test_everything_of_the_environment_can_stand_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "aiops.yaml"
    for name, _ in config.variables():
        section = next(s for s in config.Settings.model_fields if name.startswith(f"{s.upper()}_"))
        field = name.removeprefix(f"{section.upper()}_").lower()
        wrong = "not a list" if name.endswith("_RULES") else "[not, a, value]"
        file.write_text(f"{section}: {{{field}: {wrong}}}\n")
        with pytest.raises(ConfigError, match=f"{name} \\({section}.{field}\\)"):
            config.load(str(file))
