"""Counts how posts of alerts are answered, whoever answers them: access and plugins refuse some before we see them."""

from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Counting:
    """ASGI middleware, outside of all that answers: posts to these paths, by status.

    A fault is 500, which is what the server makes of it; `none` where the sender broke off, and nobody was left.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app = app
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        status: int | str = "none"

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception:
            status = 500 if status == "none" else status
            raise
        finally:
            scope["app"].state.service.metrics.webhooks.labels(str(status)).inc()
