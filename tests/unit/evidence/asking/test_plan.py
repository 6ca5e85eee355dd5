from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence.asking import packs, plan, scopes
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.plan import Discovered, Plan
from aiops_processor.evidence.asking.scopes import Found
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Window
from aiops_processor.query import promql

MakeAlert = Callable[..., Alert]
RATIO = "sum by (service) (rate(errors_total[1m])) / sum by (service) (rate(requests_total[1m])) > 0.05"
OWN = ({"__name__": "errors_total", "service": "cart", "namespace": "shop", "job": "web"},)


@pytest.fixture
def window(noon: datetime) -> Window:
    return Window(start=noon - timedelta(minutes=16), onset=noon - timedelta(minutes=1), end=noon)


def planned(alerts: list[Alert], window: Window, found: Found | None, rules: dict[str, str]) -> Plan:
    conditions, _ = plan.conditions(alerts, rules, most=8)
    known = {each.text: found for each in plan.selectors(conditions)} if found else {}
    discovered = Discovered(selectors=known, scopes={}, names=frozenset(), interval=15)
    around = scopes.scopes(alerts)
    return plan.plan(alerts, conditions, around, discovered, packs.built_in(), window, Limits())


def test_the_rule_is_asked_for_all_siblings_where_the_answer_tells_them_apart(alert: MakeAlert, window: Window) -> None:
    alerts = [alert(service="cart", cluster="eu", severity="critical"), alert(service="db")]

    (question,) = planned(alerts, window, Found(OWN), {"HighErrorRate": RATIO}).questions

    matched = [each.matchers for each in promql.selectors(question.query)]
    assert matched == [(("namespace", "=", "shop"),)] * 2
    assert question.side is not None
    assert (question.side.op, question.side.threshold) == (">", 0.05)


def test_a_rule_whose_answer_names_no_entity_is_asked_for_each_alert(alert: MakeAlert, window: Window) -> None:
    alerts = [alert(service="cart"), alert(service="db")]
    own = (*OWN, {**OWN[0], "service": "db"})

    asked = planned(alerts, window, Found(own), {"HighErrorRate": "sum(rate(errors_total[1m])) > 5"}).questions

    services = [{k: v for k, _, v in promql.selectors(each.query)[0].matchers}["service"] for each in asked]
    assert services == ["cart", "db"]


def test_labels_that_the_series_do_not_carry_are_not_injected(alert: MakeAlert, window: Window) -> None:
    alerts = [alert(service="cart", cluster="eu", namespace="added-by-the-rule")]

    (question,) = planned(alerts, window, Found(OWN), {"HighErrorRate": "sum(errors_total) > 1"}).questions

    assert promql.selectors(question.query)[0].matchers == (("service", "=", "cart"),)


def test_where_discovery_failed_nothing_is_injected(alert: MakeAlert, window: Window) -> None:
    (question,) = planned([alert(service="cart")], window, None, {"HighErrorRate": "errors_total > 1"}).questions

    assert promql.selectors(question.query)[0].matchers == ()


def test_a_rule_that_reads_too_much_with_one_evaluation_is_a_gap(alert: MakeAlert, window: Window) -> None:
    """The expression comes from a link in an alert: anybody may have written it."""
    hostile = {"HighErrorRate": "max_over_time(errors_total[30d:1s]) > 1"}
    few, many = Found(OWN), Found(OWN, (100,))

    asked = planned([alert(service="cart")], window, few, hostile)
    left_out = planned([alert(service="cart")], window, many, hostile)

    assert [each.samples for each in asked.questions] == [30 * 86400]
    assert left_out.questions == ()
    assert [(gap.limit, "259,200,000 samples" in gap.reason) for gap in left_out.gaps] == [("samples", True)]


def test_series_that_could_not_be_counted_are_taken_for_many(alert: MakeAlert, window: Window) -> None:
    rules = {"HighErrorRate": "rate(errors_total[5m]) > 1"}

    (counted,) = planned([alert(service="cart")], window, Found(OWN), rules).questions
    (unknown,) = planned([alert(service="cart")], window, None, rules).questions

    assert (counted.reads, counted.samples) == (1, 20)
    assert (unknown.reads, unknown.samples) == (Limits().summed, 20 * Limits().summed)


def test_a_rule_without_series_asks_nothing(alert: MakeAlert, window: Window) -> None:
    assert planned([alert()], window, None, {"HighErrorRate": "vector(1)"}).questions == ()


def test_a_rule_that_does_not_parse_is_a_gap(alert: MakeAlert) -> None:
    found, (gap,) = plan.conditions([alert()], {"HighErrorRate": "sum("}, most=8)

    assert found == []
    assert "HighErrorRate" in gap.reason


def test_of_a_storm_the_rules_with_most_alerts_are_read(alert: MakeAlert) -> None:
    alerts = [alert(alertname=f"Rule{index}") for index in range(5)] + [alert(alertname="Rule4")]
    rules = {f"Rule{index}": f"metric{index} > 1" for index in range(5)}

    found, (gap,) = plan.conditions(alerts, rules, most=2)

    assert [each.name for each in found] == ["Rule4", "Rule0"]
    assert "3 rules" in gap.reason


def test_packs_ask_nothing_that_prometheus_has_no_metric_for(alert: MakeAlert, window: Window) -> None:
    alerts = [alert(service="cart", instance="web-1:9100")]
    discovered = Discovered(selectors={}, scopes={}, names=frozenset({"node_load1"}), interval=15)

    asked = plan.plan(alerts, [], [], discovered, packs.built_in(), window, Limits()).questions

    assert [each.metrics for each in asked] == [("node_load1",)]


def test_a_pack_that_would_read_too_much_is_not_asked(alert: MakeAlert, window: Window) -> None:
    counts = {"http_request_duration_seconds_bucket": 50_000}
    discovered = Discovered({}, {}, frozenset(counts), 15, counts=counts)

    def asked(**labels: str) -> list[str]:
        alerts = [alert(alertname="SlowRequests", **labels)]
        made = plan.plan(alerts, [], [], discovered, packs.built_in(), window, Limits())
        return [each.query for each in made.questions]

    assert asked(namespace="", job="web") == []
    assert asked(service="cart")


def test_siblings_are_shown_where_their_sum_is_not_too_much(alert: MakeAlert, window: Window) -> None:
    rules = {"HighErrorRate": RATIO}
    mine = {"namespace": "shop", "service": "cart"}

    def first(count: int) -> str:
        found = Found((mine, {"namespace": "other"}), (count, 50_000))
        return planned([alert(service="cart")], window, found, rules).questions[0].title

    assert "siblings too" in first(4_000)
    assert "siblings too" not in first(6_000)


@pytest.mark.parametrize(
    ("names", "asked_of"),
    [
        ({"http_request_duration_seconds"}, "http_request_duration_seconds"),
        (
            {"http_request_duration_seconds", "http_request_duration_seconds_bucket"},
            "http_request_duration_seconds_bucket",
        ),
    ],
)
def test_packs_ask_native_histograms_where_there_is_no_classic_one(
    alert: MakeAlert, window: Window, names: set[str], asked_of: str
) -> None:
    types = {"http_request_duration_seconds": Metadata("histogram")}
    seen = Found(({"__name__": "http_request_duration_seconds", "service": "cart"},))
    discovered = Discovered({}, {"{}": seen}, frozenset(names), 15, types)
    slow = alert(alertname="HttpRequestsSlow", service="cart")
    asked = plan.plan([slow], [], [], discovered, packs.built_in(), window, Limits()).questions
    quantiles = [each.query for each in asked if each.title == "95th percentile of the request duration"]
    assert quantiles
    assert {each.metric for query in quantiles for each in promql.selectors(query)} == {asked_of}
