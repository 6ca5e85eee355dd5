"""Who may ask: anybody on this machine; from elsewhere, whoever has the token or the password.

A post that is signed is let through to the endpoint that takes signed posts: only there its body is known.
"""

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aiops_processor.web import signatures

OPEN_PATHS = ("/health", "/health/", "/health/live", "/health/ready")
REMEDY = "set API_TOKEN (or API_USERNAME and API_PASSWORD) to allow requests from other machines"


@dataclass(frozen=True)
class Credentials:
    """What is accepted; empty strings are not configured. With `changes_secret` posted changes are signed."""

    token: str = ""
    username: str = ""
    password: str = ""
    changes_secret: str = ""

    @property
    def any(self) -> bool:
        return bool(self.token or self.password)

    def accept(self, authorization: str) -> bool:
        """Does this `Authorization` header prove one of them? Compared in constant time."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return bool(self.token) and _same(value.strip(), self.token)
        if scheme.lower() == "basic":
            return bool(self.password) and _same(_decoded(value), f"{self.username}:{self.password}")
        return False


class Access:
    """ASGI middleware. Credentials are demanded from any address but loopback, and must be right where given.

    Which ones is known only when the application has started: they stand in its state.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["path"] in OPEN_PATHS:
            return None
        headers = Headers(scope=scope)
        authorization = headers.get("authorization", "")
        credentials: Credentials = scope["app"].state.credentials
        if authorization and credentials.any:
            return None if credentials.accept(authorization) else _unauthorized("the credentials are wrong")
        if _from_here(scope, headers) or _to_be_verified(scope, headers, credentials):
            return None
        if not credentials.any:
            return JSONResponse({"status": "error", "error": f"no credentials are configured: {REMEDY}"}, 403)
        return _unauthorized("credentials are needed: a bearer token or a user name with its password")


def _to_be_verified(scope: Scope, headers: Headers, credentials: Credentials) -> bool:
    """Does the endpoint itself check the signature that this request says it has?"""
    return bool(credentials.changes_secret) and scope["path"] in signatures.PATHS and signatures.signed(headers)


def _from_here(scope: Scope, headers: Headers) -> bool:
    """Is the caller on this machine? What a proxy here forwards comes from elsewhere."""
    if "x-forwarded-for" in headers or "forwarded" in headers:
        return False
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _unauthorized(reason: str) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="aiops-processor"'}
    return JSONResponse({"status": "error", "error": reason}, 401, headers=challenge)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
