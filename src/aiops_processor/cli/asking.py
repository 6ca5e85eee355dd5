"""Asking the running service on the command line."""

from typing import Any

import httpx2

from aiops_processor import config
from aiops_processor.errors import AiopsError


class ServiceRefused(AiopsError):
    """The running service did not do what it was asked."""


def ask(method: str, path: str, **query: str | int) -> Any:
    """What it answers, decoded. Raises ServiceRefused."""
    settings = config.load()
    base = f"http://{settings.api.host}:{settings.api.port}"
    token = settings.api.token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    try:
        answer = httpx2.request(method, f"{base}/api/v1/{path}", params=query, headers=headers, timeout=30)
    except httpx2.HTTPError as error:
        raise ServiceRefused(f"{base} does not answer ({type(error).__name__}); is the service running?") from error
    if answer.status_code >= 400:
        raise ServiceRefused(f"{base} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()
