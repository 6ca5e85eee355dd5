"""What a group of settings is: unknown fields are errors, secrets may stand in files, matchers are Alertmanager's."""

from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from aiops_processor.errors import QueryError
from aiops_processor.query import matchers
from aiops_processor.text_file import read_text


class Section(BaseModel):
    """A group of settings; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, data: Any) -> Any:
        """`token_file` in the file is what `…_TOKEN_FILE` is in the environment. Raises ConfigError."""
        if not isinstance(data, dict):
            return data
        found: dict[str, Any] = dict(data)
        for name, path in data.items():
            secret = str(name).removesuffix("_file")
            if secret != name and isinstance(path, str) and is_secret(cls, secret):
                del found[name]
                found[secret] = found.get(secret) or secret_file(name, path)
        return found


def read_matchers(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The same, when all of them are matchers and there is one at least. Raises ValueError."""
    try:
        found = matchers.parse_all(texts)
    except QueryError as error:
        raise ValueError(str(error)) from None
    if not found:
        raise ValueError("no matcher: every alert would be meant")
    return texts


Matchers = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(read_matchers)]
"""Alertmanager's matchers, in either of its syntaxes; all of them must fit."""


def is_secret(section: type[BaseModel], name: str) -> bool:
    """Whether this field of a section holds a secret."""
    field = section.model_fields.get(name)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def secret_file(variable: str, path: str) -> str:
    """The secret in this file, which the variable names. Raises ConfigError."""
    return read_text(Path(path), variable).strip()
