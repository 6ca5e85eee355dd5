"""The Loki HTTP API over a store of log lines, as far as clients ask it.

Answers, errors and status codes are those of the real server (https://grafana.com/docs/loki/latest/reference/loki-http-api/):
every error is text, times are strings of nanoseconds, a label without values has no `data`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from aiops_processor.clock import Clock
from aiops_processor.demo.evaluation.vectors import Ints, Value, Vector
from aiops_processor.demo.http_answers import Parameters, json_answer, not_found, parameters_of, plain_answer
from aiops_processor.demo.labels import Labels
from aiops_processor.demo.logql import MetricQuery, parsed_logql, parsed_streams
from aiops_processor.demo.logs import answers
from aiops_processor.demo.logs import parameters as read
from aiops_processor.demo.logs.limits import Limits
from aiops_processor.demo.logs.push import Intake, PushRefused
from aiops_processor.demo.logs.queries import bytes_read, metric_value, newest_lines
from aiops_processor.demo.logs.store import NANOSECONDS, LogStore, Matches
from aiops_processor.demo.logs.tokens import LogQLError
from aiops_processor.demo.recording import LogEntry

JSON = "application/json; charset=UTF-8"
TENANT = "X-Scope-OrgID"
SIX_HOURS = 6 * 3600
BUILD = {
    "version": "3.5.0",
    "revision": "replay",
    "branch": "replay",
    "buildUser": "",
    "buildDate": "",
    "goVersion": "",
}
Answer = Callable[[Request, Parameters], dict[str, Any]]


def loki_app(logs: Iterable[LogEntry], clock: Clock, limits: Limits = Limits()) -> Starlette:  # noqa: B008 - frozen
    """The API as an ASGI application. Of `logs` nothing after the clock's time is visible; pushed lines are at once."""
    api = _Api(LogStore(clock, logs), limits)
    routes = [
        _route("/loki/api/v1/query_range", api.query_range),
        _route("/loki/api/v1/query", api.query),
        _route("/loki/api/v1/labels", api.labels),
        _route("/loki/api/v1/label", api.labels),
        _route("/loki/api/v1/label/{name}/values", api.label_values),
        _route("/loki/api/v1/series", api.series),
        _route("/loki/api/v1/index/stats", api.stats),
        _route("/loki/api/v1/index/volume", api.volume),
        Route("/loki/api/v1/patterns", _patterns_are_off),
        Route("/loki/api/v1/push", api.push, methods=["POST"]),
        Route("/loki/api/v1/status/buildinfo", _buildinfo),
        Route("/ready", plain_answer("ready\n")),
    ]
    asks_for = [Middleware(_TenantNeeded)] if limits.tenants else []
    return Starlette(routes=routes, middleware=asks_for, exception_handlers={404: not_found})


class _TenantNeeded:
    """Refuses who does not say for which tenant."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        missing = scope["type"] == "http" and TENANT not in Headers(scope=scope)
        await (PlainTextResponse("no org id\n", 401) if missing else self._app)(scope, receive, send)


def _route(path: str, answer: Answer) -> Route:
    async def endpoint(request: Request) -> Response:
        given = await parameters_of(request)
        try:
            # A thread, so that a heavy query does not hold up the server that shares this loop.
            content = await run_in_threadpool(answer, request, given)
        except LogQLError as error:
            return PlainTextResponse(str(error), 400)
        return json_answer(content, media_type=JSON)

    return Route(path, endpoint, methods=["GET", "POST"])


def _buildinfo(_request: Request) -> Response:
    return json_answer(BUILD)


def _patterns_are_off(_request: Request) -> Response:
    return PlainTextResponse("", 404)


class _Api:
    """The endpoints: request and parameters in, the body out. Raises LogQLError."""

    def __init__(self, store: LogStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._intake = Intake(store, limits)

    async def push(self, request: Request) -> Response:
        try:
            self._intake.push(await request.body(), request.headers.get(TENANT, "fake"))
        except PushRefused as error:
            return PlainTextResponse(f"{error}\n", error.status)
        return Response(status_code=204)

    def query_range(self, request: Request, given: Parameters) -> dict[str, Any]:
        forward, limit = read.forward(given), read.limit(given)
        asked = read.span(given, self._store.now())
        width = read.step(given, asked)
        query = parsed_logql(given.get("query", ""))
        self._limits.check_length((asked.end - asked.start) // NANOSECONDS)
        self._limits.check_bytes(bytes_read(self._store, query, asked.start, asked.end))
        if isinstance(query, MetricQuery):
            steps = answers.aligned_steps(asked, width)
            return answers.matrix(self._value(query, steps), steps)
        self._limits.check_entries(limit)
        found = newest_lines(self._store, query, asked.start, asked.end, limit, forward=forward)
        flags = request.headers.get("X-Loki-Response-Encoding-Flags", "")
        return answers.streams(found, categorized="categorize-labels" in flags.split(","))

    def query(self, _request: Request, given: Parameters) -> dict[str, Any]:
        read.forward(given)
        read.limit(given)
        steps = answers.single_step(read.moment(given, "time", self._store.now()))
        query = parsed_logql(given.get("query", ""))
        if not isinstance(query, MetricQuery):
            raise LogQLError(
                "log queries are not supported as an instant query type, please change your query to a range query type"
            )
        self._limits.check_bytes(bytes_read(self._store, query, int(steps[0]), int(steps[0])))
        return answers.vector(self._value(query, steps), int(steps[0]))

    def labels(self, _request: Request, given: Parameters) -> dict[str, Any]:
        found = self._streams(given, _matches(given.get("query", "")))
        return answers.listed(sorted({name for labels in found for name, _ in labels}))

    def label_values(self, request: Request, given: Parameters) -> dict[str, Any]:
        asked = read.span(given, self._store.now(), SIX_HOURS)
        matches = _matches(given.get("query", ""))
        return answers.listed(self._store.label_values(request.path_params["name"], matches, asked.start, asked.end))

    def series(self, _request: Request, given: Parameters) -> dict[str, Any]:
        selectors = [_matches(text) for text in given.getlist("match[]") + given.getlist("match")] or [_everything]
        found = self._streams(given, lambda labels: any(matches(labels) for matches in selectors))
        return {"status": "success", "data": [dict(labels) for labels in found]}

    def stats(self, _request: Request, given: Parameters) -> dict[str, Any]:
        asked = read.span(given, self._store.now())
        streams = list(self._store.lines(parsed_streams(given.get("query", "")).matches, asked.start, asked.end))
        lines = [line for _, lines in streams for line in lines]
        size = sum(len(line.text.encode()) for line in lines)
        return {"streams": len(streams), "chunks": len(streams), "bytes": size, "entries": len(lines)}

    def volume(self, _request: Request, given: Parameters) -> dict[str, Any]:
        asked = read.span(given, self._store.now())
        selector = parsed_streams(given.get("query", ""))
        names = given.get("targetLabels", "").split(",") if given.get("targetLabels") else selector.names
        streams = self._store.lines(selector.matches, asked.start, asked.end)
        return answers.volume(streams, names, asked.end, read.limit(given))

    def _value(self, query: MetricQuery, steps: Ints) -> Value:
        value = metric_value(self._store, query, steps)
        if isinstance(value, Vector):
            self._limits.check_series(len(value.labels))
        return value

    def _streams(self, given: Parameters, matches: Matches) -> list[Labels]:
        asked = read.span(given, self._store.now(), SIX_HOURS)
        return self._store.streams(matches, asked.start, asked.end)


def _matches(query: str) -> Matches:
    return parsed_streams(query).matches if query and query != "{}" else _everything


def _everything(_labels: Labels) -> bool:
    return True
