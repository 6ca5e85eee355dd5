"""A small made-up shop: sources that answer from memory, and fail where a test says so."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from aiops_processor.clients.prometheus import Metadata, Rule
from aiops_processor.errors import SourceUnavailable
from aiops_processor.models.alert import Alert
from aiops_processor.models.samples import Answer, Entry, Series, Stream

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
STEP = 15
CELLS = 80


@dataclass
class FakeMetrics:
    """Answers every range selector with all series, every expression with `stepped`; keeps what it was asked."""

    raw: list[Series] = field(default_factory=list)
    stepped: list[Series] = field(default_factory=list)
    rule_list: list[Rule] = field(default_factory=list)
    failure: Exception | None = None
    warnings: tuple[str, ...] = ()
    earlier: list[Series] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def _answer(self, what: str) -> None:
        self.asked.append(what)
        if self.failure is not None:
            raise self.failure

    def _counted(self, by: Sequence[str]) -> list[Series]:
        every = (tuple((name, each.labels[name]) for name in by if name in each.labels) for each in self.raw)
        return [Series(dict(labels), [(0.0, float(count))]) for labels, count in Counter(every).items()]

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]:
        self._answer(expr)
        if expr.startswith("count by ("):
            return Answer(self._counted(expr[len("count by (") : expr.index(")")].split(", ")))
        if expr.startswith("ALERTS{"):
            return Answer(self.earlier)
        if expr.startswith("up{"):
            return Answer([each for each in self.raw if each.labels["__name__"] == "up"])
        return Answer(self.raw, self.warnings)

    async def query_range(self, expr: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        self._answer(expr)
        return Answer(self.stepped)

    async def series(
        self, matchers: Sequence[str], start: datetime, end: datetime, limit: int = 1000
    ) -> Answer[list[dict[str, str]]]:
        self._answer(matchers[0])
        return Answer([each.labels for each in self.raw][:limit])

    async def label_values(
        self, label: str, matchers: Sequence[str] = (), start: datetime | None = None, end: datetime | None = None
    ) -> Answer[list[str]]:
        self._answer(f"values of {label}")
        return Answer(sorted({each.labels["__name__"] for each in self.raw}))

    async def metadata(self) -> Answer[dict[str, Metadata]]:
        self._answer("metadata")
        return Answer({})

    async def rules(self) -> Answer[list[Rule]]:
        self._answer("rules")
        return Answer(self.rule_list)


@dataclass
class FakeLogs:
    """Has these streams; every selector finds them all."""

    streams: list[Stream] = field(default_factory=list)
    counts: list[Series] = field(default_factory=list)
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def _answer(self, what: str) -> None:
        self.asked.append(what)
        if self.failure is not None:
            raise self.failure

    async def query_range(
        self,
        logql: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        direction: Literal["backward", "forward"] = "backward",
    ) -> Answer[list[Stream]]:
        self._answer(logql)
        inside = [
            Stream(each.labels, [e for e in each.entries if start.timestamp() <= e.at < end.timestamp()][-limit:])
            for each in self.streams
        ]
        return Answer([each for each in inside if each.entries])

    async def query_metric(self, logql: str, start: datetime, end: datetime, step: float) -> Answer[list[Series]]:
        self._answer(logql)
        return Answer(self.counts)

    async def labels(self, start: datetime, end: datetime, selector: str = "") -> Answer[list[str]]:
        self._answer("labels")
        return Answer(sorted({name for each in self.streams for name in each.labels}))

    async def series(self, selectors: Sequence[str], start: datetime, end: datetime) -> Answer[list[dict[str, str]]]:
        self._answer(" ".join(selectors))
        return Answer([each.labels for each in self.streams])


@dataclass
class StoppedClock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("gathering never waits for the clock")


MakeSeries = Callable[..., Series]
MakeAlert = Callable[..., Alert]
MakeStream = Callable[..., Stream]


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def metrics() -> FakeMetrics:
    return FakeMetrics()


@pytest.fixture
def lines() -> FakeLogs:
    return FakeLogs()


@pytest.fixture
def unavailable() -> Exception:
    return SourceUnavailable("prom.example: connection refused")


@pytest.fixture
def series() -> MakeSeries:
    """A series every 15 s until noon; `value` gives the value at so many seconds before or after the onset."""

    def make(metric: str, value: Callable[[float], float], *, onset: float = 120, **labels: str) -> Series:
        end = NOON.timestamp()
        times = [end - STEP * (CELLS - 1 - index) for index in range(CELLS)]
        identity = {"job": "shop", "namespace": "shop", "instance": f"{labels.get('service', '')}:80"}
        return Series({"__name__": metric, **identity, **labels}, [(t, float(value(t - end + onset))) for t in times])

    return make


@pytest.fixture
def alert() -> MakeAlert:
    def make(*, seconds_ago: float = 60, expr: str = "", **labels: str) -> Alert:
        return Alert(
            status="firing",
            labels={"alertname": "HighErrorRate", "namespace": "shop", **labels},
            starts_at=NOON - timedelta(seconds=seconds_ago),
            generator_url=f"http://prom.example/graph?g0.expr={expr}&g0.tab=1" if expr else "",
        )

    return make


@pytest.fixture
def stream() -> MakeStream:
    """A stream with one line at each of these seconds before noon."""

    def make(line: str, seconds_ago: Sequence[float], **labels: str) -> Stream:
        times = sorted(NOON.timestamp() - ago for ago in seconds_ago)
        return Stream(labels, [Entry(int(at * 1e9), line) for at in times])

    return make
