"""The applications: what is served over HTTP by `aiops serve`, and by `aiops worker`.

Importing this builds the routes only; settings are read and things opened when the application starts.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from aiops_processor import config, runtime
from aiops_processor.access.oidc import OidcOptions
from aiops_processor.clock import Clock, SystemClock
from aiops_processor.errors import ConfigError, PluginError, StorageError
from aiops_processor.parts.plugging import Plugged
from aiops_processor.settings import Settings
from aiops_processor.telemetry import Metrics, set_up_logging
from aiops_processor.web import accounts, actions, api, by_hand, changes, dead_letters, filtered, login, slack, webhook
from aiops_processor.web.access import Access, Credentials, Doors, Policy
from aiops_processor.web.console import incident_forms, pages
from aiops_processor.web.edge.cookies import PlainCookies
from aiops_processor.web.edge.counting import Counting
from aiops_processor.web.edge.shortcut import Shortcut
from aiops_processor.web.own import AroundAll, OwnWeb

log = structlog.get_logger(__name__)

VERSION = runtime.VERSION
DESCRIPTION = "Takes alerts from Alertmanager, finds what changed, explains it, tells people."
ALERT_PATHS = ("/webhook/alerts", "/webhook/alerts/")
MOST_BODY_BYTES = 1024 * 1024
"""Of what has no limit of its own; it is read as a whole before anything looks at it."""
WORKER_PATHS = {"/health": api.health, "/health/live": api.live, "/health/ready": api.ready, "/metrics": api.metrics}


def create_app(
    settings: Settings | None = None, clock: Clock | None = None, read: Callable[[], Settings] | None = None
) -> FastAPI:
    """The service. Without settings they are read from the environment and the file when it starts.

    SIGHUP puts what `read` gives into force; given settings without it stay as they are.
    """
    app = _application(settings, clock, read)
    for router in (
        webhook.router,
        changes.router,
        slack.router,
    ):  # which read large bodies in pieces (edge/bodies)
        app.include_router(router)
    for router in (
        api.router,
        by_hand.router,
        dead_letters.router,
        dead_letters.pages,
        filtered.router,
        filtered.pages,
        pages.router,
        incident_forms.router,
        actions.router,
        actions.forms,
        accounts.router,
        login.router,
    ):
        app.include_router(router, max_body_size=MOST_BODY_BYTES)
    own: OwnWeb = app.state.own
    not_found = app.router.default

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        await own.behind(scope, receive, send, not_found)

    app.router.default = behind  # so that no plugin can take an address of ours
    app.add_middleware(AroundAll, own=own)
    app.add_middleware(Counting, paths=ALERT_PATHS)
    app.user_middleware.append(Middleware(Shortcut, endpoints=dict.fromkeys(ALERT_PATHS, webhook.receive_alerts)))
    app.add_middleware(PlainCookies)  # the last that is added comes first
    return app


def create_worker_app(
    settings: Settings, clock: Clock | None = None, read: Callable[[], Settings] | None = None
) -> FastAPI:
    """A worker: does the work and takes no alerts, so there is only its health to ask for, and its metrics."""
    app = _application(settings, clock, read)
    for path, endpoint in WORKER_PATHS.items():
        app.add_api_route(path, endpoint)
    app.add_middleware(PlainCookies)
    return app


def _application(settings: Settings | None, clock: Clock | None, read: Callable[[], Settings] | None) -> FastAPI:
    reread = config.load if settings is None else read
    well_read = partial(_well_read, reread) if reread else None

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        def renewed(new: Settings) -> None:
            set_up_logging(new.log.level)
            app.state.policy = access_policy(new)

        known = settings or config.load()
        renewed(known)
        plugged = partial(_plugged, app)
        async with runtime.running(known, clock or SystemClock(), Metrics(), well_read, renewed, plugged) as service:
            app.state.service = service
            app.state.doors = Doors.of(service.database, service.clock)
            yield

    app = FastAPI(
        title="aiops-processor",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages run scripts from somebody else's server, with whatever the reader may do here
        redoc_url=None,
        redirect_slashes=False,  # a redirected POST becomes an empty GET, and Alertmanager takes its 200 for delivery
    )
    app.state.own = OwnWeb()
    app.add_exception_handler(StorageError, _store_failed)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_middleware(Access)
    return app


def _well_read(read: Callable[[], Settings]) -> Settings:
    """The settings as they are now. Raises ConfigError for what is wrong with the doors too, before any part is new."""
    new = read()
    access_policy(new)
    return new


def _plugged(app: FastAPI, plugged: Plugged) -> None:
    """Put endpoints and middleware of plugins into force. Raises PluginError when the service starts."""
    own: OwnWeb = app.state.own
    try:
        own.use(plugged.routers, plugged.middleware, plugged.seconds, app.state)
    except PluginError as error:
        if not hasattr(app.state, "service"):
            raise
        log.error("endpoints and middleware of plugins stay as they were", error=str(error))


def access_policy(settings: Settings) -> Policy:
    """What the settings say of who may ask. Raises ConfigError."""
    external = urlsplit(settings.aiops.external_url)
    secret = settings.api.signing_secret
    return Policy(
        credentials=_credentials(settings),
        signing_secret=secret.get_secret_value() if secret else "",
        trust_loopback=settings.api.trust_loopback,
        open_metrics=settings.api.open_metrics,
        hosts=frozenset(filter(None, (external.hostname, settings.api.host))),
        session=timedelta(hours=settings.api.session_hours),
        audit_kept=timedelta(days=settings.retention.audit_days),
        secure=external.scheme == "https",
        oidc=_oidc(settings),
    )


def _oidc(settings: Settings) -> OidcOptions | None:
    oidc, base = settings.oidc, settings.aiops.external_url.rstrip("/")
    if not oidc.issuer:
        return None
    if not (oidc.client_id and base):
        raise ConfigError("OIDC_ISSUER needs OIDC_CLIENT_ID, and AIOPS_EXTERNAL_URL, where people come back to")
    ours = {"default_role": oidc.default_role or None, "redirect_uri": f"{base}/login/oidc/callback"}
    return OidcOptions.model_validate({**oidc.model_dump(), **ours})


def _credentials(settings: Settings) -> Credentials:
    return Credentials(
        token=settings.api.token.get_secret_value() if settings.api.token else "",
        username=settings.api.username,
        password=settings.api.password.get_secret_value() if settings.api.password else "",
        slack_secret=settings.slack.signing_secret.get_secret_value() if settings.slack.signing_secret else "",
        changes_secret=settings.changes.secret.get_secret_value() if settings.changes.secret else "",
    )


async def _store_failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"status": "error", "error": str(error)}, 503)


async def _not_valid(_request: Request, error: Exception) -> Response:
    """What is wrong and where. FastAPI's own answer repeats what came: a password, or what no answer can hold."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    told = [{name: each[name] for name in ("type", "loc", "msg")} for each in found]
    return Response(json.dumps({"detail": told}), 422, media_type="application/json")


app = create_app()
