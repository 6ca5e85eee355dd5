"""The only reader of the environment and of the configuration file; what settings there are stands in settings.py.

A setting is `section.field` in the file (`AIOPS_CONFIG`, YAML) and `SECTION_FIELD` in the environment, which wins.
Secrets can be given as `SECTION_FIELD_FILE` (in the file `field_file`), the path of a file that holds the value.
Only the file can hold the lists `sources`, `channels` and `routes`, and the map `topology`.
"""

import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from aiops_processor.errors import ConfigError
from aiops_processor.problems import known, reason
from aiops_processor.settings import Settings
from aiops_processor.settings.section import is_secret, secret_file
from aiops_processor.text_file import read_text

FILE_VARIABLE = "AIOPS_CONFIG"
PLUGINS = "plugins"
RENAMED: Mapping[str, str] = {}
"""Old names of settings, as in the environment, and their new ones; see docs/reference/versions.md."""
_BOOLEAN = "tag:yaml.org,2002:bool"


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
        return dict(known_variables(renamed_variables(os.environ, RENAMED)))


def known_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that are settings, lower case, with `NAME_FILE` read. Raises ConfigError for an unreadable file."""
    for name, secret in variables():
        if environ.get(name):
            yield name.lower(), environ[name]
        # An empty file is a secret that is not set: compose wants every file to be there.
        elif secret and environ.get(f"{name}_FILE") and (text := secret_file(f"{name}_FILE", environ[f"{name}_FILE"])):
            yield name.lower(), text


def renamed_variables(environ: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, str]:
    """The environment with what stands under an old name under its new one, where that is not set. Warns of each."""
    found = dict(environ)
    for old, new in renamed.items():
        for ending in ("", "_FILE"):
            if environ.get(old + ending) and not environ.get(new) and not environ.get(f"{new}_FILE"):
                _warn(old + ending, new + ending)
                found[new + ending] = environ[old + ending]
    return found


def renamed_settings(content: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """The same for what a file says."""
    found = {name: dict(section) if isinstance(section, dict) else section for name, section in content.items()}
    for old, new in renamed.items():
        section, _, field = old.lower().partition("_")
        to_section, _, to_field = new.lower().partition("_")
        given = found.get(section)
        if isinstance(given, dict) and field in given:
            _warn(f"{section}.{field}", f"{to_section}.{to_field}")
            value = given.pop(field)
            found.setdefault(to_section, {}).setdefault(to_field, value)
            if not given:
                del found[section]
    return found


def _warn(old: str, new: str) -> None:
    # Not the log: that is set up by what is being read here.
    text = f"the setting {old} is called {new} now; the old name works until the next minor version"
    warnings.warn(text, FutureWarning, stacklevel=3)


def variables() -> Iterator[tuple[str, bool]]:
    """Each setting's name in the environment, and whether it is a secret."""
    for section, settings in _sections():
        for name in settings.model_fields:
            yield f"{section}_{name}".upper(), is_secret(settings, name)


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: `true` and `false` alone. In 1.1 the key `on` is a boolean, too."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != _BOOLEAN]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load(config_file: str | None = None) -> Settings:
    """The settings in force. Raises ConfigError, which names every wrong setting with its remedy."""
    path = config_file or os.environ.get(FILE_VARIABLE)
    try:
        return LoadedSettings(**(_with_plugins(Path(path)) if path else {}))
    except ValidationError as error:
        raise ConfigError("; ".join(_problem(e) for e in error.errors(include_input=False))) from None
    except SettingsError:
        names = ", ".join(_not_json()) or "a variable"
        raise ConfigError(f'{names}: is not JSON; expected a mapping such as {{"X-Scope": "eu"}}') from None


def _with_plugins(path: Path) -> dict[str, Any]:
    """What the file says, and that the folder `plugins` beside it, where there is one, is the plugins folder."""
    content, beside = renamed_settings(_read_file(path), RENAMED), path.absolute().parent / PLUGINS
    section = content.get("plugins") or {}
    if beside.is_dir() and isinstance(section, dict):
        content["plugins"] = {"folder": str(beside), **section}
    return content


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(read_text(path, FILE_VARIABLE), _Loader) or {}  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        raise ConfigError(f"{path} is not YAML{f' (line {where.line + 1})' if where else ''}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected sections such as `prometheus:`, found {type(content).__name__}")
    return content


def _problem(error: Any) -> str:
    """One wrong setting in one line. Never its value: it may be a secret."""
    path = [str(part) for part in error["loc"]]
    place = ".".join(path)
    if error["type"] == "extra_forbidden":
        return f"{place} is no setting; known here: {', '.join(known(Settings, error['loc'][:-1]))}"
    variable = "_".join(path).upper()
    name = f"{variable} ({place})" if variable in {name for name, _ in variables()} else place
    return f"{name}: {reason(error)}"


def _not_json() -> Iterator[str]:
    """The variables that hold JSON and are none: pydantic-settings names only their section."""
    for section, settings in _sections():
        for name, field in settings.model_fields.items():
            variable = f"{section}_{name}".upper()
            if get_origin(field.annotation) is dict and not _is_json(os.environ.get(variable) or "{}"):
                yield variable


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
