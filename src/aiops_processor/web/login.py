"""Signing in and out: local users by a form, others at an OpenID provider."""

import re
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import cookie_parser

from aiops_processor.access.attempts import counted_as
from aiops_processor.access.oidc import OidcOptions, Provider
from aiops_processor.access.tokens import form_key, new_token
from aiops_processor.errors import AiopsError
from aiops_processor.web.access import (
    COOKIE,
    FORM_FIELD,
    MOST_FORM_BYTES,
    Asked,
    Doors,
    Policy,
    cookie_name,
    same,
    same_site,
)
from aiops_processor.web.console.forms import fields
from aiops_processor.web.console.pages import PageRoute, render

log = structlog.get_logger(__name__)

BEFORE = "aiops_login"
"""A cookie for who has not signed in yet: the login form's key is made of it, and an OpenID sign-in kept in it."""
BEFORE_SECONDS = 600
WRONG = "The name or the password is wrong."
_PLACE = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
"""A page of ours. Anything else would let a link lead to a login page that hands people over to another site."""

router = APIRouter(include_in_schema=False, route_class=PageRoute, default_response_class=HTMLResponse)

Next = Annotated[str, Query(max_length=200)]


@router.get("/login")
async def login_page(request: Request, next: Next = "") -> Response:  # noqa: A002 - the name that addresses have
    """The form, and the way to the provider."""
    return await _form(request, _place(next))


@router.post("/login")
async def login(request: Request) -> Response:
    """Sign in. Five minutes' wait after ten wrong ones from an address or for a name."""
    asked = Asked(request.scope, request.receive)
    given = fields(await asked.body(MOST_FORM_BYTES))
    place, name = _place(given.get("next", "")), given.get("name", "")[:100]
    secret = _kept_before(asked)
    if not same_site(request.headers) or not secret or not same(given.get(FORM_FIELD, ""), form_key(secret)):
        return await _form(request, place, "The form was old. Please try again.", 403)
    doors, policy = _doors(request), _policy(request)
    names = (counted_as(asked.address), f"user {name}")
    if wait := doors.attempts.wait(*names):
        return await _too_many(request, place, wait)
    doors.attempts.failed(*names)  # before the password is looked at: tries at the same moment count, too
    number = await doors.audit.begin(name, asked.address, "sign in", "local", keep=policy.audit_kept)
    session = await doors.directory.sign_in(name, given.get("password", ""), policy.session)
    await doors.audit.end(number, 303 if session else 401)
    if session is None:
        return await _form(request, place, WRONG, 401)
    doors.attempts.take_back(*names)
    return _signed_in(request, session, f"./{place}")


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session."""
    asked = Asked(request.scope, request.receive)
    await _doors(request).directory.sign_out(asked.session_secret)
    response = RedirectResponse("./login", 303)
    for secure in (False, True):
        name = cookie_name(COOKIE, secure=secure)
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    return response


@router.get("/login/oidc")
async def oidc_start(request: Request, next: Next = "") -> Response:  # noqa: A002 - the name that addresses have
    """Off to the provider."""
    provider = _provider(request)
    if provider is None:
        return await _form(request, "", "No OpenID provider is configured.", 404)
    try:
        started = await provider.start()
    except AiopsError as error:
        log.error("a sign-in could not begin", error=str(error))
        return await _form(request, "", "The provider does not answer.", 502)
    response = RedirectResponse(started.address, 303)
    kept = ".".join((started.state, started.nonce, started.verifier, _place(next).replace("/", "~")))
    _set_cookie(request, response, BEFORE, kept, BEFORE_SECONDS)
    return response


@router.get("/login/oidc/callback")
async def oidc_finish(request: Request, code: str = "", state: str = "") -> Response:
    """Back from the provider: the code must be for the sign-in that began in this browser."""
    provider, asked = _provider(request), Asked(request.scope, request.receive)
    parts = _kept_before(asked).split(".")
    if provider is None or len(parts) != 4 or not code or not same(parts[0], state):
        return await _form(request, "", "The sign-in was not begun here, or took too long. Please try again.", 403)
    _, nonce, verifier, place = parts
    doors, policy, name = _doors(request), _policy(request), counted_as(asked.address)
    if wait := doors.attempts.wait(name):
        return await _too_many(request, "", wait)
    doors.attempts.failed(name)  # a code and its cookie can be invented: each costs the provider a question
    try:
        person = await provider.finish(code, nonce, verifier)
    except AiopsError as error:
        log.warning("a sign-in was refused", error=str(error))
        number = await doors.audit.begin("unknown", asked.address, "sign in", "oidc", keep=policy.audit_kept)
        await doors.audit.end(number, 403)
        return await _form(request, "", "The provider's answer lets nobody in here; the log says why.", 403)
    doors.attempts.take_back(name)
    number = await doors.audit.begin(person.name, asked.address, "sign in", "oidc", keep=policy.audit_kept)
    session = await doors.directory.open_session(person.name, person.role, "oidc", policy.session)
    await doors.audit.end(number, 303)
    return _signed_in(request, session, f"../../{_place(place.replace('~', '/'))}")


async def _form(request: Request, place: str, problem: str = "", status: int = 200) -> Response:
    """The page with the form, and the cookie that belongs to it."""
    oidc = _policy(request).oidc
    secret = new_token()
    response = render(
        request,
        "login.html",
        status,
        problem=problem,
        next=place,
        form_key=form_key(secret),
        local=await _doors(request).directory.has_users(),
        oidc=urlsplit(oidc.issuer).hostname if oidc else "",
    )
    _set_cookie(request, response, BEFORE, secret, BEFORE_SECONDS)
    return response


async def _too_many(request: Request, place: str, wait: float) -> Response:
    response = await _form(request, place, f"Too many wrong ones. Wait {wait / 60:.0f} minutes.", 429)
    response.headers["Retry-After"] = str(round(wait))
    return response


def _signed_in(request: Request, session: str, place: str) -> Response:
    response = RedirectResponse(place, 303)
    _set_cookie(request, response, COOKIE, session, int(_policy(request).session.total_seconds()))
    secure = Asked(request.scope, request.receive).secure
    response.delete_cookie(cookie_name(BEFORE, secure=secure), path="/", secure=secure, httponly=True, samesite="lax")
    return response


def _set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Not for scripts, not for other sites' forms, and not without TLS where there is any."""
    secure = Asked(request.scope, request.receive).secure
    name = cookie_name(name, secure=secure)
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


def _kept_before(asked: Asked) -> str:
    """What the browser keeps while its user signs in."""
    return cookie_parser(asked.headers.get("cookie", "")).get(cookie_name(BEFORE, secure=asked.secure), "")


def _place(text: str) -> str:
    return text if _PLACE.fullmatch(text) else ""


def _provider(request: Request) -> Provider | None:
    """Kept with the application, made anew where the settings are."""
    options: OidcOptions | None = _policy(request).oidc
    if options is None:
        return None
    kept: Provider | None = getattr(request.app.state, "oidc_provider", None)
    if kept is None or kept.options != options:
        kept = request.app.state.oidc_provider = Provider(options)
    return kept


def _doors(request: Request) -> Doors:
    return request.app.state.doors


def _policy(request: Request) -> Policy:
    return request.app.state.policy
