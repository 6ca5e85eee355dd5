"""Endpoints and middleware of plugins, around and behind ours; what SIGHUP loads anew replaces what was there."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiops_processor.errors import PluginError
from aiops_processor.plugins.patience import within

log = structlog.get_logger(__name__)

PASSED, INNER = "aiops.passed", "aiops.inner"
"""Where a request carries what is called when middleware lets it through, and the application behind it."""


class Plugin(Protocol):
    """A plugin that is given an application."""

    @property
    def name(self) -> str: ...

    @property
    def function(self) -> Callable[[Any], Any]: ...


class OwnWeb:
    """What plugins add; nothing at first. `seconds` is how long middleware may take to let a request through."""

    def __init__(self) -> None:
        self.routes: FastAPI | None = None
        self.around: ASGIApp | None = None
        self.seconds = 5.0

    def use(self, routers: Sequence[Plugin], middleware: Sequence[Plugin], seconds: float, state: State) -> None:
        """From now on these. Raises PluginError; then everything stays as it was.

        A request meets middleware in the order of the names. Endpoints find our `state` as `request.app.state`.
        """
        routes = _routes(routers, state, seconds)
        around = _around(middleware, seconds)
        self.routes, self.around, self.seconds = routes, around, seconds

    async def behind(self, scope: Scope, receive: Receive, send: Send, not_found: ASGIApp) -> None:
        """Answer what none of our routes does."""
        await (self.routes or not_found)(scope, receive, send)


class AroundAll:
    """The outermost middleware: sends requests through that of plugins, where there is any.

    It may decide who comes in, so where it raises or hangs the request is refused: with 5xx, which Alertmanager tries
    again.
    """

    def __init__(self, app: ASGIApp, own: OwnWeb) -> None:
        self._app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._own.around is None:
            await self._app(scope, receive, send)
            return
        passage = _Passage({**scope, INNER: self._app}, receive, send)
        await passage.through(self._own.around, self._own.seconds)


class _Passage:
    """One request on its way through middleware."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._passed = asyncio.Event()
        self._scope = {**scope, PASSED: self._passed.set}
        self._receive = receive
        self._send = send

    async def through(self, around: ASGIApp, seconds: float) -> None:
        work = asyncio.ensure_future(_called(around, self._scope, self._receive, self._sent))
        passed = asyncio.ensure_future(self._passed.wait())
        try:
            await asyncio.wait({work, passed}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not self._passed.is_set() and not work.done():
                log.error("middleware of a plugin took too long", seconds=seconds, path=self._scope["path"])
                await self._refuse("middleware of a plugin took too long")
                return
            await self._end(work)
        finally:
            passed.cancel()
            if not work.done():
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work

    async def _end(self, work: asyncio.Future[None]) -> None:
        try:
            await work
        except Exception:  # a stranger's code may raise anything; the caller gets an answer, the log the traceback
            if self._passed.is_set():  # ours, or after ours: whoever answers such faults has seen it
                raise
            log.exception("middleware of a plugin failed", path=self._scope["path"])
            await self._refuse("middleware of a plugin failed")

    async def _sent(self, message: Message) -> None:
        self._passed.set()
        await self._send(message)

    async def _refuse(self, reason: str) -> None:
        response = JSONResponse({"status": "error", "error": reason}, 503)
        await response(self._scope, self._receive, self._send)


async def _called(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _routes(routers: Sequence[Plugin], state: State, seconds: float) -> FastAPI | None:
    """An application with the endpoints of all plugins."""
    if not routers:
        return None
    made = FastAPI(title="plugins", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    made.state = state
    for each in routers:
        _made(f"router {each.name}", lambda each=each: each.function(made), seconds)
    return made


def _around(middleware: Sequence[Plugin], seconds: float) -> ASGIApp | None:
    if not middleware:
        return None
    around: ASGIApp = _passed
    for each in reversed(middleware):
        outside = around
        around = _made(f"middleware {each.name}", lambda each=each, outside=outside: each.function(outside), seconds)
        if not callable(around):
            raise PluginError(f"middleware {each.name} gave {type(around).__name__}, not an ASGI application")
    return around


async def _passed(scope: Scope, receive: Receive, send: Send) -> None:
    scope[PASSED]()
    await scope[INNER](scope, receive, send)


def _made(what: str, make: Callable[[], Any], seconds: float) -> Any:
    """What a plugin makes. Requests wait meanwhile, at a reload: so no longer than for a call."""
    try:
        return within(seconds, what, make)
    except (Exception, SystemExit) as error:
        log.exception("a plugin failed", plugin=what)
        raise PluginError(f"{what} cannot be made: {type(error).__name__}") from error
