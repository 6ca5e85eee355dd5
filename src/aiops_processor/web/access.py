"""Who may ask: whoever has a token, a password or a session; without any of them, only this machine.

Every request passes here, and every change leaves an entry in the audit log before it is made.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request, cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiops_processor.access import signature, slack
from aiops_processor.access.attempts import Attempts, counted_as
from aiops_processor.access.audit import Audit
from aiops_processor.access.directory import Directory
from aiops_processor.access.oidc import OidcOptions
from aiops_processor.access.scopes import INGEST_BELOW, SAFE, is_change, needed
from aiops_processor.clock import Clock
from aiops_processor.errors import BodyTooLarge, InputError, StorageError
from aiops_processor.masking import Mask
from aiops_processor.models.access import Caller
from aiops_processor.models.access import Scope as Allowed
from aiops_processor.storage.database import Database
from aiops_processor.web import signatures
from aiops_processor.web.console.forms import fields
from aiops_processor.web.edge.bodies import BodyReader
from aiops_processor.web.edge.headers import HEADERS, OVER_TLS

log = structlog.get_logger(__name__)

REMEDY = "set API_TOKEN, or make a token or a user on this machine (`aiops tokens create`, `aiops users add`)"
COOKIE = "aiops_session"
FORM_FIELD = "csrf"
FORM_HEADER = "x-csrf-token"
FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 64 * 1024
METRICS = "/metrics"
FOR_READERS = frozenset({"/health", "/health/"})
"""Open to all, and tell more to whoever may read."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Any of these says that a proxy has it from elsewhere."""
SLACK = ("/webhook/slack", "/webhook/slack/")
THIS_MACHINE = Caller(name="this machine", scopes=frozenset(Allowed), browser=True)


@dataclass(frozen=True)
class Credentials:
    """What the settings accept, for everything; empty strings are not configured.

    With `changes_secret` posted changes may be signed instead, with `slack_secret` what is pressed in Slack is; their
    endpoints check that.
    """

    token: str = ""
    username: str = ""
    password: str = ""
    changes_secret: str = ""
    slack_secret: str = ""

    @property
    def any(self) -> bool:
        return bool(self.token or self.password)

    def accept(self, authorization: str) -> bool:
        """Does this `Authorization` header prove one of them? Compared in constant time."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return bool(self.token) and same(value.strip(), self.token)
        if scheme.lower() == "basic":
            return bool(self.password) and same(_decoded(value), f"{self.username}:{self.password}")
        return False


@dataclass(frozen=True)
class Policy:
    """What the settings say of access.

    `hosts` are names by which a browser on this machine may call us, besides addresses and localhost: with any other
    name a page of a stranger could have led it here (DNS rebinding).
    """

    credentials: Credentials = Credentials()
    signing_secret: str = ""
    trust_loopback: bool = True
    open_metrics: bool = False
    hosts: frozenset[str] = frozenset()
    session: timedelta = timedelta(hours=12)
    audit_kept: timedelta = timedelta(days=365)
    secure: bool = False
    oidc: OidcOptions | None = None


@dataclass(frozen=True)
class Doors:
    """What decides who comes in, in a running process. `bodies` bounds what strangers may have us read together."""

    directory: Directory
    audit: Audit
    attempts: Attempts
    bodies: BodyReader = field(default_factory=BodyReader)

    @classmethod
    def of(cls, database: Database, clock: Clock) -> "Doors":
        return cls(Directory(database, clock), Audit(database, clock), Attempts(clock))


@dataclass
class Asked:
    """One request on its way in. `receive` gives its body, from the beginning, whoever has looked into it."""

    scope: Scope
    receive: Receive
    headers: Headers = field(init=False)

    def __post_init__(self) -> None:
        self.headers = Headers(scope=self.scope)

    @property
    def method(self) -> str:
        return self.scope["method"]

    @property
    def path(self) -> str:
        return self.scope["path"]

    @property
    def policy(self) -> Policy:
        return self.scope["app"].state.policy

    @property
    def doors(self) -> Doors:
        return self.scope["app"].state.doors

    @property
    def address(self) -> str:
        """Where it comes from, as a proxy on this machine says or as the connection does."""
        client = self.scope.get("client")
        return client[0] if client else ""

    @property
    def session_secret(self) -> str:
        """Where we are reached over TLS a neighbouring site can set any cookie but one whose name begins `__Host-`."""
        return cookie_parser(self.headers.get("cookie", "")).get(cookie_name(COOKIE, secure=self.secure), "")

    @property
    def secure(self) -> bool:
        return self.policy.secure or self.scope["scheme"] == "https"

    async def body(self, most: int) -> bytes | None:
        """The whole of it, which is given again to whoever comes after us; None where it is longer."""
        seen: list[Message] = []
        size = 0
        while size <= most:
            message = await self.receive()
            seen.append(message)
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        self.give_again(*seen)
        return b"".join(message.get("body", b"") for message in seen) if size <= most else None

    def give_again(self, *seen: Message) -> None:
        """Let whoever comes after us begin with these."""
        waiting, rest = list(seen), self.receive

        async def again() -> Message:
            return waiting.pop(0) if waiting else await rest()

        self.receive = again


class Access:
    """ASGI middleware. Lets in who may, with `request.state.caller`; refuses all others.

    The rules are known only when the application has started: `policy` and `doors` stand in its state.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._mask = Mask()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing of ours is one, so nothing of ours needs to guard one
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Asked(scope, receive)
        if not asked.path.startswith(INGEST_BELOW):
            send = _with_headers(send, scope)
        try:
            refusal = await self._answer(asked, send)
        except StorageError as error:
            refusal = _problem(str(error), 503)
        except ClientDisconnect:  # in the middle of a body: nobody is left to be answered, and nothing was taken
            log.info("a sender broke off", path=asked.path)
            return
        if refusal is not None:
            await refusal(scope, receive, send)

    async def _answer(self, asked: Asked, send: Send) -> Response | None:
        """None when it was answered; else why it is not."""
        scope = needed(asked.method, asked.path)
        if scope is None or (asked.policy.open_metrics and asked.path == METRICS and asked.method in SAFE):
            if asked.path in FOR_READERS:
                await _recognise(asked)
            await self._app(asked.scope, asked.receive, send)
            return None
        caller = await _caller(asked)
        if isinstance(caller, Response):
            return caller
        if not caller.may(scope) and asked.path != "/logout":
            return _problem(f"{caller.name} may not do this: it takes the scope {scope}", 403)
        if caller.browser and asked.method not in SAFE and (reason := await _forged(asked, caller)):
            return _problem(reason, 403)
        asked.scope.setdefault("state", {})["caller"] = caller
        if not is_change(asked.method, asked.path):
            await self._app(asked.scope, asked.receive, send)
            return None
        await self._audited(asked, caller, send)
        return None

    async def _audited(self, asked: Asked, caller: Caller, send: Send) -> None:
        audit, status = asked.doors.audit, 500
        query = asked.scope.get("query_string", b"").decode("ascii", "replace")
        # Somebody may have put a token there, in vain: it is not to stand where every admin reads it.
        target = f"{asked.path}?{self._mask.text(query)}" if query else asked.path
        number = await audit.begin(caller.name, asked.address, asked.method, target, keep=asked.policy.audit_kept)

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(asked.scope, asked.receive, noted)
        finally:
            await asyncio.shield(audit.end(number, status))


async def _recognise(asked: Asked) -> None:
    """Let what is open to all know whoever may read. A store that is away is no reason to answer nobody."""
    here = asked.policy.trust_loopback and from_here(asked)
    try:
        caller = THIS_MACHINE if here else await _caller(asked)
    except StorageError:
        return
    if isinstance(caller, Caller) and caller.may(Allowed.READ):
        asked.scope.setdefault("state", {})["caller"] = caller


async def _caller(asked: Asked) -> Caller | Response:
    """Who asks, or the answer to whom we do not know."""
    policy, directory = asked.policy, asked.doors.directory
    authorization = asked.headers.get("authorization", "")
    configured = policy.credentials.any or await directory.has_tokens()
    if authorization and configured:
        return await _of_header(asked, authorization)
    if (signer := _signer(asked)) is not None:
        return signer
    if policy.signing_secret and asked.path.startswith(INGEST_BELOW) and signature.HEADER in asked.headers:
        return await _of_signature(asked)
    if (secret := asked.session_secret) and (found := await directory.session(secret)):
        return found
    if policy.trust_loopback and from_here(asked):
        return THIS_MACHINE
    return await _stranger(asked, configured=configured)


def _signer(asked: Asked) -> Caller | None:
    """Who says that a post is signed with a secret of its own; whether it is, is checked where the body is read."""
    credentials = asked.policy.credentials
    ingest = frozenset({Allowed.INGEST})
    if credentials.changes_secret and asked.path in signatures.PATHS and signatures.signed(asked.headers):
        return Caller(name="a signature", scopes=ingest)
    if credentials.slack_secret and asked.path in SLACK and slack.SIGNATURE in asked.headers:
        return Caller(name="Slack", scopes=ingest)
    return None


async def _of_header(asked: Asked, authorization: str) -> Caller | Response:
    """Only names and passwords can be guessed, so only they are counted."""
    attempts, guessable = asked.doors.attempts, authorization[:6].lower() == "basic "
    if guessable and attempts.wait(counted_as(asked.address)):
        return _unauthorized("the credentials were wrong too often; wait five minutes")
    if asked.policy.credentials.accept(authorization):
        return Caller(name="the token of the settings", scopes=frozenset(Allowed))
    scheme, _, value = authorization.partition(" ")
    found = await asked.doors.directory.bearer(value.strip()) if scheme.lower() == "bearer" else None
    if found is None and guessable:
        attempts.failed(counted_as(asked.address))
    return found or _unauthorized("the credentials are wrong")


async def _of_signature(asked: Asked) -> Caller | Response:
    try:
        async with asked.doors.bodies.read(Request(asked.scope, asked.receive), signature.MOST_BYTES) as body:
            signed = signature.is_signed(body, asked.headers[signature.HEADER], asked.policy.signing_secret)
    except BodyTooLarge:
        return _problem(f"a signed body is at most {signature.MOST_BYTES} bytes; send it with a token", 413)
    except InputError as error:
        return _problem(str(error), 415)
    if not signed:
        return _unauthorized("the signature is not one made with API_SIGNING_SECRET")
    asked.give_again({"type": "http.request", "body": body, "more_body": False})
    return Caller(name="a signature", scopes=frozenset({Allowed.INGEST}))


async def _stranger(asked: Asked, *, configured: bool) -> Response:
    people = asked.policy.oidc is not None or await asked.doors.directory.has_users()
    if people and asked.method in SAFE and "text/html" in asked.headers.get("accept", ""):
        root = "../" * (asked.path.count("/") - 1) or "./"
        return RedirectResponse(f"{root}login?next={asked.path.lstrip('/')}", 303)
    if not (configured or people or asked.policy.signing_secret):
        return _problem(f"no credentials are configured: {REMEDY}", 403)
    return _unauthorized("credentials are needed: a bearer token or a user name with its password")


async def _forged(asked: Asked, caller: Caller) -> str | None:
    """Why this may be another site's doing (CSRF), None where it is not.

    A browser says where a request comes from: `Sec-Fetch-Site` or, an older one, `Origin`. What says neither is no
    browser's. For a session the form's key is demanded besides, which another site cannot read.
    """
    if not same_site(asked.headers):
        return "another site made this request; nothing was done"
    if not caller.form_key:
        return None
    given = asked.headers.get(FORM_HEADER, "")
    if not given and asked.headers.get("content-type", "").startswith(FORM):
        given = fields(await asked.body(MOST_FORM_BYTES)).get(FORM_FIELD, "")
    if same(given, caller.form_key):
        return None
    return f"the form's key is missing or old: load the page again (field {FORM_FIELD!r}, or header {FORM_HEADER})"


def cookie_name(name: str, *, secure: bool) -> str:
    """With `__Host-` a browser takes a cookie over TLS only, from nobody but us (RFC 6265bis, 4.1.3.2)."""
    return f"__Host-{name}" if secure else name


def same_site(headers: Headers) -> bool:
    """Does this come from a page of ours, or from no page at all?"""
    fetched = headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched in {"same-origin", "none"}
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:
        return False  # no page of ours is at what is no address


def from_here(asked: Asked) -> bool:
    """Is the caller on this machine, and does it call us by a name of this machine? What a proxy forwards is not."""
    if any(name in asked.headers for name in FORWARDED):
        return False
    return _is_loopback(asked.address) and _is_ours(asked.headers.get("host", ""), asked.policy.hosts)


@lru_cache(maxsize=256)  # asked of every request, and few
def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _is_ours(host: str, known: frozenset[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if not name or name == "localhost" or name.endswith(".localhost") or name in known:
        return True  # without a name (HTTP/1.0) it is no browser
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send, scope: Scope) -> Send:
    wanted = {**HEADERS, **(OVER_TLS if scope["scheme"] == "https" else {})}

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in wanted.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def _problem(reason: str, status: int) -> Response:
    return JSONResponse({"status": "error", "error": reason}, status)


def _unauthorized(reason: str) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="aiops-processor"'}
    return JSONResponse({"status": "error", "error": reason}, 401, headers=challenge)


def same(given: str, wanted: str) -> bool:
    """Compared in constant time: how long it takes tells nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
