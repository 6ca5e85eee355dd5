"""What the options of channels have in common."""

from typing import Annotated
from urllib.parse import urlsplit

import httpx2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


class ChannelOptions(BaseModel):
    """Typed options: unknown ones are errors, and no error repeats a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    timeout_seconds: float = Field(default=10, gt=0, description="for one request, from connecting to the answer")


def address(url: str) -> str:
    """The same, when it is one of the web. Raises ValueError, which does not repeat it."""
    try:
        httpx2.URL(url)
        parts = urlsplit(url)
    except (httpx2.InvalidURL, ValueError):
        raise ValueError("is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected http:// or https:// and a host")
    return url


def _secret_address(url: SecretStr) -> SecretStr:
    address(url.get_secret_value())
    return url


def _filled(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip() or not secret.get_secret_value().isprintable():
        raise ValueError("is empty or not on one line")
    return secret


Address = Annotated[str, AfterValidator(address)]
SecretAddress = Annotated[SecretStr, AfterValidator(_secret_address)]
"""An address, secret as a whole, for its path often is the password."""
Secret = Annotated[SecretStr, AfterValidator(_filled)]
