"""What an operator's sources and windows add, and what becomes of a report when they fail."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from aiops_processor.evidence.asking.plan import Question
from aiops_processor.evidence.own import WithOwn
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Evidence, EvidenceReport, Outcome, Window
from aiops_processor.plugins import Finding, Guarded
from aiops_processor.testing import NOW, alert

pytestmark = pytest.mark.anyio

ONSET = NOW - timedelta(minutes=1)


class Inner:
    """Finds one thing of each strength; keeps which times it was told to compare."""

    def __init__(self) -> None:
        self.windows: list[Window | None] = []

    async def gather(
        self, alerts: Sequence[Alert], now: datetime | None = None, window: Window | None = None
    ) -> EvidenceReport:
        self.windows.append(window)
        strong, weak = (
            Evidence(id=f"M{n}", kind="metric", entity="a", title="t", statement="s", query="q", score=score)
            for n, score in ((1, 0.9), (2, 0.1))
        )
        return EvidenceReport(window=window or Window(start=NOW, onset=NOW, end=NOW), findings=(strong, weak))

    async def plan_only(self, alerts: Sequence[Alert], now: datetime | None = None) -> tuple[Question, ...]:
        return ()


class Clock:
    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None: ...


def own(inner: Inner, *, source: Callable[..., Any] | None = None, window: Callable[..., Any] | None = None) -> WithOwn:
    sources = [Guarded[Any]("source", "mine", source, 30, (list, tuple))] if source else []
    windows = [Guarded[Any]("window", "mine", window, 30, (Window, type(None)))] if window else []
    return WithOwn(inner, sources, windows, 15, Clock())


async def test_a_finding_at_a_time_without_a_zone_is_a_gap() -> None:
    """The incident's page puts it among times that have one."""
    inner = own(Inner(), source=lambda alerts, window: [Finding(statement="x", at=NOW.replace(tzinfo=None))])
    report = await inner.gather([alert()], NOW)
    assert [gap.reason for gap in report.gaps] == ["source mine: raised ValidationError"]
    assert len(report.findings) == 2


async def test_what_a_source_finds_stands_where_its_score_puts_it() -> None:
    def source(alerts: Sequence[Alert], window: Window) -> list[Finding]:
        assert (window.onset, window.start) == (ONSET, ONSET - timedelta(minutes=15))
        return [
            Finding(statement=f"{alerts[0].name} has 7 flags", entity="shop", at=NOW),
            Finding(statement="x", score=0),
        ]

    report = await own(Inner(), source=source).gather([alert()])
    assert [(each.id, each.score) for each in report.findings] == [("M1", 0.9), ("M2", 0.5), ("M3", 0.1), ("M4", 0)]
    found = report.findings[1]
    assert (found.statement, found.title, found.source) == ("HighErrorRate has 7 flags", "mine", "plugin mine")
    assert [(each.source, each.outcome) for each in report.reads] == [("plugin mine", Outcome.DATA)]
    assert report.gaps == ()


def raises(*_: Any) -> None:
    raise ValueError("hunter2")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (raises, "source mine: raised ValueError"),
        (lambda alerts, window: ["text"], "answered with str in its list, not Finding"),
        (lambda alerts, window: None, "source mine: answered with NoneType, not list or tuple"),
    ],
)
async def test_a_source_that_fails_is_a_gap(source: Callable[..., Any], said: str) -> None:
    report = await own(Inner(), source=source).gather([alert()])
    assert [(gap.source, gap.reason) for gap in report.gaps] == [("plugin mine", said)]
    assert report.reads[0].outcome is Outcome.FAILED
    assert len(report.findings) == 2


async def test_a_source_that_finds_nothing_was_asked_and_is_no_gap() -> None:
    report = await own(Inner(), source=lambda alerts, window: []).gather([alert()])
    assert (report.gaps, report.reads[0].outcome) == ((), Outcome.EMPTY)


async def test_the_times_that_are_chosen_for_several_alerts_are_joined() -> None:
    def window(found: Alert, now: datetime) -> Window | None:
        hours = int(found.labels["hours"])
        return (
            Window(start=now - timedelta(hours=hours), onset=now - timedelta(minutes=hours), end=now) if hours else None
        )

    inner = Inner()
    await own(inner, window=window).gather([alert(hours="2"), alert(hours="3"), alert(hours="0")])
    await own(inner, window=window).gather([alert(hours="0")])
    joined = Window(start=NOW - timedelta(hours=3), onset=NOW - timedelta(minutes=3), end=NOW)
    assert inner.windows == [joined, None]


async def test_several_windows_are_asked_at_the_same_time() -> None:
    both, gives = threading.Barrier(2, timeout=60), (Window, type(None))

    def window(found: Alert, now: datetime) -> Window | None:
        both.wait()
        return Window(start=now - timedelta(hours=2), onset=ONSET, end=now)

    inner = Inner()
    windows = [Guarded[Any]("window", name, window, 30, gives) for name in ("one", "other")]
    report = await WithOwn(inner, [], windows, 15, Clock()).gather([alert()], NOW)
    assert report.gaps == ()
    assert inner.windows == [Window(start=NOW - timedelta(hours=2), onset=ONSET, end=NOW)]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (raises, "window mine: raised ValueError"),
        (lambda a, now: Window(start=now, onset=now, end=now), "not in the order"),
        (lambda a, now: Window(start=now - timedelta(days=40), onset=ONSET, end=now), "longer than 31 days"),
        (lambda a, now: Window(start=ONSET, onset=now, end=now + timedelta(hours=1)), "or end in the future"),
        (lambda a, now: Window(start=ONSET.replace(tzinfo=None), onset=now, end=now), "have no time zone"),
    ],
)
async def test_times_that_cannot_be_compared_are_a_gap_and_the_usual_ones_are(
    window: Callable[..., Any], said: str
) -> None:
    inner = Inner()
    report = await own(inner, window=window).gather([alert(), alert("Other")])
    assert inner.windows == [None]
    (gap,) = report.gaps
    assert said in gap.reason
    assert gap.reason.endswith("the usual times were compared")
