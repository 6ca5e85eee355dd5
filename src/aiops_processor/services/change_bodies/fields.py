"""Reading a field of a body, or saying what is wrong with it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, StringConstraints, ValidationError

from aiops_processor.errors import InputError

T = TypeVar("T", bound=BaseModel)


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def _web_address(value: str) -> str:
    if value and urlsplit(value).scheme not in {"http", "https"}:
        raise ValueError("expected an address that begins with http:// or https://")
    return value


def _one_line(value: str) -> str:
    return " ".join(value.split())


Time = Annotated[AwareDatetime, AfterValidator(_utc)]
"""RFC 3339 with a zone, or Unix seconds."""
Short = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Line = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_one_line)]
Address = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web_address)]


def read_as(kind: type[T], content: Mapping[str, Any], place: str = "") -> T:
    """The content as this kind. Raises InputError, which names the first wrong field by its path."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = place + ".".join(map(str, first["loc"]))
        raise InputError(field, _reason(first, kind)) from None


def first_line(text: str, most: int = 200) -> str:
    """What a long text begins with."""
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _reason(error: Any, kind: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        return f"is no field of a change; known: {', '.join(sorted(kind.model_fields))}"
    return error["msg"].removeprefix("Value error, ")
