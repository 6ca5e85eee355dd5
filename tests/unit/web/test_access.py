"""Anybody on this machine; from elsewhere whoever has the token or the password."""

import base64
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from aiops_processor.web.access import Access, Credentials

BOTH = Credentials(token="t0ken", username="ops", password="pässword")
BASIC = "Basic " + base64.b64encode("ops:pässword".encode()).decode()


def client(credentials: Credentials, address: str = "192.0.2.7") -> TestClient:
    routes = [Route(path, lambda _: PlainTextResponse("in")) for path in ("/queue/status", "/health/live")]
    app = Starlette(routes=routes)
    app.add_middleware(Access)
    app.state = SimpleNamespace(credentials=credentials)  # type: ignore[assignment]
    return TestClient(app, client=(address, 4711))


def test_loopback_needs_no_credentials() -> None:
    for address in ("127.0.0.1", "::1"):
        assert client(BOTH, address).get("/queue/status").status_code == 200


def test_what_a_proxy_forwards_comes_from_elsewhere() -> None:
    answer = client(BOTH, "127.0.0.1").get("/queue/status", headers={"X-Forwarded-For": "192.0.2.7"})
    assert answer.status_code == 401


def test_without_credentials_configured_the_remedy_is_named() -> None:
    answer = client(Credentials()).get("/queue/status")
    assert answer.status_code == 403
    assert "API_TOKEN" in answer.json()["error"]


@pytest.mark.parametrize("authorization", ["Bearer t0ken", "bearer t0ken", BASIC])
def test_right_credentials_are_let_in(authorization: str) -> None:
    assert client(BOTH).get("/queue/status", headers={"Authorization": authorization}).status_code == 200


@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer ", "Basic !!", "Basic b3BzOndyb25n", "Bearer pässword".encode("latin-1")]
)
@pytest.mark.parametrize("address", ["192.0.2.7", "127.0.0.1"])
def test_wrong_credentials_are_refused_from_anywhere(authorization: str, address: str) -> None:
    answer = client(BOTH, address).get("/queue/status", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert "Basic" in answer.headers["WWW-Authenticate"]


def test_an_empty_token_lets_nobody_in() -> None:
    only_password = Credentials(username="ops", password="x")
    assert client(only_password).get("/queue/status", headers={"Authorization": "Bearer "}).status_code == 401


def test_health_is_open_to_all() -> None:
    assert client(BOTH).get("/health/live").status_code == 200
