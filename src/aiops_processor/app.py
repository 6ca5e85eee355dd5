"""The composition root: the application's routes, and the parts of the service that they use.

Importing this builds the routes only; settings are read and things opened when the application starts.
"""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from aiops_processor import config, parts
from aiops_processor.clock import Clock, SystemClock
from aiops_processor.config import Settings
from aiops_processor.durable import workflows
from aiops_processor.durable.engine import Engine
from aiops_processor.errors import ConfigError, StorageError
from aiops_processor.services.analysis import Analysis
from aiops_processor.services.analyzer import Analyzer
from aiops_processor.services.health import Health
from aiops_processor.services.incidents import Incidents, Settling
from aiops_processor.services.ingest import Ingest
from aiops_processor.services.notifier import Telling
from aiops_processor.services.reconciler import Reconciler
from aiops_processor.storage.data_folder import claim
from aiops_processor.storage.database import Database, sqlite_url
from aiops_processor.storage.migrate import migrate
from aiops_processor.telemetry import Metrics, set_up_logging
from aiops_processor.web import api, pages, webhook
from aiops_processor.web.access import Access, Credentials
from aiops_processor.web.service import Service

VERSION = version("aiops-processor")
DESCRIPTION = "Takes alerts from Alertmanager, finds what changed, explains it, tells people."


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> FastAPI:
    """The application. Without settings they are read from the environment and the file when it starts."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings or config.load(), clock or SystemClock()) as (service, credentials):
            app.state.service, app.state.credentials = service, credentials
            yield

    app = FastAPI(
        title="aiops-processor",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,  # a redirected POST becomes an empty GET, and Alertmanager takes its 200 for delivery
    )
    app.include_router(webhook.router)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.add_exception_handler(StorageError, _store_failed)
    app.add_middleware(Access)
    return app


@contextlib.asynccontextmanager
async def running(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Service, Credentials]]:
    """Everything opened, migrated and at work; closed in the opposite order at the end."""
    set_up_logging(settings.log.level)
    metrics = Metrics()
    async with contextlib.AsyncExitStack() as stack:
        database = await _open_database(settings, stack)
        sources = parts.Sources.of(settings)
        stack.push_async_callback(sources.aclose)
        model = parts.model(settings)
        channels = parts.channels(settings)
        for closes in (model, *channels.values()):
            if closes:
                stack.push_async_callback(closes.aclose)
        analyzer = Analyzer(parts.gatherer(settings, sources, clock), parts.explainer(model, clock), clock, metrics)
        analysis = Analysis(database, analyzer, clock, list(channels), metrics)
        telling = Telling(database, channels, clock, metrics, settings.aiops.external_url)
        settling = Settling(settings.aiops.settle_seconds, settings.aiops.settle_max_seconds)
        incidents = Incidents(database, clock, list(channels), settling)

        engine = Engine(f"sqlite:///{settings.data_dir / 'workflows.sqlite'}", uuid.uuid4().hex)
        work = workflows.Work(engine)
        reconciler = Reconciler(database, incidents, work, clock, engine.executor_id, socket.gethostname())
        workflows.register(engine, analysis, telling, done=reconciler.poke)
        engine.launch()
        stack.push_async_callback(engine.close)
        await engine.take_over(None)  # the folder is ours alone, so whatever is pending belongs to the dead

        ingest = Ingest(database, clock, metrics, reconciler.poke)
        for loop in (ingest.run(), reconciler.run()):
            stack.push_async_callback(_stop, asyncio.create_task(loop))
        health = Health(database.ping, sources.probes, VERSION)
        yield Service(database, ingest, incidents, health, metrics, clock, work.analyse_now), _credentials(settings)


async def _open_database(settings: Settings, stack: contextlib.AsyncExitStack) -> Database:
    """The SQLite files, ours alone until the end, in today's shape."""
    if settings.database.url:
        raise ConfigError("DATABASE_URL: only SQLite in AIOPS_DATA_DIR works in this version; leave it empty")
    stack.enter_context(claim(settings.data_dir))
    database = Database(sqlite_url(settings.data_dir))
    stack.push_async_callback(database.close)
    await asyncio.to_thread(migrate, database.url)
    return database


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _credentials(settings: Settings) -> Credentials:
    return Credentials(
        token=settings.api.token.get_secret_value() if settings.api.token else "",
        username=settings.api.username,
        password=settings.api.password.get_secret_value() if settings.api.password else "",
    )


async def _store_failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"status": "error", "error": str(error)}, 503)


app = create_app()
