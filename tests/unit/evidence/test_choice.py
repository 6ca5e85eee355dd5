"""Each alert's evidence comes from the source that is its own, and one report says it all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.evidence.asking.plan import Question
from aiops_processor.evidence.choice import Choice, Choosing, merged
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap, Outcome, Read, Standing, Window
from aiops_processor.query.matchers import parse

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MakeAlert = Callable[..., Alert]


def finding(kind: str, score: float, entity: str = "cart") -> Evidence:
    values = {"id": f"{kind[0].upper()}1", "kind": kind, "entity": entity, "title": "t", "statement": "it rose"}
    return Evidence.model_validate({**values, "query": f"q {entity}", "score": score})


@dataclass
class Store:
    """Gathers what it is given, and remembers for whom."""

    findings: Sequence[Evidence] = ()
    gaps: Sequence[Gap] = ()
    starts: datetime = NOON
    asked: list[list[str]] = field(default_factory=list)

    async def gather(
        self, alerts: Sequence[Alert], now: datetime | None = None, window: Window | None = None
    ) -> EvidenceReport:
        self.asked.append([alert.name for alert in alerts])
        return EvidenceReport(
            window=Window(start=self.starts - timedelta(minutes=15), onset=self.starts, end=NOON),
            findings=tuple(self.findings),
            healthy=("mail: 3 measures as usual",),
            gaps=tuple(self.gaps),
            reads=tuple(
                Read(source=source, title="t", query="q", outcome=Outcome.DATA) for source in ("prometheus", "loki")
            ),
        )

    async def plan_only(self, alerts: Sequence[Alert], now: datetime | None = None) -> tuple[Question, ...]:
        return (Question("prometheus", "metric", f"for {len(alerts)}", "up", "raw"),)


def choosing(default: Store, *named: tuple[str, str, Store]) -> Choosing:
    choices = [
        Choice(store, parse(matcher), {"prometheus": f"prometheus/{name}", "loki": f"loki/{name}"})
        for name, matcher, store in named
    ]
    return Choosing(choices, Choice(default))


async def test_the_first_source_that_fits_is_asked_else_the_default(alert: MakeAlert) -> None:
    default, europe, other = Store(), Store(), Store()
    several = choosing(default, ("europe", 'cluster="eu"', europe), ("other", 'cluster=~".+"', other))

    await several.gather([alert(cluster="eu")], NOON)
    await several.gather([alert(cluster="us")], NOON)
    await several.gather([alert()], NOON)
    await several.gather([], NOON)

    assert [len(store.asked) for store in (europe, other, default)] == [1, 1, 2]


async def test_alerts_of_one_incident_are_looked_at_where_each_belongs(alert: MakeAlert) -> None:
    default = Store([finding("metric", 0.9, "db"), finding("log", 0.5)], starts=NOON - timedelta(minutes=5))
    europe = Store([finding("metric", 1.0), finding("metric", 0.4)])
    several = choosing(default, ("europe", 'cluster="eu"', europe))

    report = await several.gather([alert(cluster="eu", n="1"), alert(n="2"), alert(cluster="eu", n="3")], NOON)

    assert (len(europe.asked[0]), len(default.asked[0])) == (2, 1)
    assert [(each.id, each.score) for each in report.findings] == [("M1", 1.0), ("M2", 0.9), ("L1", 0.5)]
    assert report.window.start == NOON - timedelta(minutes=20)
    assert {read.source for read in report.reads} == {"prometheus", "loki", "prometheus/europe", "loki/europe"}


async def test_findings_and_what_is_healthy_say_where(alert: MakeAlert) -> None:
    europe = Store([finding("metric", 1.0)])
    several = choosing(Store([finding("metric", 0.5)]), ("europe", 'cluster="eu"', europe))

    report = await several.gather([alert(cluster="eu"), alert()], NOON)

    assert [each.statement for each in report.findings] == ["it rose (in europe)", "it rose"]
    assert report.healthy == ("mail: 3 measures as usual (in europe)", "mail: 3 measures as usual")


async def test_a_gap_names_its_source(alert: MakeAlert) -> None:
    dead = Store(gaps=[Gap(source="loki", reason="down"), Gap(source="alert", reason="lies in the future")])
    report = await choosing(Store(), ("europe", 'cluster="eu"', dead)).gather([alert(cluster="eu")], NOON)
    assert [gap.source for gap in report.gaps] == ["loki/europe", "alert"]


async def test_what_two_sources_share_is_said_once(alert: MakeAlert) -> None:
    shared = Store([finding("log", 0.5)], [Gap(source="loki", reason="down")])
    several = Choosing([Choice(shared, parse('cluster="eu"'), {"prometheus": "prometheus/europe"})], Choice(shared))
    report = await several.gather([alert(cluster="eu"), alert()], NOON)
    assert [each.id for each in report.findings] == ["L1"]
    assert len(report.gaps) == 1


def test_of_two_systems_the_rarest_comes_first_whatever_its_score() -> None:
    window = Window(start=NOON, onset=NOON, end=NOON)
    orders = [
        (Standing(entity="cart", score=9, share=0.3), Standing(entity="db", score=1, share=0.9)),
        (Standing(entity="mail", score=2, share=0.01), Standing(entity="cart", score=1, share=0.5)),
    ]

    report = merged([EvidenceReport(window=window, order=order) for order in orders])

    assert [(each.entity, each.share) for each in report.order] == [("mail", 0.01), ("cart", 0.3), ("db", 0.9)]


async def test_the_plan_is_that_of_every_source(alert: MakeAlert) -> None:
    several = choosing(Store(), ("europe", 'cluster="eu"', Store()))
    asked = await several.plan_only([alert(cluster="eu"), alert(), alert()], NOON)
    assert [question.title for question in asked] == ["for 1", "for 2"]
