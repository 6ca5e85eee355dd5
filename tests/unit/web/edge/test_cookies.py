"""Which cookies are passed on."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from aiops_processor.app import create_app, create_worker_app
from aiops_processor.settings import Settings
from aiops_processor.web.edge.cookies import PlainCookies


async def cookies(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.cookies} {request.headers['x-path']}")


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ('a=1; b="' + r"\"" * 20 + '"; c=3', {"a": "1", "c": "3"}),
        (r"a=\101", {}),
        ('a="1"', {"a": "1"}),
    ],
)
def test_what_python_takes_the_square_of_its_length_to_read_is_left_out(sent: str, passed_on: dict[str, str]) -> None:
    client = TestClient(PlainCookies(Starlette(routes=[Route("/", cookies)])))
    answer = client.get("/", headers={"Cookie": sent, "X-Path": r"C:\a"})
    assert answer.text == rf"{passed_on} C:\a"


def test_nothing_of_ours_or_of_a_plugin_reads_them_before() -> None:
    for app in (create_app(Settings()), create_worker_app(Settings())):
        assert app.user_middleware[0].cls is PlainCookies
