from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from aiops_processor.clients.prometheus import Rule
from aiops_processor.errors import SourceRefused
from aiops_processor.evidence.asking import logs, packs
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.read import Reader
from aiops_processor.evidence.asking.windows import window_for
from aiops_processor.evidence.gather import Gatherer
from aiops_processor.evidence.words import summary
from aiops_processor.evidence.words.links import Links
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.change import PostedChange
from aiops_processor.models.evidence import EvidenceReport, Outcome
from aiops_processor.models.samples import Answer, Entry, Series, Stream

pytestmark = pytest.mark.anyio

MakeSeries = Callable[..., Series]
MakeAlert = Callable[..., Alert]
MakeStream = Callable[..., Stream]
RULE = "sum+by+(service)+(rate(errors_total[1m]))+>+2"


@pytest.fixture
def shop(series: MakeSeries) -> list[Series]:
    """Three services; two minutes before noon db's pool fills, and cart's requests begin to fail."""

    def wobble(t: float) -> float:
        return (t * 7919) % 13 / 13

    found = [series("up", lambda t: 1, service=name) for name in ("cart", "db", "mail")]
    found += [series("queue_length", lambda t: 5 + wobble(t), service=name) for name in ("cart", "mail")]
    found.append(series("pool_in_use", lambda t: 2 + wobble(t) + (20 if t > 0 else 0), service="db"))
    ok = series("http_requests_total", lambda t: 10 * (t + 2000), service="cart", code="200")
    bad = series("http_requests_total", lambda t: 30 * max(0.0, t), service="cart", code="500")
    return [*found, ok, bad]


async def gathered(sources: tuple[Any, Any], clock: Any, *alerts: Alert) -> EvidenceReport:
    links = Links("http://prom.example", "http://grafana.example")
    return await Gatherer(*sources, packs.built_in(), Limits(seconds=5), clock, links).gather(alerts)


async def test_what_changed_is_found_and_what_did_not_is_healthy(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series]
) -> None:
    metrics.raw = shop

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    found = {each.entity: each for each in report.findings}
    assert set(found) == {"cart", "db"}
    assert found["db"].change is not None
    assert found["db"].change.after - found["db"].change.before == pytest.approx(20, abs=1)
    assert found["db"].link.startswith("http://prom.example/graph?")
    assert found["db"].explore.startswith("http://grafana.example/explore?schemaVersion=1&")
    assert len(found["db"].points) > 60
    assert [text.split(":")[0] for text in report.healthy] == ["mail"]


async def test_where_the_system_is_hardly_older_than_its_trouble_nobody_says_what_is_usual(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], noon: datetime
) -> None:
    born = noon.timestamp() - 165
    metrics.raw = [Series(each.labels, [(at, value) for at, value in each.points if at >= born]) for each in shop]

    report = await gathered((metrics, lines), clock, alert(service="cart", seconds_ago=30))

    assert report.unsure
    assert [gap.reason for gap in report.gaps if gap.source == "baseline"] == [summary.UNSURE]
    assert summary.without_model([alert()], report, noon).outcome is Verdict.INCONCLUSIVE
    assert {"cart", "db"} <= {each.entity for each in report.findings}


async def test_the_onset_is_found_before_the_alert(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], noon: datetime
) -> None:
    metrics.raw = shop

    report = await gathered((metrics, lines), clock, alert(service="cart", seconds_ago=30))

    assert (noon - report.window.onset).total_seconds() == pytest.approx(120, abs=16)


async def test_the_alerts_own_rule_is_evidence_and_its_sibling_a_metric(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], series: MakeSeries
) -> None:
    metrics.raw = shop
    metrics.stepped = [
        Series({"service": name}, series("x", lambda t: 9 if t > 0 else 0, service=name).points)
        for name in ("cart", "mail")
    ]

    report = await gathered((metrics, lines), clock, alert(service="cart", expr=RULE))

    rule = report.find("A1")
    assert rule is not None
    assert (rule.kind, rule.entity) == ("rule", "cart")
    assert "the rule fires at > 2" in rule.statement
    assert any(each.kind == "metric" and each.entity == "mail" for each in report.findings)


async def test_a_new_error_line_is_evidence_with_the_line(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], stream: MakeStream
) -> None:
    metrics.raw = shop
    error = "ERROR pool exhausted after 30 s"
    lines.streams = [
        stream("INFO query done", range(0, 900, 5), namespace="shop", app="db"),
        stream(error, range(0, 110, 3), namespace="shop", app="db"),
    ]

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    (found,) = [each for each in report.findings if each.kind == "log"]
    assert (found.id, found.entity, found.lines[0].line) == ("L1", "db", error)
    assert found.logs is not None
    assert (found.logs.before, found.logs.level) == (0, "error")
    assert found.link.startswith("http://grafana.example/explore?")


async def test_a_quiet_system_says_so(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, series: MakeSeries, stream: MakeStream
) -> None:
    metrics.raw = [series("queue_length", lambda t: (t * 7919) % 13, service=name) for name in ("cart", "db")]
    lines.streams = [stream("INFO query done", range(0, 900, 5), namespace="shop", app="db")]

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    assert (report.findings, report.gaps, len(report.healthy)) == ((), (), 2)
    assert summary.without_model([alert()], report, clock.now()).outcome is Verdict.NOT_AN_INCIDENT


@pytest.mark.parametrize("dead", ["metrics", "lines"])
async def test_a_dead_source_is_a_gap_and_the_other_is_still_read(
    metrics: Any,
    lines: Any,
    clock: Any,
    alert: MakeAlert,
    shop: list[Series],
    stream: MakeStream,
    unavailable: Exception,
    dead: str,
) -> None:
    metrics.raw = shop
    lines.streams = [
        stream("INFO query done", range(0, 900, 5), namespace="shop", app="db"),
        stream("ERROR pool exhausted", range(0, 50, 2), namespace="shop", app="db"),
    ]
    {"metrics": metrics, "lines": lines}[dead].failure = unavailable

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    (gap,) = report.gaps
    assert gap.source == {"metrics": "prometheus", "lines": "loki"}[dead]
    assert "connection refused" in gap.reason
    assert report.unusual
    assert all(each.outcome is Outcome.FAILED for each in report.reads if each.source == gap.source)


async def test_sources_that_are_not_configured_name_their_setting(clock: Any, alert: MakeAlert) -> None:
    report = await gathered((None, None), clock, alert())

    assert ["PROMETHEUS_URL" in report.gaps[0].reason, "LOKI_URL" in report.gaps[1].reason] == [True, True]
    assert summary.without_model([alert()], report, clock.now()).outcome is Verdict.INCONCLUSIVE


async def test_a_source_without_anything_of_ours_is_no_sign_of_health(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert
) -> None:
    report = await gathered((metrics, lines), clock, alert(service="cart"))

    assert {gap.source for gap in report.gaps} == {"prometheus", "loki"}
    assert report.healthy == ()


async def test_an_absurd_start_is_said_and_the_time_until_now_is_looked_at(
    metrics: Any, lines: Any, clock: Any, shop: list[Series], noon: datetime
) -> None:
    metrics.raw = shop
    alert = Alert(status="firing", labels={"namespace": "shop"}, starts_at=datetime(9999, 12, 31, tzinfo=UTC))

    report = await gathered((metrics, lines), clock, alert)

    assert any("9999" in gap.reason for gap in report.gaps)
    assert report.window.end == noon


async def test_the_plan_alone_asks_for_no_samples(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series]
) -> None:
    metrics.raw = shop
    gatherer = Gatherer(metrics, lines, packs.built_in(), Limits(), clock)

    planned = await gatherer.plan_only([alert(service="cart", expr=RULE)])

    assert {each.form for each in planned} == {"raw", "steps"}
    assert not {each.query for each in planned} & set(metrics.asked)


async def test_the_rule_is_looked_up_where_the_alert_does_not_carry_it(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series]
) -> None:
    metrics.raw = shop

    await gathered((metrics, lines), clock, alert(service="cart"))
    looked_up = metrics.asked.count("rules")
    await gathered((metrics, lines), clock, alert(service="cart", expr=RULE))

    assert (looked_up, metrics.asked.count("rules")) == (1, 1)


async def test_values_that_are_no_numbers_do_not_disturb(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], series: MakeSeries
) -> None:
    odd = [series("odd", lambda t: float("nan"), service="cart"), series("odd2", lambda t: float("inf"), service="db")]
    metrics.raw = [*shop, *odd, Series({"__name__": "empty"}, [])]

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    assert report.unusual
    EvidenceReport.model_validate_json(report.model_dump_json())


async def test_a_rule_whose_value_did_not_move_is_still_told(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], series: MakeSeries
) -> None:
    metrics.raw = shop
    metrics.stepped = [Series({"service": "mail"}, series("x", lambda t: 7, service="mail").points)]

    report = await gathered((metrics, lines), clock, alert(service="mail", expr=RULE))

    rule = report.find("A1")
    assert rule is not None
    assert "stayed at 7" in rule.statement
    assert report.findings[-1] == rule


async def test_what_the_platform_says_about_one_entity_is_about_that_entity(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], stream: MakeStream
) -> None:
    metrics.raw = shop
    lines.streams = [
        stream("INFO fine", range(0, 900, 5), namespace="shop", app="kubelet"),
        stream("WARN Back-off restarting failed container cart", range(0, 100, 5), namespace="shop", app="kubelet"),
    ]

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    (found,) = [each for each in report.findings if each.kind == "log"]
    assert found.entity == "cart"
    assert "(written by kubelet)" in found.statement


async def test_what_only_the_alerts_own_entity_was_asked_does_not_rank_it(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], series: MakeSeries
) -> None:
    metrics.raw = [*shop, series("http_request_duration_seconds_bucket", lambda t: t, service="mail", le="1")]
    metrics.stepped = [Series({"service": "mail"}, series("x", lambda t: 9 if t > 0 else 0, service="mail").points)]

    report = await gathered((metrics, lines), clock, alert(service="mail"))

    assert any("histogram_quantile" in asked for asked in metrics.asked)
    assert "mail" not in {each.entity for each in report.findings}


async def test_a_rule_on_a_recorded_series_is_followed_to_what_it_was_recorded_from(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series]
) -> None:
    metrics.raw = shop
    metrics.rule_list = [Rule("service:errors:rate", "sum by (service) (rate(errors_total[1m]))", "recording")]

    report = await gathered((metrics, lines), clock, alert(service="cart", expr="service:errors:rate > 2"))

    asked = [each.query for each in report.reads if each.title.startswith("HighErrorRate")]
    assert asked == [
        'service:errors:rate{namespace="shop"}',
        'sum by (service) (rate(errors_total{namespace="shop"}[1m]))',
    ]


async def test_what_a_source_left_out_of_its_answer_is_a_gap(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series]
) -> None:
    metrics.raw = shop
    metrics.warnings = ("native histograms are not read", "PromQL info: no counter")

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    reasons = [each.reason for each in report.gaps if "histograms" in each.reason or "PromQL" in each.reason]
    assert reasons == [
        "series of the same namespace (and 1 more question): native histograms are not read",
        "the same time a day and a week before: native histograms are not read",
    ]


async def test_a_configured_call_explains_the_caller(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, series: MakeSeries
) -> None:
    def jump(t: float) -> float:
        return (t * 7919) % 13 / 13 + (20 if t > 0 else 0)

    metrics.raw = [series("error_rate", jump, service=name) for name in ("cart", "db")]
    metrics.raw += [series("error_rate", lambda t: (t * 7919) % 13 / 13, service=f"s{n}") for n in range(6)]
    asked = [alert(service="cart")]

    async def first(calls: list[tuple[str, str]]) -> str:
        gatherer = Gatherer(metrics, lines, packs.built_in(), Limits(seconds=5), clock, calls=calls)
        return (await gatherer.gather(asked)).findings[0].entity

    assert await first([("cart", "db")]) == "db"
    assert await first([("db", "cart")]) == "cart"


class Told:
    """Changes that somebody told of, or why they cannot be read."""

    def __init__(self, *changes: PostedChange, failure: Exception | None = None) -> None:
        self._changes = list(changes)
        self._failure = failure

    async def between(self, start: datetime, end: datetime) -> Answer[list[PostedChange]]:
        if self._failure:
            raise self._failure
        return Answer(self._changes)


def deployment(noon: datetime, seconds_ago: float, service: str) -> PostedChange:
    at = noon - timedelta(seconds=seconds_ago)
    return PostedChange(
        source="github", kind="deployment", title="v2", at=at, service=service, url="https://ci.example"
    )


async def test_a_posted_deployment_near_the_onset_is_evidence(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, shop: list[Series], noon: datetime
) -> None:
    metrics.raw = shop
    told = {"changes": Told(deployment(noon, 125, "db"), deployment(noon, 125, "elsewhere"))}

    gatherer = Gatherer(metrics, lines, packs.built_in(), Limits(seconds=5), clock, changes=told)
    report = await gatherer.gather([alert(service="cart")])

    (change,) = [each for each in report.findings if each.kind == "change"]
    assert (change.id, change.entity, change.source, change.link) == ("C1", "db", "github", "https://ci.example")
    assert change.at == noon - timedelta(seconds=125)


async def test_a_deployment_alone_does_not_make_an_incident_of_a_quiet_time(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, series: MakeSeries, noon: datetime
) -> None:
    metrics.raw = [
        series("queue_length", lambda t: 5 + (t * 7919) % 13 / 13, service=s) for s in ("cart", "db", "mail")
    ]
    told = {"changes": Told(deployment(noon, -20, "cart"))}

    gatherer = Gatherer(metrics, lines, packs.built_in(), Limits(seconds=5), clock, changes=told)
    report = await gatherer.gather([alert(service="cart")])

    assert [each.kind for each in report.findings] == ["change"]
    assert summary.without_model([alert(service="cart")], report, noon).outcome is Verdict.INCONCLUSIVE


async def test_changes_that_cannot_be_read_are_a_gap(metrics: Any, lines: Any, clock: Any, alert: MakeAlert) -> None:
    told = {"grafana": Told(failure=SourceRefused("grafana answered 401"))}
    gatherer = Gatherer(metrics, lines, packs.built_in(), Limits(seconds=5), clock, changes=told)
    report = await gatherer.gather([alert(service="cart")])
    assert [gap.reason for gap in report.gaps if gap.source == "grafana"] == ["what was changed: grafana answered 401"]


async def test_an_earlier_incident_is_no_part_of_what_is_usual(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, series: MakeSeries, noon: datetime
) -> None:
    def failing(t: float) -> float:
        earlier = -800 < t < -300
        return (t * 7919) % 13 / 13 + (20 if t > 0 or earlier else 0)

    metrics.raw = [series("error_rate", failing, service="cart")]
    metrics.raw += [series("error_rate", lambda t: (t * 7919) % 13 / 13, service=f"s{n}") for n in range(6)]
    fired = [(noon.timestamp() - ago, 1.0) for ago in range(900, 430, -15)]
    asked = alert(service="cart")

    without = await gathered((metrics, lines), clock, asked)
    metrics.earlier = [Series({"__name__": "ALERTS", "alertname": "Errors", "alertstate": "firing"}, fired)]
    knowing = await gathered((metrics, lines), clock, asked)

    def before(report: EvidenceReport) -> float:
        return next((each.change.before for each in report.findings if each.change and each.entity == "cart"), 20.0)

    assert before(knowing) < 2 < before(without)
    assert knowing.window.start < without.window.start


async def test_all_of_the_time_is_seen_of_a_chatty_service(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, stream: MakeStream, noon: datetime
) -> None:
    chatty = stream("GET / 200 in 3 ms", [0.5 * n for n in range(1900)], namespace="shop", app="cart")
    lines.streams = [chatty, stream("ERROR disk is full", [100, 99, 98], namespace="shop", app="cart")]
    lines.counts = [Series({"app": "cart"}, [(noon.timestamp() - 60 * n, 120) for n in range(16)])]

    found = await logs.collect(
        lines,
        [alert(service="cart")],
        window_for(noon - timedelta(seconds=60), noon),
        Reader(8, 5),
        Limits(log_lines=400),
    )

    plain = [sample for sample in found.samples if not sample.trouble]
    seen = sorted(line.entry.at for sample in plain for line in sample.lines)
    gaps = [b - a for a, b in pairwise(seen)]
    assert len(seen) <= 2 * 400
    assert max(gaps) < 300  # the baseline of 15 minutes was not read at its end alone
    assert seen[0] < noon.timestamp() - 600


async def test_structured_metadata_of_a_quoted_line_is_kept(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, noon: datetime
) -> None:
    entries = [
        Entry(int((noon.timestamp() - ago) * 1e9), "ERROR disk is full", {"trace_id": "c0ffee"}) for ago in (50, 45, 40)
    ]
    usual = [Entry(int((noon.timestamp() - 900 + 10 * n) * 1e9), "GET / 200") for n in range(90)]
    lines.streams = [Stream({"namespace": "shop", "app": "cart"}, each) for each in (usual, entries)]

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    (said,) = [each for each in report.findings if each.kind == "log"]
    assert said.lines[0].metadata == {"trace_id": "c0ffee"}


async def test_what_broke_in_another_namespace_is_not_told_of_the_service_of_the_same_name(
    metrics: Any, lines: Any, clock: Any, alert: MakeAlert, series: MakeSeries, stream: MakeStream
) -> None:
    def failing(t: float) -> float:
        return 40 * max(0.0, t)

    for space, bad in (("shop", lambda t: (t * 7919) % 13 / 13), ("staging", failing)):
        place = {"service": "cart", "namespace": space, "instance": f"{space}:80"}
        metrics.raw.append(series("errors_total", bad, **place))
        metrics.raw.append(series("queue_length", lambda t: (t * 7919) % 13, **place))
        metrics.raw.append(series("up", lambda t: 1, **place))
    lines.streams = [
        stream("INFO query done", range(0, 900, 5), namespace="shop", app="cart"),
        stream("ERROR pool exhausted", range(0, 110, 3), namespace="staging", app="cart"),
    ]

    report = await gathered((metrics, lines), clock, alert(service="cart"))

    assert {(each.kind, each.entity) for each in report.findings} == {
        ("metric", "staging/cart"),
        ("log", "staging/cart"),
    }
    assert "__entity__" not in report.model_dump_json()
    assert [text.split(":")[0] for text in report.healthy] == ["cart"]
