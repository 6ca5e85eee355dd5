"""The Prometheus HTTP API over a recording, as far as clients ask it.

Answers, errors and status codes are those of the real server (https://prometheus.io/docs/prometheus/latest/querying/api/).
Nothing after the clock's time is visible: the recording plays.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aiops_processor.clock import Clock
from aiops_processor.demo.alert_states import active_alerts, rules_now
from aiops_processor.demo.evaluation.label_functions import LABEL_NAME
from aiops_processor.demo.evaluation.syntax import parsed_selector
from aiops_processor.demo.evaluation.vectors import BadQuery, ExecutionError, Samples, Scalar, Text, Vector
from aiops_processor.demo.http_answers import Parameters, json_answer, not_found, parameters_of, plain_answer
from aiops_processor.demo.labels import value_of
from aiops_processor.demo.numbers import sample
from aiops_processor.demo.promql import PromQL, Result
from aiops_processor.demo.recording import MILLISECONDS, Recording, Series
from aiops_processor.demo.times import duration_seconds, unix_seconds

MOST_POINTS = 11_000
Answer = Callable[[Parameters], dict[str, Any]]


class BadData(Exception):
    """A wrong parameter: 400 `bad_data`."""


def prometheus_app(recording: Recording, clock: Clock, lookback: float | None = None) -> Starlette:
    """The API as an ASGI application. `lookback` in seconds, as for `PromQL`."""
    api = _Api(recording, clock, PromQL(recording, lookback))
    routes = [
        _route("/api/v1/query", api.query),
        _route("/api/v1/query_range", api.query_range),
        _route("/api/v1/series", api.series),
        _route("/api/v1/labels", api.labels),
        _route("/api/v1/metadata", api.metadata, "GET"),
        _route("/api/v1/rules", api.rules, "GET"),
        _route("/api/v1/alerts", api.alerts, "GET"),
        _route("/api/v1/status/buildinfo", api.buildinfo, "GET"),
        Route("/api/v1/label/{name}/values", api.label_values, methods=["GET"]),
        Route("/-/healthy", plain_answer("Prometheus Server is Healthy.\n")),
        Route("/-/ready", plain_answer("Prometheus Server is Ready.\n")),
    ]
    return Starlette(routes=routes, exception_handlers={404: not_found})


def _route(path: str, answer: Answer, *methods: str) -> Route:
    async def endpoint(request: Request) -> Response:
        return await _answered(answer, await parameters_of(request))

    return Route(path, endpoint, methods=methods or ["GET", "POST"])


async def _answered(answer: Answer, parameters: Parameters) -> Response:
    try:
        # A thread, so that a heavy query does not hold up the server that shares this loop.
        content = await run_in_threadpool(answer, parameters)
    except (BadData, BadQuery) as error:
        return _error(400, "bad_data", str(error))
    except ExecutionError as error:
        return _error(422, "execution", str(error))
    return json_answer({"status": "success", **content})


def _error(status: int, kind: str, reason: str) -> Response:
    return json_answer({"status": "error", "errorType": kind, "error": reason}, status)


class _Api:
    """The endpoints: parameters in, the answer without its status out. Raises BadData, BadQuery, ExecutionError."""

    def __init__(self, recording: Recording, clock: Clock, promql: PromQL) -> None:
        self._recording = recording
        self._clock = clock
        self._promql = promql

    def query(self, given: Parameters) -> dict[str, Any]:
        now = self._now()
        result = self._promql.instant(given.get("query", ""), _time(given, "time", now), now)
        return {"data": _instant_data(result), **self._notes(result)}

    def query_range(self, given: Parameters) -> dict[str, Any]:
        start, end = _time(given, "start"), _time(given, "end")
        if end < start:
            raise BadData('invalid parameter "end": end timestamp must not be before start time')
        step = duration_seconds(given.get("step", ""))
        if step is None:
            raise BadData(f'invalid parameter "step": cannot parse "{given.get("step", "")}" to a valid duration')
        if not step >= 1 / MILLISECONDS:
            raise BadData(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        if (end - start) / step > MOST_POINTS:
            raise BadData(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        result = self._promql.range(given.get("query", ""), start, end, step, self._now())
        return {"data": _range_data(result), **self._notes(result)}

    def series(self, given: Parameters) -> dict[str, Any]:
        if not given.getlist("match[]"):
            raise BadData("no match[] parameter provided")
        return {"data": _limited([dict(one.labels) for one in self._selected(given)], given)}

    def labels(self, given: Parameters) -> dict[str, Any]:
        return {"data": _limited(sorted({name for one in self._selected(given) for name, _ in one.labels}), given)}

    async def label_values(self, request: Request) -> Response:
        name = request.path_params["name"]

        def answer(given: Parameters) -> dict[str, Any]:
            if not LABEL_NAME.fullmatch(name):
                raise BadData(f'invalid label name: "{name}"')
            values = {value_of(one.labels, name) for one in self._selected(given)}
            return {"data": _limited(sorted(values - {""}), given)}

        return await _answered(answer, await parameters_of(request))

    def metadata(self, given: Parameters) -> dict[str, Any]:
        known = self._recording.metadata
        if metric := given.get("metric"):
            known = {metric: known[metric]} if metric in known else {}
        return {"data": dict(_limited(list(known.items()), given, stop_at_zero=True))}

    def rules(self, given: Parameters) -> dict[str, Any]:
        return {"data": rules_now(self._recording, self._promql, self._now(), given.get("type", ""))}

    def alerts(self, _given: Parameters) -> dict[str, Any]:
        return {"data": {"alerts": active_alerts(self._recording, self._promql, self._now())}}

    def buildinfo(self, _given: Parameters) -> dict[str, Any]:
        data = dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "replay")
        version = self._recording.info.prometheus
        return {"data": {"version": version if version.count(".") > 1 else f"{version}.0", **data}}

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _notes(self, result: Result) -> Mapping[str, list[str]]:
        notes = self._promql.dialect.notes
        infos = [remark for remark in result.remarks if remark.startswith("PromQL info")]
        warnings = [remark for remark in result.remarks if remark not in infos]
        kinds = {"warnings": warnings, "infos": infos} if notes == "infos" else {"warnings": warnings + infos}
        return {kind: texts for kind, texts in kinds.items() if texts}

    def _selected(self, given: Parameters) -> list[Series]:
        """The series that any `match[]` selects (all without one) and that have a sample in the time asked for."""
        now = self._now()
        start, end = _time(given, "start", 0.0), min(_time(given, "end", now), now)
        matches = given.getlist("match[]")
        index = self._promql.index
        chosen = [one for text in matches for one in index.select(parsed_selector(text))] if matches else index.series
        unique = {id(one): one for one in chosen}.values()
        return [one for one in unique if _has_sample(one, round(start * MILLISECONDS), round(end * MILLISECONDS))]


def _has_sample(series: Series, start: int, end: int) -> bool:
    place = int(np.searchsorted(series.times, start))
    return place < len(series.times) and int(series.times[place]) <= end


def _time(given: Parameters, name: str, default: float | None = None) -> float:
    text = given.get(name, "")
    if not text and default is not None:
        return default
    seconds = unix_seconds(text)
    if seconds is None:
        # Prometheus says more of a time that has a default.
        what = f"Invalid time value for '{name}': " if default is not None else ""
        raise BadData(f'invalid parameter "{name}": {what}cannot parse "{text}" to a valid timestamp')
    return seconds


def _limited(items: list[Any], given: Parameters, *, stop_at_zero: bool = False) -> list[Any]:
    """The first `limit` items; 0 means all, except in the metadata."""
    text = given.get("limit", "")
    if not text:
        return items
    try:
        limit = int(text)
    except ValueError:
        raise BadData("limit must be a number" if stop_at_zero else f'invalid parameter "limit": {text}') from None
    return items[:limit] if limit > 0 or (stop_at_zero and limit == 0) else items


def _instant_data(result: Result) -> dict[str, Any]:
    now = int(result.steps[0]) / MILLISECONDS
    value = result.value
    if isinstance(value, Scalar):
        return {"resultType": "scalar", "result": [now, sample(float(value.values[0]))]}
    if isinstance(value, Text):
        return {"resultType": "string", "result": [now, value.value]}
    if isinstance(value, Samples):
        return {"resultType": "matrix", "result": _raw_samples(value)}
    rows = zip(value.labels, value.values[:, 0].tolist(), strict=True)
    return {
        "resultType": "vector",
        "result": [{"metric": dict(labels), "value": [now, sample(number)]} for labels, number in rows],
    }


def _raw_samples(samples: Samples) -> list[dict[str, Any]]:
    """An instant query with a range selector: the samples themselves, at their own times."""
    result = []
    for row, labels in enumerate(samples.labels):
        window = slice(int(samples.low[row, 0]), int(samples.high[row, 0]))
        if window.start < window.stop:
            pairs = _pairs(samples.times[window], samples.values[window].tolist())
            result.append({"metric": dict(labels), "values": pairs})
    return sorted(result, key=lambda one: sorted(one["metric"].items()))


def _range_data(result: Result) -> dict[str, Any]:
    value = result.value
    if isinstance(value, Scalar):
        no_labels: dict[str, str] = {}
        pairs = _pairs(result.steps, value.values.tolist())
        return {"resultType": "matrix", "result": [{"metric": no_labels, "values": pairs}]}
    rows = _matrix(result, value) if isinstance(value, Vector) else []
    return {"resultType": "matrix", "result": rows}


def _matrix(result: Result, vector: Vector) -> list[dict[str, Any]]:
    order = sorted(range(len(vector.labels)), key=lambda row: vector.labels[row])
    rows = []
    for row in order:
        mask = vector.present[row]
        pairs = _pairs(result.steps[mask], vector.values[row][mask].tolist())
        rows.append({"metric": dict(vector.labels[row]), "values": pairs})
    return rows


def _pairs(times: np.ndarray, values: list[float]) -> list[tuple[float, str]]:
    return list(zip((times / MILLISECONDS).tolist(), map(sample, values), strict=True))
