"""Cookies as no browser sends them are taken out before anything reads them."""

from starlette.types import ASGIApp, Receive, Scope, Send


class PlainCookies:
    """ASGI middleware, the outermost. A cookie with a backslash, which RFC 6265 allows in none, is not passed on.

    Python before 3.11.10 and 3.12.6 takes the square of its length to unescape one (CVE-2024-7592): 62 kB took four
    seconds, in which nobody else was answered. FastAPI reads the cookies of every request, whoever asks for them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(name == b"cookie" and b"\\" in value for name, value in scope.get("headers", ())):
            scope = {**scope, "headers": [(name, _plain(name, value)) for name, value in scope["headers"]]}
        await self._app(scope, receive, send)


def _plain(name: bytes, value: bytes) -> bytes:
    return b";".join(each for each in value.split(b";") if b"\\" not in each) if name == b"cookie" else value
