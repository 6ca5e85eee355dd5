"""Every route of the whole application, and what it takes to get in: a new one without its line here fails."""

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from aiops_processor.access.tokens import form_key
from aiops_processor.app import MOST_BODY_BYTES, create_app
from aiops_processor.models.access import INCLUDED, Role, Scope
from aiops_processor.settings import LogSettings, ServiceSettings, Settings

pytestmark = pytest.mark.anyio

US = "https://aiops.example"
NEEDS: dict[str, Scope | None] = {
    "GET /health": None,
    "GET /health/": None,
    "GET /health/live": None,
    "GET /health/ready": None,
    "GET /login": None,
    "POST /login": None,
    "GET /login/oidc": None,
    "GET /login/oidc/callback": None,
    "GET /static/{name:path}": None,
    "POST /webhook/alerts": Scope.INGEST,
    "POST /webhook/alerts/": Scope.INGEST,
    "POST /webhook/changes": Scope.INGEST,
    "POST /webhook/changes/": Scope.INGEST,
    "POST /webhook/slack": Scope.INGEST,
    "POST /webhook/slack/": Scope.INGEST,
    "GET /": Scope.READ,
    "GET /openapi.json": Scope.READ,
    "GET /metrics": Scope.READ,
    "GET /queue/status": Scope.READ,
    "GET /queue/status/": Scope.READ,
    "GET /incidents": Scope.READ,
    "GET /incidents/{incident_id}": Scope.READ,
    "GET /incidents/{incident_id}/": Scope.READ,
    "GET /filtered": Scope.READ,
    "GET /filtered/": Scope.READ,
    "GET /dead-letters": Scope.READ,
    "GET /dead-letters/": Scope.READ,
    "GET /dead-letters/{letter_id}": Scope.READ,
    "GET /api/v1/incidents": Scope.READ,
    "GET /api/v1/incidents/{incident_id}": Scope.READ,
    "GET /api/v1/incidents/{incident_id}/episodes": Scope.READ,
    "GET /api/v1/changes": Scope.READ,
    "GET /api/v1/dead-letters": Scope.READ,
    "GET /api/v1/dead-letters/{letter_id}": Scope.READ,
    "GET /api/v1/deliveries": Scope.READ,
    "GET /api/v1/filtered": Scope.READ,
    "GET /api/v1/watchdogs": Scope.READ,
    "POST /logout": Scope.READ,
    "POST /analyze": Scope.RESPOND,
    "POST /analyze/": Scope.RESPOND,
    "POST /incidents/{incident_id}/acknowledge": Scope.RESPOND,
    "POST /incidents/{incident_id}/withdraw": Scope.RESPOND,
    "POST /incidents/{incident_id}/retry": Scope.RESPOND,
    "POST /incidents/{incident_id}/feedback": Scope.RESPOND,
    "POST /incidents/{incident_id}/actions/{name}/{verb}": Scope.RESPOND,
    "POST /filtered/{alert_id}/analyze": Scope.RESPOND,
    "POST /dead-letters/{letter_id}/replay": Scope.RESPOND,
    "POST /dead-letters/{letter_id}/drop": Scope.RESPOND,
    "POST /api/v1/incidents/{incident_id}/acknowledge": Scope.RESPOND,
    "DELETE /api/v1/incidents/{incident_id}/acknowledge": Scope.RESPOND,
    "POST /api/v1/incidents/{incident_id}/retry": Scope.RESPOND,
    "POST /api/v1/incidents/{incident_id}/feedback": Scope.RESPOND,
    "POST /api/v1/incidents/{incident_id}/actions/{name}/approve": Scope.RESPOND,
    "POST /api/v1/incidents/{incident_id}/actions/{name}/decline": Scope.RESPOND,
    "POST /api/v1/incidents/{incident_id}/actions/{name}/ask": Scope.RESPOND,
    "POST /api/v1/deliveries/{delivery_id}/retry": Scope.RESPOND,
    "DELETE /api/v1/watchdogs/{watchdog_id}": Scope.RESPOND,
    "POST /api/v1/dead-letters/{letter_id}/replay": Scope.RESPOND,
    "DELETE /api/v1/dead-letters/{letter_id}": Scope.RESPOND,
    "POST /api/v1/filtered/{alert_id}/analyze": Scope.RESPOND,
    "GET /api/v1/tokens": Scope.ADMIN,
    "POST /api/v1/tokens": Scope.ADMIN,
    "DELETE /api/v1/tokens/{name}": Scope.ADMIN,
    "GET /api/v1/users": Scope.ADMIN,
    "PUT /api/v1/users/{name}": Scope.ADMIN,
    "DELETE /api/v1/users/{name}": Scope.ADMIN,
    "GET /api/v1/audit": Scope.ADMIN,
}
"""The scope that each route takes, None where it is open to all."""
FOR_ANYBODY = "POST /logout"
"""Ends the caller's own session, whatever their scopes."""
SIGNS_IN = "POST /login"
"""Has a key and an entry in the audit log of its own: tests/acceptance/test_strangers.py."""
CHANGING = [*sorted({line for line in NEEDS if not line.startswith("GET ")} - {SIGNS_IN, FOR_ANYBODY}), FOR_ANYBODY]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    made = create_app(
        Settings(aiops=ServiceSettings(data_dir=str(tmp_path), external_url=US), log=LogSettings(level="error"))
    )
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app, client=("192.0.2.9", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url=US) as client:
        yield client


@pytest.fixture
async def session(app: FastAPI) -> str:
    return await app.state.doors.directory.open_session("ann", Role.ADMIN, "local", timedelta(hours=1))


def routes(app: FastAPI) -> Iterator[Any]:
    for route in app.router.routes:
        included = getattr(route, "original_router", None)
        yield from included.routes if included is not None else (route,)


def asked(line: str) -> tuple[str, str]:
    """A request for a route: method and path."""
    method, path = line.split(" ")
    values = {"name:path": "console.css", "name": "nobody", "verb": "ask"}
    for part in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{part}}}", values.get(part, "77"))
    return method, path


async def sign_in(stranger: httpx2.AsyncClient, name: str, password: str) -> httpx2.Response:
    """With the form of the login page, as a browser does."""
    page = await stranger.get("/login")
    key = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    return await stranger.post("/login", data={"name": name, "password": password, "csrf": key})


async def test_every_route_is_in_the_list_with_the_scope_that_it_takes(app: FastAPI) -> None:
    found = {f"{method} {route.path}" for route in routes(app) for method in route.methods - {"HEAD"}}
    assert found == set(NEEDS)


async def test_a_token_with_every_other_scope_is_refused_on_every_route(
    app: FastAPI, stranger: httpx2.AsyncClient
) -> None:
    secrets = {
        scope: (await app.state.doors.directory.add_token(str(scope), [scope], "a test", None))[1] for scope in Scope
    }
    for line, wanted in NEEDS.items():
        method, path = asked(line)
        assert (wanted is not None) == ("credentials are needed" in (await stranger.request(method, path)).text), line
        for scope, secret in secrets.items() if wanted is not None and line != FOR_ANYBODY else ():
            answer = await stranger.request(method, path, headers={"Authorization": f"Bearer {secret}"})
            refused = answer.status_code == 403 and "it takes the scope" in answer.text
            assert refused == (wanted not in INCLUDED[scope]), f"{line} with {scope}: {answer.status_code}"


async def test_no_route_changes_anything_for_another_site_or_without_the_key_of_a_form(
    stranger: httpx2.AsyncClient, session: str
) -> None:
    cookie = {"Cookie": f"__Host-aiops_session={session}"}
    key = {"X-CSRF-Token": form_key(session)}
    elsewhere = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://["})
    for line in CHANGING:
        method, path = asked(line)
        for headers in ({}, {"X-CSRF-Token": "wrong"}, *({**key, **each} for each in elsewhere)):
            answer = await stranger.request(method, path, headers={**cookie, **headers})
            reason = answer.json()["error"]
            assert answer.status_code == 403, line
            assert "another site" in reason or "form's key" in reason, line
    assert (await stranger.get("/api/v1/tokens", headers=cookie)).status_code == 200, "the session is one"


async def test_every_route_that_changes_something_is_in_the_audit_log(
    stranger: httpx2.AsyncClient, session: str
) -> None:
    headers = {"Cookie": f"__Host-aiops_session={session}", "X-CSRF-Token": form_key(session)}
    wanted = [asked(line) for line in CHANGING if NEEDS[line] is not Scope.INGEST and line != FOR_ANYBODY]
    for method, path in wanted:
        await stranger.request(method, path, headers=headers)
    entries = (await stranger.get("/api/v1/audit?limit=200", headers=headers)).json()
    assert [(each["action"], each["target"]) for each in reversed(entries)] == wanted
    assert {each["actor"] for each in entries} == {"ann"}
    assert all(each["status"] in {404, 405, 409, 422, 400} for each in entries), "nothing of that is there"


async def test_a_cookie_that_a_neighbouring_site_can_set_is_no_session(
    stranger: httpx2.AsyncClient, session: str
) -> None:
    """`shop.example` may set cookies for all of `example`: its own session there would have others act in its name."""
    tossed = {"Cookie": f"aiops_session={session}"}
    assert (await stranger.get("/api/v1/incidents", headers=tossed)).status_code in {401, 403}
    ours = {"Cookie": f"__Host-aiops_session={session}"}
    assert (await stranger.get("/api/v1/incidents", headers=ours)).status_code == 200


async def test_who_signs_in_gets_a_new_session_whatever_the_browser_had_before(
    app: FastAPI, stranger: httpx2.AsyncClient
) -> None:
    password = "correct horse battery"
    await app.state.doors.directory.put_user("ann", password, Role.VIEWER)
    stranger.cookies.set("__Host-aiops_session", "chosen-by-somebody-else")
    signed_in = await sign_in(stranger, "ann", password)
    assert signed_in.status_code == 303
    given = signed_in.headers.get_list("set-cookie")[0]
    assert given.startswith("__Host-aiops_session=aiops_"), "none that anybody chose"
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(given.split("; "))
    planted = {"Cookie": "__Host-aiops_session=chosen-by-somebody-else"}
    stranger.cookies.clear()
    assert (await stranger.get("/api/v1/incidents", headers=planted)).status_code == 401


async def test_whoever_can_sign_in_cannot_guess_at_others_for_longer(
    app: FastAPI, stranger: httpx2.AsyncClient
) -> None:
    password = "correct horse battery"
    await app.state.doors.directory.put_user("ann", password, Role.VIEWER)
    guesses = [await sign_in(stranger, f"name {number}", "guess") for number in range(9)]
    assert {answer.status_code for answer in guesses} == {401}
    assert (await sign_in(stranger, "ann", password)).status_code == 303
    assert (await sign_in(stranger, "bob", "guess")).status_code == 401
    refused = await sign_in(stranger, "eve", "guess")
    assert refused.status_code == 429, "ten guesses from here, whoever signed in meanwhile"


async def test_what_is_wrong_with_a_body_is_said_without_repeating_it(
    stranger: httpx2.AsyncClient, session: str
) -> None:
    headers = {
        "Cookie": f"__Host-aiops_session={session}",
        "X-CSRF-Token": form_key(session),
        "Content-Type": "application/json",
    }
    routes_with_bodies = ("PUT /api/v1/users/ann", "POST /api/v1/tokens", "POST /api/v1/incidents/7/feedback")
    for line, said in itertools.product(routes_with_bodies, ('"\\ud800"', "NaN", "1e999", '{"\\ud800": 1}')):
        body = f'{{"password": {said}, "role": "a secret of somebody", "name": {said}, "said": {said}}}'
        answer = await stranger.request(*line.split(" "), content=body.encode(), headers=headers)
        assert answer.status_code == 422
        assert {"type", "loc", "msg"} == set(answer.json()["detail"][0])
        assert "a secret of somebody" not in answer.text


async def test_no_body_of_more_than_its_limit_is_read(stranger: httpx2.AsyncClient, session: str) -> None:
    """Of an endless body nothing is read past the limit, on every route that reads one."""
    headers = {
        "Cookie": f"__Host-aiops_session={session}",
        "X-CSRF-Token": form_key(session),
        "Content-Type": "application/json",
    }
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(200):
            read += 65536
            yield b" " * 65536

    for path in ("/api/v1/tokens", "/api/v1/incidents/7/feedback", "/incidents/7/feedback", "/webhook/changes"):
        read = 0
        answer = await stranger.post(path, content=endless(), headers=headers)
        assert answer.status_code == 413, path
        assert read <= MOST_BODY_BYTES + 2 * 65536, path


async def test_a_compressed_body_is_refused_before_anything_is_unpacked(
    stranger: httpx2.AsyncClient, session: str
) -> None:
    headers = {
        "Cookie": f"__Host-aiops_session={session}",
        "X-CSRF-Token": form_key(session),
        "Content-Encoding": "gzip",
    }
    for path in ("/analyze", "/webhook/alerts", "/webhook/changes", "/webhook/slack"):
        answer = await stranger.post(path, content=b"\x1f\x8b\x08", headers=headers)
        assert answer.status_code in {415, 422}, path
        assert "Content-Encoding" in answer.text, path


async def test_no_file_but_ours_is_served(stranger: httpx2.AsyncClient) -> None:
    assert (await stranger.get("/static/console.css")).status_code == 200
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static/..%2fpages.py", "/static//etc/passwd"):
        answer = await stranger.get(path)
        assert answer.status_code in {401, 403, 404}, path
        assert "import" not in answer.text, path
