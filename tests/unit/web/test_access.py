"""Anybody on this machine; from elsewhere whoever has a token, a password, a signature or a session."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocketDisconnect

from aiops_processor.access.attempts import Attempts
from aiops_processor.access.oidc import OidcOptions
from aiops_processor.errors import StorageBusy
from aiops_processor.models.access import INCLUDED, Caller, Scope
from aiops_processor.web.access import Access, Credentials, Policy
from aiops_processor.web.edge.bodies import SMALL_BYTES_AT_ONCE, BodyReader

BOTH = Credentials(token="t0ken", username="ops", password="pässword")
BASIC = "Basic " + base64.b64encode("ops:pässword".encode()).decode()
READER = Caller(name="token reader", scopes=INCLUDED[Scope.READ])
POSTER = Caller(name="token poster", scopes=INCLUDED[Scope.INGEST])
SIGNED_IN = Caller(name="ann", scopes=INCLUDED[Scope.RESPOND], form_key="k3y", browser=True)
PATHS = (
    "/queue/status",
    "/health/live",
    "/metrics",
    "/webhook/alerts",
    "/api/v1/incidents/1/retry",
    "/api/v1/tokens",
    "/incidents/1",
    "/logout",
)


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 31, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None: ...


class Known:
    """The directory, with two tokens, one session and a user; or none of them."""

    def __init__(self, *, empty: bool) -> None:
        self.empty = empty

    async def bearer(self, secret: str) -> Caller | None:
        return None if self.empty else {"reader": READER, "poster": POSTER}.get(secret)

    async def session(self, secret: str) -> Caller | None:
        return SIGNED_IN if secret == "s3ssion" else None

    async def has_tokens(self) -> bool:
        return not self.empty

    async def has_users(self) -> bool:
        return not self.empty


class Log:
    """The audit log; `away` where it cannot be written."""

    def __init__(self, *, away: bool = False) -> None:
        self.entries: list[list[Any]] = []
        self.away = away

    async def begin(self, actor: str, address: str, action: str, target: str = "", *, keep: timedelta) -> int:
        if self.away:
            raise StorageBusy("the database is locked")
        self.entries.append([actor, address, action, target, None])
        return len(self.entries) - 1

    async def end(self, number: int, status: int) -> None:
        self.entries[number][-1] = status


Make = Callable[..., TestClient]


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"in with {(await request.body()).decode()}")


async def health(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.caller.name if hasattr(request.state, "caller") else "somebody")


@pytest.fixture
def audit() -> Log:
    return Log()


@pytest.fixture
def client(audit: Log) -> Make:
    def make(
        credentials: Credentials = BOTH,
        address: str = "192.0.2.7",
        *,
        empty: bool = False,
        host: str = "localhost",
        **policy: Any,
    ) -> TestClient:
        app = Starlette(routes=[Route(path, answer, methods=["GET", "POST", "DELETE"]) for path in PATHS])
        app.routes.append(Route("/health", health))
        app.add_middleware(Access)
        doors = SimpleNamespace(
            directory=Known(empty=empty), audit=audit, attempts=Attempts(Clock()), bodies=BodyReader()
        )
        app.state = SimpleNamespace(policy=Policy(credentials, **policy), doors=doors)  # type: ignore[assignment]
        return TestClient(app, client=(address, 4711), base_url=f"http://{host}", follow_redirects=False)

    return make


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_loopback_needs_no_credentials(client: Make, address: str) -> None:
    assert client(address=address).get("/queue/status").status_code == 200


def test_loopback_can_be_asked_for_credentials_too(client: Make) -> None:
    assert client(address="127.0.0.1", trust_loopback=False).get("/queue/status").status_code == 401


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto", "Via"])
@pytest.mark.parametrize("value", ["192.0.2.7", "127.0.0.1", ""])
def test_what_a_proxy_forwards_comes_from_elsewhere(client: Make, name: str, value: str) -> None:
    assert client(address="127.0.0.1").get("/queue/status", headers={name: value}).status_code == 401


def test_a_name_that_is_not_this_machines_is_a_strangers_trick(client: Make) -> None:
    """DNS rebinding: evil.example resolves to 127.0.0.1, and the browser takes our answers for evil.example's."""
    assert client(address="127.0.0.1", host="evil.example").get("/queue/status").status_code == 401
    known = client(address="127.0.0.1", host="aiops.example", hosts=frozenset({"aiops.example"}))
    assert known.get("/queue/status").status_code == 200
    assert client(address="127.0.0.1", host="[::1]").get("/queue/status").status_code == 200


def test_without_credentials_configured_the_remedy_is_named(client: Make) -> None:
    answer = client(Credentials(), empty=True).get("/queue/status")
    assert answer.status_code == 403
    assert "API_TOKEN" in answer.json()["error"]


@pytest.mark.parametrize("authorization", ["Bearer t0ken", "bearer t0ken", BASIC])
def test_right_credentials_are_let_in(client: Make, authorization: str) -> None:
    assert client().get("/queue/status", headers={"Authorization": authorization}).status_code == 200


@pytest.mark.parametrize(
    "authorization", ["Bearer wrong", "Bearer ", "Basic !!", "Basic b3BzOndyb25n", "Bearer pässword".encode("latin-1")]
)
@pytest.mark.parametrize("address", ["192.0.2.7", "127.0.0.1"])
def test_wrong_credentials_are_refused_from_anywhere(client: Make, authorization: str, address: str) -> None:
    answer = client(address=address).get("/queue/status", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert "Basic" in answer.headers["WWW-Authenticate"]


def test_an_empty_token_lets_nobody_in(client: Make) -> None:
    only_password = client(Credentials(username="ops", password="x"), empty=True)
    assert only_password.get("/queue/status", headers=bearer("")).status_code == 401


def test_passwords_cannot_be_guessed_for_long(client: Make) -> None:
    asking = client()
    wrong = {"Authorization": "Basic " + base64.b64encode(b"ops:guess").decode()}
    assert {asking.get("/queue/status", headers=wrong).status_code for _ in range(10)} == {401}
    answer = asking.get("/queue/status", headers={"Authorization": BASIC})
    assert (answer.status_code, "too often" in answer.json()["error"]) == (401, True)
    assert asking.get("/queue/status", headers=bearer("t0ken")).status_code == 200, "a token cannot be guessed"


def test_nobody_can_guess_for_longer_with_the_addresses_that_everybody_has(client: Make) -> None:
    wrong = {"Authorization": "Basic " + base64.b64encode(b"ops:guess").decode()}
    asking = [client(address=f"2001:db8:0:1::{number}") for number in range(11)]
    for each in asking[1:]:
        each.app.state.doors = asking[0].app.state.doors  # type: ignore[attr-defined]
    answers = [each.get("/queue/status", headers=wrong).json()["error"] for each in asking]
    assert ["too often" in said for said in answers] == [False] * 10 + [True]


def test_health_is_open_to_all_and_knows_who_may_read_more(client: Make) -> None:
    asking = client()
    known = [asking.get("/health", headers=bearer(token)).text for token in ("reader", "poster", "wrong")]
    assert known == ["token reader", "somebody", "somebody"]
    assert asking.get("/health").text == "somebody"
    assert client(address="127.0.0.1").get("/health").text == "this machine"
    assert session(client()).get("/health").text == "ann"


def test_health_is_open_to_all_and_metrics_where_the_settings_say_so(client: Make) -> None:
    assert client().get("/health/live").status_code == 200
    assert client().get("/metrics").status_code == 401
    assert client(open_metrics=True).get("/metrics").status_code == 200
    assert client(open_metrics=True).post("/metrics").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/queue/status", "reader", 200),
        ("GET", "/queue/status", "poster", 403),
        ("POST", "/webhook/alerts", "poster", 200),
        ("POST", "/webhook/alerts", "reader", 403),
        ("POST", "/api/v1/incidents/1/retry", "reader", 403),
        ("GET", "/api/v1/tokens", "reader", 403),
        ("POST", "/api/v1/tokens", "t0ken", 200),
        ("GET", "/queue/status", "unknown", 401),
    ],
)
def test_a_token_opens_what_its_scopes_say(client: Make, method: str, path: str, token: str, status: int) -> None:
    assert client().request(method, path, headers=bearer(token)).status_code == status


def signed(body: bytes, secret: str) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def test_a_signed_body_is_taken_and_nothing_else_is_opened_by_it(client: Make) -> None:
    asking = client(signing_secret="shared")
    right = asking.post("/webhook/alerts", content=b"body", headers=signed(b"body", "shared"))
    assert (right.status_code, right.text) == (200, "in with body")
    assert asking.post("/webhook/alerts", content=b"other", headers=signed(b"body", "shared")).status_code == 401
    assert asking.post("/webhook/alerts", content=b"body", headers=signed(b"body", "")).status_code == 401
    assert asking.post("/api/v1/tokens", content=b"", headers=signed(b"", "shared")).status_code == 401
    large = b"x" * (1024 * 1024 + 1)
    assert asking.post("/webhook/alerts", content=large, headers=signed(large, "shared")).status_code == 413


@pytest.mark.anyio
async def test_bodies_whose_signature_is_still_to_be_seen_do_not_fill_the_memory_together(client: Make) -> None:
    app: Any = client(signing_secret="shared").app
    most = 1024 * 1024
    statuses = await asyncio.gather(*(posted(app, b"x" * most) for _ in range(SMALL_BYTES_AT_ONCE // most + 8)))
    assert statuses.count(503) == 8
    assert set(statuses) == {401, 503}
    assert await posted(app, b"x") == 401, "there is room again"


async def posted(app: ASGIApp, body: bytes) -> int:
    """The status for a body with a wrong signature, whose end comes later."""
    statuses: list[int] = []
    parts = [body, b""]

    async def receive() -> Message:
        part = parts.pop(0)
        if not part:
            for _ in range(1000):  # so that all others are read meanwhile
                await asyncio.sleep(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Message) -> None:
        statuses.append(message.get("status", 0))

    headers = [(b"x-hub-signature-256", b"sha256=00")]
    scope = {"type": "http", "method": "POST", "path": "/webhook/alerts", "headers": headers, "query_string": b""}
    await app({**scope, "client": ("192.0.2.7", 1), "scheme": "http"}, receive, send)
    return statuses[0]


@pytest.mark.anyio
async def test_whoever_breaks_off_in_the_middle_is_no_error_of_ours(client: Make) -> None:
    app: Any = client(signing_secret="shared").app

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError("nobody is there")

    headers = [(b"x-hub-signature-256", b"sha256=00")]
    scope = {"type": "http", "method": "POST", "path": "/webhook/alerts", "headers": headers, "query_string": b""}
    await app({**scope, "client": ("192.0.2.7", 1), "scheme": "http"}, receive, send)


def test_without_a_secret_a_signature_proves_nothing(client: Make) -> None:
    assert client().post("/webhook/alerts", content=b"body", headers=signed(b"body", "")).status_code == 401


def session(asking: TestClient) -> TestClient:
    asking.cookies.set("aiops_session", "s3ssion")
    return asking


def test_over_tls_only_a_cookie_that_nobody_else_can_set_is_a_session(client: Make) -> None:
    assert session(client()).get("/queue/status").status_code == 200
    assert session(client(secure=True)).get("/queue/status").status_code == 401


def test_a_session_reads_and_changes_with_the_key_of_its_forms(client: Make) -> None:
    asking = session(client())
    path = "/api/v1/incidents/1/retry"
    assert asking.get("/queue/status").status_code == 200
    assert asking.post(path).status_code == 403
    assert asking.post(path, data={"csrf": "wrong"}).status_code == 403
    assert asking.post(path, headers={"X-CSRF-Token": "k3y"}).status_code == 200
    form = asking.post(path, data={"csrf": "k3y", "by": "ann"})
    assert (form.status_code, form.text) == (200, "in with csrf=k3y&by=ann")
    assert asking.post("/api/v1/tokens", headers={"X-CSRF-Token": "k3y"}).status_code == 403, "no administrator"


ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
)


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_another_site_cannot_make_a_browser_change_anything(client: Make, headers: dict[str, str]) -> None:
    for path in ("/webhook/alerts", "/api/v1/tokens"):
        here = client(address="127.0.0.1").post(path, headers=headers)
        assert (here.status_code, "another site" in here.json()["error"]) == (403, True)
    asking = session(client())
    assert asking.post("/api/v1/incidents/1/retry", headers={"X-CSRF-Token": "k3y", **headers}).status_code == 403


def test_our_own_pages_and_programs_on_this_machine_may_change_things(client: Make) -> None:
    here = client(address="127.0.0.1")
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
        assert here.post("/api/v1/tokens", headers=headers).status_code == 200


def test_a_change_is_in_the_audit_log_and_a_post_of_alertmanager_is_not(client: Make, audit: Log) -> None:
    asking = client()
    asking.delete("/api/v1/tokens?x=1", headers=bearer("t0ken"))
    asking.post("/webhook/alerts", headers=bearer("poster"))
    asking.get("/api/v1/tokens", headers=bearer("t0ken"))
    assert audit.entries == [["the token of the settings", "192.0.2.7", "DELETE", "/api/v1/tokens?x=1", 200]]


def test_a_token_that_somebody_put_into_the_address_is_not_in_the_audit_log(client: Make, audit: Log) -> None:
    client().delete("/api/v1/tokens?token=pl4nted-token-1&by=ann", headers=bearer("t0ken"))
    ((_, _, _, target, _),) = audit.entries
    assert "pl4nted" not in target
    assert target.endswith("&by=ann")


def test_what_cannot_be_written_down_is_not_done(client: Make, audit: Log) -> None:
    audit.away = True
    answer = client().post("/api/v1/tokens", headers=bearer("t0ken"))
    assert (answer.status_code, answer.json()["error"]) == (503, "the database is locked")


def test_a_browser_that_nobody_knows_is_led_to_the_login(client: Make) -> None:
    page = {"Accept": "text/html,*/*"}
    answer = client().get("/incidents/1", headers=page)
    assert (answer.status_code, answer.headers["location"]) == (303, "../login?next=incidents/1")
    assert client(empty=True).get("/incidents/1", headers=page).status_code == 401, "nobody could sign in"
    provider = OidcOptions(issuer="https://id.example", client_id="us", redirect_uri="https://us.example")
    assert client(empty=True, oidc=provider).get("/incidents/1", headers=page).status_code == 303


@pytest.mark.parametrize("path", ["/queue/status", "/health/live", "/nowhere"])
@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.7"])
def test_every_answer_tells_browsers_to_run_nothing_of_others(client: Make, path: str, address: str) -> None:
    headers = client(address=address).get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_nothing_of_ours_is_a_websocket(client: Make) -> None:
    asking = client(address="127.0.0.1")
    with pytest.raises(WebSocketDisconnect), asking.websocket_connect("/queue/status"):
        pass
