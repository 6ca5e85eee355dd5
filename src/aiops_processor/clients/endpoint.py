"""Where a source answers, and how we prove who we are: address, credentials, certificates, headers."""

import base64
import ssl
from typing import Any
from urllib.parse import unquote

import httpx2
from pydantic import ConfigDict, Field, SecretStr, model_validator

from aiops_processor.clients.refusal import Source
from aiops_processor.errors import ConfigError
from aiops_processor.models.base import Frozen

_SHORT = 5  # characters; masking a header's "1" would make every message unreadable


class Endpoint(Frozen):
    """Where a source answers and how we prove who we are. `url` may carry a path prefix (`http://host/prometheus/`).

    A user and password in `url` are moved into their own fields. `tenant` is sent as `X-Scope-OrgID`. `external_url`
    is what people's browsers open, for links only. `timeout_seconds` is for a whole call, its retries included.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # the input may be an address with a password in it

    url: str
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    tenant: str = ""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    external_url: str = ""
    timeout_seconds: float = Field(default=10, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _move_credentials(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("url"), str):
            return data
        url = parsed(data["url"])
        if url is None or not url.userinfo:
            return data
        username, _, password = url.userinfo.decode().partition(":")
        moved = {"username": unquote(username), "password": SecretStr(unquote(password))}
        given = {name: value for name, value in data.items() if value}
        return {**data, **moved, **given, "url": str(url.copy_with(username=None, password=None))}

    @property
    def host(self) -> str:
        """Host and port, for messages; "" where `url` is no address."""
        url = parsed(self.url)
        return url.netloc.decode() if url is not None and url.scheme in ("http", "https") else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may carry, the credentials as they are sent among it: a server may repeat the header."""
        given = [secret.get_secret_value().strip() for secret in (self.token, self.password) if secret is not None]
        if self.username and self.password:
            pair = f"{self.username}:{self.password.get_secret_value()}"
            given.append(base64.b64encode(pair.encode()).decode())
        return tuple(value for value in (*given, *self.headers.values()) if len(value) > _SHORT)


def request_headers(source: Source, endpoint: Endpoint) -> dict[str, str]:
    """The headers of every request. Raises ConfigError for a character that no header may have."""
    token = {"Authorization": f"Bearer {endpoint.token.get_secret_value().strip()}"} if endpoint.token else {}
    tenant = {"X-Scope-OrgID": endpoint.tenant} if endpoint.tenant else {}
    sent = {"Accept": "application/json", **tenant, **token, **endpoint.headers}
    for name, value in sent.items():
        if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
            settings = ", ".join(map(source.setting, ("TOKEN", "TENANT", "HEADERS")))
            raise ConfigError(f"{settings}: the header {name!a} would hold a character that no header may have")
    return sent


def basic_auth(endpoint: Endpoint) -> httpx2.BasicAuth | None:
    """User and password, None where there are none or a token stands in their place."""
    if endpoint.token or not endpoint.username:
        return None
    return httpx2.BasicAuth(endpoint.username, endpoint.password.get_secret_value() if endpoint.password else "")


def tls_context(source: Source, endpoint: Endpoint) -> ssl.SSLContext | bool:
    """Which certificates are trusted and shown. Raises ConfigError for a file that cannot be read."""
    if not endpoint.ca_file and not endpoint.cert_file:
        return True
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_file or None)
    except OSError as error:
        raise ConfigError(f"{source.setting('CA_FILE')}: cannot read {endpoint.ca_file}: {_reason(error)}") from None
    try:
        if endpoint.cert_file:
            context.load_cert_chain(endpoint.cert_file, endpoint.key_file or None)
    except OSError as error:
        files = f"{endpoint.cert_file} {endpoint.key_file}".strip()
        raise ConfigError(f"{source.setting('CERT_FILE')}: cannot read {files}: {_reason(error)}") from None
    return context


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def parsed(url: str, base: httpx2.URL | None = None) -> httpx2.URL | None:
    """The address in its parts, None where it is none."""
    try:
        return httpx2.URL(url) if base is None else base.join(url)
    except httpx2.InvalidURL:
        return None
