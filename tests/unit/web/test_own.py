"""Endpoints and middleware of plugins: behind and around ours, and refused where they fail."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from aiops_processor.errors import PluginError
from aiops_processor.parts.plugging import Named
from aiops_processor.web.own import AroundAll, OwnWeb

pytestmark = pytest.mark.anyio


@pytest.fixture
def app() -> FastAPI:
    """An application as ours is put together: one endpoint, one that fails, and what plugins add."""
    made, own = FastAPI(redirect_slashes=False), OwnWeb()
    made.state.own, made.state.service = own, "the service"
    not_found = made.router.default

    @made.get("/ours")
    async def ours() -> str:
        return "ours"

    @made.get("/fails")
    async def fails() -> str:
        raise RuntimeError("ours failed")

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        await own.behind(scope, receive, send, not_found)

    made.router.default = behind
    made.add_middleware(AroundAll, own=own)
    return made


def use(app: FastAPI, *, router: Any = None, middleware: tuple[Any, ...] = (), seconds: float = 30) -> None:
    routers = [Named("mine", router)] if router else []
    around = [Named(f"mine{number}", each) for number, each in enumerate(middleware)]
    app.state.own.use(routers, around, seconds, app.state)


def test_endpoints_that_are_never_made_are_given_up_and_the_old_ones_stay(app: FastAPI) -> None:
    use(app, router=lambda mine: mine.get("/old")(lambda: "old"))
    before = app.state.own.routes
    with pytest.raises(PluginError, match="router mine cannot be made: TooSlow"):
        use(app, router=lambda _: threading.Event().wait(), seconds=0.05)
    assert app.state.own.routes is before


async def get(app: FastAPI, path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://aiops") as client:
        return await client.get(path)


def header(name: str) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware that adds a header."""

    def around(inner: ASGIApp) -> ASGIApp:
        async def called(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"].append((b"x-way", name.encode()))
                await send(message)

            await inner(scope, receive, sent)

        return called

    return around


def that(behaviour: Callable[..., Any]) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware that does this instead of letting a request through."""

    def around(inner: ASGIApp) -> ASGIApp:
        async def called(scope: Scope, receive: Receive, send: Send) -> None:
            await behaviour(inner, scope, receive, send)

        return called

    return around


async def test_endpoints_stand_behind_ours_and_know_our_service(app: FastAPI) -> None:
    def router(sub: FastAPI) -> None:
        @sub.get("/ours")
        @sub.get("/mine")
        def mine() -> str:
            return sub.state.service

    assert (await get(app, "/mine")).status_code == 404
    use(app, router=router)
    assert [(await get(app, path)).json() for path in ("/mine", "/ours")] == ["the service", "ours"]
    assert (await get(app, "/other")).status_code == 404
    use(app)
    assert (await get(app, "/mine")).status_code == 404


async def test_a_request_meets_middleware_in_the_order_of_the_names(app: FastAPI) -> None:
    use(app, middleware=(header("first"), header("second")))
    answer = await get(app, "/ours")
    assert (answer.json(), answer.headers.get_list("x-way")) == ("ours", ["second", "first"])


async def test_what_fails_in_ours_is_not_blamed_on_middleware(app: FastAPI) -> None:
    use(app, middleware=(header("first"),))
    answer = await get(app, "/fails")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


async def test_middleware_may_refuse(app: FastAPI) -> None:
    async def refuse(inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    use(app, middleware=(that(refuse),))
    assert (await get(app, "/ours")).status_code == 401


async def test_middleware_that_raises_lets_nobody_in(app: FastAPI) -> None:
    async def broken(inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("hunter2")

    use(app, middleware=(that(broken),))
    answer = await get(app, "/ours")
    assert (answer.status_code, answer.json()["error"]) == (503, "middleware of a plugin failed")


async def test_middleware_that_hangs_lets_nobody_in_for_longer_than_its_time(app: FastAPI) -> None:
    async def hang(inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    use(app, middleware=(that(hang),), seconds=0.05)
    answer = await get(app, "/ours")
    assert (answer.status_code, answer.json()["error"]) == (503, "middleware of a plugin took too long")


@pytest.mark.parametrize(
    ("router", "middleware", "said"),
    [
        (lambda app: app.nothing(), None, "router mine cannot be made: AttributeError"),
        (None, lambda app: 1 / 0, "middleware mine0 cannot be made: ZeroDivisionError"),
        (None, lambda app: None, "middleware mine0 gave NoneType, not an ASGI application"),
    ],
)
async def test_what_cannot_be_made_changes_nothing(app: FastAPI, router: Any, middleware: Any, said: str) -> None:
    use(app, middleware=(header("old"),))
    with pytest.raises(PluginError, match=said):
        use(app, router=router, middleware=(middleware,) if middleware else ())
    assert (await get(app, "/ours")).headers["x-way"] == "old"
