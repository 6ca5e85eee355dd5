"""Signing in at an OpenID provider: a small one that speaks the real protocol over HTTP, honest and then not."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from aiops_processor.app import create_app
from aiops_processor.settings import LogSettings, OidcSettings, ServiceSettings, Settings

pytestmark = pytest.mark.anyio

CLIENT = "aiops"
SECRET = "between the two of us"
US = "http://aiops.example"


class OpenIdProvider:
    """Discovery, keys, token endpoint (code, PKCE, client secret). `claims` are put over what is true."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.signing: Any = self.key
        self.claims: dict[str, Any] = {"sub": "7", "preferred_username": "ann", "groups": ["everybody", "sre"]}
        self.algorithm = "RS256"
        self.codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def authorize(self, address: str) -> dict[str, str]:
        """What a browser that follows this address, and whose user agrees, is sent back with."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == f"{US}/login/oidc/callback"
        code = f"code {len(self.codes)}"
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def answer(self, path: str, form: dict[str, list[str]], authorization: str) -> tuple[int, Any]:
        if path.endswith("/.well-known/openid-configuration"):
            named = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
            return 200, {"issuer": self.issuer, **{key: f"{self.issuer}/{place}" for key, place in named.items()}}
        if path.endswith("/keys"):
            return 200, {"keys": [self.key.as_dict(private=False)]}
        asked = self.codes.pop(form.get("code", [""])[0], None)
        wanted = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", [""])[0].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or authorization != wanted or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.token(asked["nonce"])}

    def token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims}
        header = {"alg": self.algorithm, "kid": "one"}
        if self.algorithm == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
            return b".".join((*parts, b"")).decode()
        return jwt.encode(header, claims, self.signing)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def _answer(self, form: dict[str, list[str]]) -> None:
            status, content = provider.answer(self.path, form, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's

    return Handler


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    made = OpenIdProvider()
    yield made
    made.close()


@pytest.fixture
async def browser(provider: OpenIdProvider, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(
        aiops=ServiceSettings(data_dir=str(tmp_path), external_url=US),
        log=LogSettings(level="error"),
        oidc=OidcSettings.model_validate(
            {
                "issuer": provider.issuer,
                "client_id": CLIENT,
                "client_secret": SECRET,
                "roles": {"sre": "responder", "leads": "admin"},
            }
        ),
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app, client=("192.0.2.9", 4711))
        async with httpx2.AsyncClient(transport=transport, base_url=US, headers={"Accept": "text/html"}) as client:
            yield client


async def sign_in(browser: httpx2.AsyncClient, provider: OpenIdProvider, **changes: str) -> httpx2.Response:
    started = await browser.get("/login/oidc?next=incidents")
    assert started.status_code == 303, started.text
    back = {**provider.authorize(started.headers["location"]), **changes}
    return await browser.get("/login/oidc/callback", params=back)


async def test_whoever_the_provider_knows_comes_in_with_the_role_of_the_claim(
    browser: httpx2.AsyncClient, provider: OpenIdProvider
) -> None:
    assert (await browser.get("/")).headers["location"] == "./login?next="
    assert "Sign in with 127.0.0.1" in (await browser.get("/login")).text
    answer = await sign_in(browser, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "../../incidents")
    page = await browser.get("/")
    assert page.status_code == 200
    assert "ann" in page.text
    assert (await browser.get("/api/v1/tokens")).status_code == 403, "a responder is no administrator"
    provider.claims["groups"] = "leads"
    await sign_in(browser, provider)
    (entry, *_) = (await browser.get("/api/v1/audit")).json()
    assert (entry["actor"], entry["action"], entry["target"], entry["status"]) == ("ann", "sign in", "oidc", 303)


LIES: dict[str, dict[str, Any]] = {
    "made for another application": {"aud": "other"},
    "made by another provider": {"iss": "https://evil.example"},
    "over": {"exp": 1},
    "of another sign-in": {"nonce": "another"},
    "of nobody": {"sub": None},
    "without a role": {"groups": ["everybody"]},
    "without the claim": {"groups": None},
    "with a claim of another kind": {"groups": {"sre": True}},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_proves_nothing_lets_nobody_in(
    browser: httpx2.AsyncClient, provider: OpenIdProvider, lie: str
) -> None:
    provider.claims |= LIES[lie]
    assert (await sign_in(browser, provider)).status_code == 403
    assert (await browser.get("/")).status_code == 303


async def test_a_signature_of_another_or_none_is_not_taken(
    browser: httpx2.AsyncClient, provider: OpenIdProvider
) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": "one"})
    assert (await sign_in(browser, provider)).status_code == 403
    provider.algorithm = "none"
    assert (await sign_in(browser, provider)).status_code == 403


async def test_a_code_is_good_for_the_browser_that_began_and_once(
    browser: httpx2.AsyncClient, provider: OpenIdProvider
) -> None:
    assert (await sign_in(browser, provider, state="another")).status_code == 403
    assert (await sign_in(browser, provider, code="another")).status_code == 403
    started = await browser.get("/login/oidc")
    back = provider.authorize(started.headers["location"])
    browser.cookies.clear()  # another browser, led here by the thief of a code
    assert (await browser.get("/login/oidc/callback", params=back)).status_code == 403
    assert (await browser.get("/")).status_code == 303


async def test_codes_cannot_be_tried_for_long(browser: httpx2.AsyncClient, provider: OpenIdProvider) -> None:
    """A stranger makes up code and cookie alike; each try costs the provider a question."""
    for number in range(10):
        assert (await sign_in(browser, provider, code=f"invented {number}")).status_code == 403
    answer = await sign_in(browser, provider)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)


async def test_a_provider_that_is_away_is_said(browser: httpx2.AsyncClient, provider: OpenIdProvider) -> None:
    provider.close()
    answer = await browser.get("/login/oidc")
    assert (answer.status_code, "does not answer" in answer.text) == (502, True)
