"""The applications: what is served over HTTP by `aiops serve`, and by `aiops worker`.

Importing this builds the routes only; settings are read and things opened when the application starts.
"""

import contextlib
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from aiops_processor import config, runtime
from aiops_processor.clock import Clock, SystemClock
from aiops_processor.config import Settings
from aiops_processor.errors import StorageError
from aiops_processor.telemetry import Metrics, set_up_logging
from aiops_processor.web import api, by_hand, changes, dead_letters, forms, pages, webhook
from aiops_processor.web.access import Access, Credentials

VERSION = runtime.VERSION
DESCRIPTION = "Takes alerts from Alertmanager, finds what changed, explains it, tells people."
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
        api.router,
        by_hand.router,
        dead_letters.router,
        pages.router,
        forms.router,
    ):
        app.include_router(router)
    return app


def create_worker_app(
    settings: Settings, clock: Clock | None = None, read: Callable[[], Settings] | None = None
) -> FastAPI:
    """A worker: does the work and takes no alerts, so there is only its health to ask for, and its metrics."""
    app = _application(settings, clock, read)
    for path, endpoint in WORKER_PATHS.items():
        app.add_api_route(path, endpoint)
    return app


def _application(settings: Settings | None, clock: Clock | None, read: Callable[[], Settings] | None) -> FastAPI:
    reread = config.load if settings is None else read

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        def renewed(new: Settings) -> None:
            set_up_logging(new.log.level)
            app.state.credentials = _credentials(new)

        known = settings or config.load()
        renewed(known)
        async with runtime.running(known, clock or SystemClock(), Metrics(), reread, renewed) as service:
            app.state.service = service
            yield

    app = FastAPI(
        title="aiops-processor",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,  # a redirected POST becomes an empty GET, and Alertmanager takes its 200 for delivery
    )
    app.add_exception_handler(StorageError, _store_failed)
    app.add_middleware(Access)
    return app


def _credentials(settings: Settings) -> Credentials:
    return Credentials(
        token=settings.api.token.get_secret_value() if settings.api.token else "",
        username=settings.api.username,
        password=settings.api.password.get_secret_value() if settings.api.password else "",
    )


async def _store_failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"status": "error", "error": str(error)}, 503)


app = create_app()
