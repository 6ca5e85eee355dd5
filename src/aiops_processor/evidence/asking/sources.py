"""What evidence needs of Prometheus and Loki: the methods it calls, no more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from aiops_processor.clients.prometheus import Metadata, Rule
from aiops_processor.models.change import PostedChange
from aiops_processor.models.samples import Answer, Series, Stream


class Metrics(Protocol):
    """A Prometheus-compatible server; every method raises a SourceError where there is no usable answer."""

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]: ...

    async def query_range(self, expr: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]: ...

    async def series(
        self, matchers: Sequence[str], start: datetime, end: datetime, limit: int = 1000
    ) -> Answer[list[dict[str, str]]]: ...

    async def label_values(
        self, label: str, matchers: Sequence[str] = (), start: datetime | None = None, end: datetime | None = None
    ) -> Answer[list[str]]: ...

    async def metadata(self) -> Answer[dict[str, Metadata]]: ...

    async def rules(self) -> Answer[list[Rule]]: ...


class Logs(Protocol):
    """A Loki server; every method raises a SourceError where there is no usable answer."""

    async def query_range(
        self,
        logql: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        direction: Literal["backward", "forward"] = "backward",
    ) -> Answer[list[Stream]]: ...

    async def query_metric(self, logql: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]: ...

    async def labels(self, start: datetime, end: datetime, selector: str = "") -> Answer[list[str]]: ...

    async def series(
        self, selectors: Sequence[str], start: datetime, end: datetime
    ) -> Answer[list[dict[str, str]]]: ...


class Changes(Protocol):
    """Where people and pipelines say what they changed; raises a SourceError where there is no usable answer."""

    async def between(self, start: datetime, end: datetime) -> Answer[list[PostedChange]]: ...


Labels = Mapping[str, str]
