"""The Loki HTTP API."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import quote

import httpx2

from aiops_processor.clients.decoding import LABEL_SETS, NAMES, RESULTS, Result, series, streams
from aiops_processor.clients.http import Endpoint, Parameters, Retries, Service
from aiops_processor.models.samples import Answer, Series, Stream

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_QUERY = 2000  # characters; proxies cut addresses off from 4,000 on
# Without it structured metadata and parsed fields become stream labels, and almost every line a stream of its own.
_CATEGORIZE = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}


class Loki:
    """A Loki server. Every method raises a SourceError where there is no usable answer.

    `transport` stands in for the network: an in-process server, or a test's. `name` is what messages call it, such as
    `loki/europe` for a named one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transport: httpx2.AsyncBaseTransport | None = None,
        retries: Retries | None = None,
        name: str = "loki",
    ) -> None:
        self.name = name
        self._service = Service(name, endpoint, transport, retries)

    async def query_range(
        self,
        logql: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        direction: Literal["backward", "forward"] = "backward",
    ) -> Answer[list[Stream]]:
        """Lines of a log query, in each stream the newest first unless `forward`; `end` is not included.

        Structured metadata and parsed fields are in `Entry.metadata`, or in the stream's labels where the server is
        too old to tell them apart (before 3.0).
        """
        asked = {"query": logql, **_times(start, end), "limit": str(limit), "direction": direction}
        return streams(self._service.source, await self._ask("query_range", asked, _CATEGORIZE))

    async def query_metric(self, logql: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        """Values of a metric query every `step` seconds."""
        asked = {"query": logql, **_times(start, end), "step": f"{step:.3f}"}
        return series(self._service.source, await self._ask("query_range", asked))

    async def query(self, logql: str, at: datetime) -> Answer[list[Series]]:
        """A metric query at one time; a scalar is one series without labels."""
        answer = await self._ask("query", {"query": logql, "time": _nanoseconds(at)})
        return series(self._service.source, answer, scalar_unit=0.001)  # Loki's scalars alone count in milliseconds

    async def labels(self, start: datetime, end: datetime, selector: str = "") -> Answer[list[str]]:
        """The label names of the streams in that time."""
        return await self._names("labels", start, end, selector)

    async def label_values(self, label: str, start: datetime, end: datetime, selector: str = "") -> Answer[list[str]]:
        """The values of one label in that time."""
        return await self._names(f"label/{quote(label, safe='')}/values", start, end, selector)

    async def series(self, selectors: Sequence[str], start: datetime, end: datetime) -> Answer[list[dict[str, str]]]:
        """The label sets of the streams that any of the selectors matches."""
        ask = self._service.post if sum(map(len, selectors)) > _LONG_QUERY else self._service.get
        body = await ask(_path("series"), {"match[]": selectors, **_times(start, end)})
        return await LABEL_SETS.read(self._service.source, body, missing=[])

    async def healthy(self) -> None:
        """Returns where the server answers, raises a SourceError where it does not.

        The label names are asked for: `/ready` says nothing about tenants and credentials, and gateways hide it.
        """
        await NAMES.read(self._service.source, await self._service.get(_path("labels")), missing=[])

    async def aclose(self) -> None:
        """Close the connections."""
        await self._service.aclose()

    async def _ask(
        self, question: str, asked: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer[Result]:
        ask = self._service.post if len(asked["query"]) > _LONG_QUERY else self._service.get
        return await RESULTS.read(self._service.source, await ask(_path(question), asked, headers))

    async def _names(self, question: str, start: datetime, end: datetime, selector: str) -> Answer[list[str]]:
        asked: Parameters = {**_times(start, end), **({"query": selector} if selector else {})}
        # Nothing found is an answer without the key `data`.
        return await NAMES.read(self._service.source, await self._service.get(_path(question), asked), missing=[])


def _path(question: str) -> str:
    return f"/loki/api/v1/{question}"


def _times(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": _nanoseconds(start), "end": _nanoseconds(end)}


def _nanoseconds(at: datetime) -> str:
    return str((at - _EPOCH) // timedelta(microseconds=1) * 1000)
