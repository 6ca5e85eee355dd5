"""Every setting: the only reader of the environment and of the configuration file.

A setting is `section.field` in the file (`AIOPS_CONFIG`, YAML) and `SECTION_FIELD` in the environment, which wins.
Secrets can be given as `SECTION_FIELD_FILE`, the path of a file that holds the value.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from aiops_processor.errors import ConfigError

FILE_VARIABLE = "AIOPS_CONFIG"


class Section(BaseModel):
    """A group of settings; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceSettings(Section):
    """How a service is reached and who we are there. `external_url` is what links for people start with."""

    url: str = ""
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    tenant: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    external_url: str = ""


class ModelSettings(Section):
    """The language model. Without a key (or a base URL that needs none) the ranked evidence is the report."""

    provider: str = "deepseek"
    model: str = ""
    base_url: str = ""
    timeout: float = Field(default=60, gt=0, description="seconds for one answer, all tries together")
    max_retries: int = Field(default=3, ge=0, le=10)
    temperature: float = Field(default=0.1, ge=0, le=2)
    max_tokens: int = Field(default=2000, gt=0)


class KeySettings(Section):
    """A model provider's key."""

    api_key: SecretStr | None = None


class TimeSettings(Section):
    """How far back is looked."""

    window_minutes: int = Field(default=15, ge=1, le=24 * 60, description="baseline before the onset")


class MaxSettings(Section):
    """How much is read for one incident at most."""

    log_lines: int = Field(default=1000, ge=1, le=5000)
    metrics_points: int = Field(default=1_000_000, ge=1000)


class SlackSettings(Section):
    webhook_url: SecretStr | None = None


class GenericSettings(Section):
    webhook_url: SecretStr | None = None


class ApiSettings(Section):
    """Where we listen and who may ask. From any address but loopback, a token or a password is demanded."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None


class DatabaseSettings(Section):
    """Empty: SQLite files under the data directory."""

    url: SecretStr | None = None


class ServiceSettings(Section):
    """The service itself. `settle_seconds` after its last new alert an incident is analysed."""

    data_dir: str = ""
    external_url: str = ""
    settle_seconds: float = Field(default=10, ge=0)
    settle_max_seconds: float = Field(default=30, ge=0)


class GrafanaSettings(Section):
    url: str = ""


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    """All settings, by section; see the reference (docs/reference/settings.md). Made by `load`, or by hand in code."""

    prometheus: SourceSettings = SourceSettings()
    loki: SourceSettings = SourceSettings()
    alertmanager: SourceSettings = SourceSettings()
    llm: ModelSettings = ModelSettings()
    deepseek: KeySettings = KeySettings()
    openai: KeySettings = KeySettings()
    time: TimeSettings = TimeSettings()
    max: MaxSettings = MaxSettings()
    slack: SlackSettings = SlackSettings()
    generic: GenericSettings = GenericSettings()
    api: ApiSettings = ApiSettings()
    database: DatabaseSettings = DatabaseSettings()
    aiops: ServiceSettings = ServiceSettings()
    grafana: GrafanaSettings = GrafanaSettings()
    log: LogSettings = LogSettings()

    @property
    def data_dir(self) -> Path:
        """Where the SQLite files are; the user's state directory unless set."""
        if self.aiops.data_dir:
            return Path(self.aiops.data_dir).expanduser()
        state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(state).expanduser() / "aiops-processor"

    @property
    def model_key(self) -> SecretStr | None:
        """The key of the configured provider, where it has one."""
        keys = {"deepseek": self.deepseek.api_key, "openai": self.openai.api_key}
        return keys.get(self.llm.provider)


class LoadedSettings(BaseSettings, Settings):
    """The same, filled from the environment over what is passed in."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="_", env_nested_max_split=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours reads the environment; the signature is the library's
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (KnownVariables(settings_cls), init_settings)


class KnownVariables(EnvSettingsSource):
    """The environment, but only what is a setting of ours: LOG_FORMAT of another program is none of our business."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return dict(known_variables(os.environ))


def known_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that are settings, lower case, with `NAME_FILE` read. Raises ConfigError for an unreadable file."""
    for name, secret in variables():
        if environ.get(name):
            yield name.lower(), environ[name]
        elif secret and environ.get(f"{name}_FILE"):
            yield name.lower(), _secret_file(f"{name}_FILE", environ[f"{name}_FILE"])


def variables() -> Iterator[tuple[str, bool]]:
    """Each setting's name in the environment, and whether it is a secret."""
    for section, section_field in Settings.model_fields.items():
        for name, field in cast("type[BaseModel]", section_field.annotation).model_fields.items():
            yield f"{section}_{name}".upper(), SecretStr in (field.annotation, *get_args(field.annotation))


def load(config_file: str | None = None) -> Settings:
    """The settings in force. Raises ConfigError, which names every wrong setting with its remedy."""
    path = config_file or os.environ.get(FILE_VARIABLE)
    try:
        return LoadedSettings(**(_read_file(Path(path)) if path else {}))
    except ValidationError as error:
        raise ConfigError("; ".join(_problem(e) for e in error.errors(include_input=False))) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{FILE_VARIABLE}: {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        raise ConfigError(f"{path} is not YAML{f' (line {where.line + 1})' if where else ''}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected sections such as `prometheus:`, found {type(content).__name__}")
    return content


def _secret_file(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{variable}: {path} cannot be read: {error}") from error


def _problem(error: Any) -> str:
    """One wrong setting in one line. Never its value: it may be a secret."""
    path = [str(part) for part in error["loc"]]
    name = "_".join(path[:2]).upper()
    if error["type"] == "extra_forbidden":
        return f"{'.'.join(path)} is no setting; known here: {', '.join(_known(path[:-1]))}"
    return f"{name} ({'.'.join(path)}): {error['msg']}"


def _known(section: list[str]) -> list[str]:
    if not section:
        return sorted(Settings.model_fields)
    field = Settings.model_fields.get(section[0])
    return sorted(cast("type[BaseModel]", field.annotation).model_fields) if field else []
