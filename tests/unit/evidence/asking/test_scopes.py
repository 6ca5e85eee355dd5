from collections.abc import Callable

from aiops_processor.evidence.asking import scopes
from aiops_processor.evidence.asking.scopes import Found
from aiops_processor.models.alert import Alert
from aiops_processor.query import promql

MakeAlert = Callable[..., Alert]


def labels(metric: str, count: int, **more: str) -> list[dict[str, str]]:
    return [{"__name__": metric, "namespace": "shop", "n": str(index), **more} for index in range(count)]


def test_neighbours_share_the_namespace_and_the_entity_is_found_elsewhere_too(alert: MakeAlert) -> None:
    wide, own = scopes.scopes([alert(service="cart"), alert(service="db")])

    assert wide.selector == '{namespace="shop"}'
    assert own.matchers == ('service=~"cart|db"', 'namespace!~"shop"')


def test_without_a_namespace_the_job_is_the_neighbourhood(alert: MakeAlert) -> None:
    wide, own = scopes.scopes([alert(namespace="", job="node", instance="web-1:9100")])

    assert wide.selector == '{job="node"}'
    assert own.matchers[0] == 'instance="web-1:9100"'


def test_an_alert_that_names_nothing_has_no_neighbours(alert: MakeAlert) -> None:
    assert scopes.scopes([alert(namespace="", severity="none")]) == []


def test_label_values_cannot_change_a_scope(alert: MakeAlert) -> None:
    evil = 'a"} or {__name__=~".+"}|b.*'

    for scope in scopes.scopes([alert(namespace=evil, service=evil), alert(service="x")]):
        assert len(promql.selectors(scope.selector)) == 1


def test_a_scope_that_fits_is_read_whole_without_noise(alert: MakeAlert) -> None:
    around = scopes.scopes([alert()])

    (kept,) = scopes.narrowed(around, {around[0].selector: {"a": 3, "go_x": 900}}, most=10)

    assert kept.left == ()
    assert "__name__!~" in kept.selector


def test_a_scope_that_is_too_wide_keeps_the_small_metrics(alert: MakeAlert) -> None:
    around = scopes.scopes([alert()])

    (kept,) = scopes.narrowed(around, {around[0].selector: {"wide": 50, "small": 2, "go_x": 900}}, most=10)

    assert '__name__=~"small"' in kept.selector
    assert kept.left == (("wide", 50),)


def test_all_scopes_together_stay_under_the_limit(alert: MakeAlert) -> None:
    around = scopes.scopes([alert(service="cart")])

    first, second = scopes.narrowed(around, {each.selector: {"a": 6} for each in around}, most=10)

    assert (first.left, second.left, second.names) == ((), (("a", 6),), "")


def test_a_scope_that_was_not_counted_or_is_empty_is_not_read(alert: MakeAlert) -> None:
    around = scopes.scopes([alert(service="cart")])

    assert scopes.narrowed(around, {around[0].selector: {}}, most=10) == []


def test_the_cluster_is_injected_only_where_the_series_know_it(alert: MakeAlert) -> None:
    alerts = [alert(cluster="eu")]
    (around,) = scopes.scopes(alerts)
    external = Found(tuple(labels("a", 2)))
    stored = Found(tuple(labels("a", 2, cluster="eu") + labels("a", 2, cluster="us")))

    assert "cluster" not in scopes.in_realms(alerts, around, external).selector
    assert 'cluster="eu"' in scopes.in_realms(alerts, around, stored).selector


def test_the_service_graph_is_looked_for_where_it_is_known(alert: MakeAlert) -> None:
    (scope,) = scopes.service_graph({"up", "traces_service_graph_request_total"})

    assert "namespace" not in scope.selector
    assert scopes.service_graph({"up"}) == scopes.service_graph(None) == []


def test_what_a_narrowed_selector_reads_is_known_from_the_count() -> None:
    found = Found(({"namespace": "shop", "code": "200"}, {"namespace": "shop"}, {}), (10, 5, 3))

    assert [found.count({}), found.count({"namespace": "shop"}), found.count({"code": "200"})] == [18, 15, 10]
    assert Found(({"a": "b"}, {})).count({}) == 2
