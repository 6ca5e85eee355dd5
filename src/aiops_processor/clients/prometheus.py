"""The Prometheus HTTP API, as Prometheus, Mimir, Thanos and VictoriaMetrics answer it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

import httpx2
import msgspec

from aiops_processor.clients.decoding import LABEL_SETS, NAMES, RESULTS, Envelope, Reader, Result, series
from aiops_processor.clients.http import Endpoint, Parameters, Retries, Service
from aiops_processor.errors import SourceRefused, SourceUnreadable
from aiops_processor.models.samples import Answer, Series

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Metadata(msgspec.Struct, frozen=True):
    """What a target says about a metric. `type` is counter, gauge, histogram, summary, unknown or ""."""

    type: str = ""
    help: str = ""
    unit: str = ""


class Rule(msgspec.Struct, frozen=True):
    """One rule as the server has it loaded. `for_seconds` is 0 for recording rules.

    `every_seconds` lie between two evaluations; 0 where the server does not say.
    """

    name: str
    query: str
    kind: Literal["alerting", "recording"]
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    for_seconds: float = 0.0
    group: str = ""
    every_seconds: float = 0.0


class _WireRule(msgspec.Struct):
    name: str
    query: str
    type: Literal["alerting", "recording"]
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    duration: float = 0.0


class _Group(msgspec.Struct):
    name: str
    interval: float = 0.0
    rules: list[_WireRule] | None = None  # Go writes an empty list as null


class _Groups(msgspec.Struct):
    groups: list[_Group] | None = None


class _Build(msgspec.Struct):
    version: str = ""  # VictoriaMetrics 1.79 answers an empty object


_METADATA = Reader[dict[str, list[Metadata]]](msgspec.json.Decoder(Envelope[dict[str, list[Metadata]]]))
_RULES = Reader[_Groups](msgspec.json.Decoder(Envelope[_Groups]))
_BUILD = Reader[_Build](msgspec.json.Decoder(Envelope[_Build]))


class Prometheus:
    """A Prometheus-compatible server. Every method raises a SourceError where there is no usable answer.

    `transport` stands in for the network: an in-process server, or a test's. `name` is what messages call it, such as
    `prometheus/europe` for a named one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transport: httpx2.AsyncBaseTransport | None = None,
        retries: Retries | None = None,
        name: str = "prometheus",
    ) -> None:
        self.name = name
        self._service = Service(name, endpoint, transport, retries)

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]:
        """The value at one time: a vector is series of one point, a scalar one series without labels.

        `m[20m]` gives raw samples, of native histograms their count and sum. Where the result of an expression is a
        native histogram only float samples are taken; a warning says so.
        """
        return await self._numbers("query", {"query": expr, "time": _time(at)})

    async def query_range(self, expr: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        """Values every `step` seconds from `start` to `end`, both included."""
        asked = {"query": expr, "start": _time(start), "end": _time(end), "step": f"{step:.3f}"}
        return await self._numbers("query_range", asked)

    async def series(
        self, matchers: Sequence[str], start: datetime, end: datetime, limit: int = 1000
    ) -> Answer[list[dict[str, str]]]:
        """The label sets (`__name__` among them) that any of the selectors matches in that time, at most `limit`.

        Servers before 2.53 do not know the limit: what is over it is cut off here, with a warning.
        """
        form = {"match[]": matchers, "start": _time(start), "end": _time(end), "limit": str(limit)}
        answer = await LABEL_SETS.read(self._service.source, await self._service.post(_path("series"), form))
        if len(answer.data) <= limit:
            return answer
        warning = f"cut off at {limit} of {len(answer.data)} series"
        return Answer(answer.data[:limit], (*answer.warnings, warning), answer.infos, answer.octets)

    async def label_values(
        self, label: str, matchers: Sequence[str] = (), start: datetime | None = None, end: datetime | None = None
    ) -> Answer[list[str]]:
        """The values of one label, sorted."""
        return await self._names(f"label/{quote(label, safe='')}/values", matchers, start, end)

    async def labels(
        self, matchers: Sequence[str] = (), start: datetime | None = None, end: datetime | None = None
    ) -> Answer[list[str]]:
        """The label names, sorted."""
        return await self._names("labels", matchers, start, end)

    async def metadata(self) -> Answer[dict[str, Metadata]]:
        """Metric name → the first of its metadata entries; none, with a warning, where the server keeps none."""
        body = await self._service.get_if_there(_path("metadata"))
        if body is None:
            return Answer({}, (f"{self._service.source} has no metadata",))
        answer = await _METADATA.read(self._service.source, body)
        first = {metric: entries[0] for metric, entries in answer.data.items() if entries}
        return Answer(first, answer.warnings, answer.infos, answer.octets)

    async def rules(self) -> Answer[list[Rule]]:
        """Alerting and recording rules of all groups; none, with a warning, where the server evaluates none.

        VictoriaMetrics knows them only through vmalert (`-vmalert.proxyURL`), Mimir with its ruler, Thanos with its.
        """
        body = await self._service.get_if_there(_path("rules"))
        if body is None:
            return Answer([], (f"{self._service.source} has no rules: another program evaluates them",))
        answer = await _RULES.read(self._service.source, body)
        rules = [_rule(rule, group) for group in answer.data.groups or () for rule in group.rules or ()]
        return Answer(rules, answer.warnings, answer.infos, answer.octets)

    async def version(self) -> str:
        """The version that the server calls itself, "" where it does not say."""
        return (
            await _BUILD.read(self._service.source, await self._service.get(_path("status/buildinfo")))
        ).data.version

    async def healthy(self) -> None:
        """Returns where the server answers, raises a SourceError where it does not.

        Mimir, Thanos and gateways have no `/-/healthy`: they are asked a query that costs nothing.
        """
        try:
            await self._service.get("/-/healthy")
        except (SourceRefused, SourceUnreadable):
            await self._numbers("query", {"query": "1"})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._service.aclose()

    async def _numbers(self, question: str, form: Parameters) -> Answer[list[Series]]:
        body = await self._service.post(_path(question), form)
        answer: Answer[Result] = await RESULTS.read(self._service.source, body)
        return series(self._service.source, answer)

    async def _names(
        self, question: str, matchers: Sequence[str], start: datetime | None, end: datetime | None
    ) -> Answer[list[str]]:
        times = {name: _time(at) for name, at in (("start", start), ("end", end)) if at is not None}
        body = await self._service.get(_path(question), {**times, **({"match[]": matchers} if matchers else {})})
        return await NAMES.read(self._service.source, body)


def _path(question: str) -> str:
    return f"/api/v1/{question}"


def _time(at: datetime) -> str:
    return f"{(at - _EPOCH).total_seconds():.3f}"


def _rule(rule: _WireRule, group: _Group) -> Rule:
    return Rule(
        name=rule.name,
        query=rule.query,
        kind=rule.type,
        labels=rule.labels or {},
        annotations=rule.annotations or {},
        for_seconds=rule.duration,
        group=group.name,
        every_seconds=group.interval,
    )
