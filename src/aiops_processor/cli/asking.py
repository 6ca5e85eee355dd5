"""Asking the running service on the command line."""

import ssl
from collections.abc import Mapping
from typing import Any

import httpx2

from aiops_processor import config
from aiops_processor.errors import AiopsError, ConfigError
from aiops_processor.settings import Settings


class ServiceRefused(AiopsError):
    """The running service did not do what it was asked."""


def ask(method: str, path: str, **query: str | int) -> Any:
    """What it answers, decoded. Raises ServiceRefused."""
    return _answer(method, path, query, None)


def tell(method: str, path: str, body: Mapping[str, Any]) -> Any:
    """The same for what has a body, where secrets belong: addresses are logged by whoever passes them on."""
    return _answer(method, path, {}, body)


def _answer(method: str, path: str, query: Mapping[str, str | int], body: Mapping[str, Any] | None) -> Any:
    settings = config.load()
    base = base_url(settings)
    try:
        answer = httpx2.request(
            method,
            f"{base}/api/v1/{path}",
            params=query,
            json=body,
            headers=authorization(settings),
            timeout=30,
            verify=trusted(settings),
        )
    except httpx2.HTTPError as error:
        failure = f"{base} does not answer ({type(error).__name__})"
        raise ServiceRefused(f"{failure}; is the service running? API_HOST and API_PORT say where") from error
    if answer.status_code >= 400:
        raise ServiceRefused(f"{base} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()


def base_url(settings: Settings) -> str:
    """Where the service of these settings answers on this machine."""
    return f"{'https' if settings.api.tls_cert else 'http'}://{settings.api.host}:{settings.api.port}"


def authorization(settings: Settings) -> dict[str, str]:
    """The header that API_TOKEN makes, where there is one."""
    token = settings.api.token
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def trusted(settings: Settings) -> ssl.SSLContext | bool:
    """Over TLS the certificate must be the one that the service shows, whatever name it is made for.

    Raises ConfigError where API_TLS_CERT cannot be read.
    """
    if not settings.api.tls_cert:
        return True
    try:
        context = ssl.create_default_context(cafile=settings.api.tls_cert)
    except OSError as error:
        raise ConfigError(f"API_TLS_CERT: {settings.api.tls_cert} cannot be read ({error.strerror})") from error
    context.check_hostname = False  # it is asked at its address, and no other certificate is trusted
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
