"""Label sets as service discovery, kube-state-metrics, cAdvisor and probers make them."""

import pytest

from aiops_processor.evidence.rows.entities import entity_of
from aiops_processor.evidence.rows.namesakes import find, namespace_of
from aiops_processor.models.samples import Series

Labels = dict[str, str]
REQUESTS = "http_requests_total"
OWN = ("shop",)


def scraped(service: str, namespace: str, **labels: str) -> Labels:
    """A target that a ServiceMonitor found."""
    pod = {"pod": f"{service}-7d9f8b6c5d-x2x4z", "instance": f"10.0.{len(namespace)}.7:8080"}
    return {"job": service, "service": service, "namespace": namespace, **pod, **labels}


def names(measured: list[tuple[str, Labels]], own: tuple[str, ...] = OWN) -> list[str]:
    found = find(measured, own)
    return [found.entity(entity_of(labels), labels) for _, labels in measured]


def test_a_service_of_another_namespace_with_the_same_name_is_another_service() -> None:
    measured = [(REQUESTS, scraped("cart", space)) for space in ("shop", "staging")]
    assert names(measured) == ["cart", "staging/cart"]


def test_without_pods_their_targets_tell_them_apart() -> None:
    measured = [
        (REQUESTS, {"service": "cart", "namespace": space, "job": "cart", "instance": f"{space}:80"})
        for space in ("shop", "staging")
    ]
    assert names(measured) == ["cart", "staging/cart"]


def test_sums_that_name_no_target_are_told_apart_by_their_namespace() -> None:
    measured = [(REQUESTS, {"service": "cart", "namespace": space}) for space in ("shop", "staging", "test")]
    assert names(measured) == ["cart", "staging/cart", "test/cart"]


def test_a_service_whose_series_partly_lack_the_namespace_stays_one() -> None:
    measured = [(REQUESTS, scraped("cart", "shop")), (REQUESTS, {"service": "cart", "instance": "x:80"})]
    assert names(measured) == ["cart", "cart"]


def test_what_lacks_the_namespace_is_counted_to_the_alerts_own() -> None:
    measured = [(REQUESTS, scraped("cart", space)) for space in ("shop", "staging")]
    measured.append(("process_cpu_seconds_total", {"service": "cart", "instance": "x:80"}))
    assert names(measured) == ["cart", "staging/cart", "cart"]


def test_a_prober_in_a_namespace_of_its_own_makes_no_second_service() -> None:
    prober = {"service": "cart", "namespace": "monitoring", "job": "blackbox", "instance": "http://cart"}
    measured = [(REQUESTS, scraped("cart", "shop")), ("up", scraped("cart", "shop"))]
    measured += [("probe_success", prober), ("up", prober)]
    assert names(measured) == ["cart"] * 4


def test_kube_state_metrics_speaks_of_many_namespaces_and_is_one_service() -> None:
    exporter = {"job": "kube-state-metrics", "service": "kube-state-metrics", "instance": "10.0.0.9:8080"}
    measured = [("kube_resourcequota", {**exporter, "namespace": space}) for space in ("shop", "staging")]
    assert names(measured) == ["kube-state-metrics"] * 2


@pytest.mark.parametrize("honoured", [True, False])
def test_workloads_that_kube_state_metrics_tells_of_live_where_it_says(honoured: bool) -> None:
    exporter = {"job": "kube-state-metrics", "instance": "10.0.0.9:8080"}
    label = {"namespace": ""} if honoured else {"namespace": "monitoring", "exported_namespace": ""}
    place = list(label)[-1]
    measured = [
        ("kube_deployment_status_replicas", {**exporter, **label, place: space, "deployment": "cart"})
        for space in ("shop", "staging")
    ]
    assert names(measured) == ["cart", "staging/cart"]
    assert [namespace_of(labels) for _, labels in measured] == ["shop", "staging"]


def test_pods_that_one_kubelet_measures_live_in_their_own_namespaces() -> None:
    kubelet = {"job": "kubelet", "service": "kubelet", "instance": "10.0.0.2:10250", "container": "cart"}
    measured = [
        ("container_cpu_usage_seconds_total", {**kubelet, "namespace": space, "pod": "cart-7d9f8b6c5d-x2x4z"})
        for space in ("shop", "staging")
    ]
    assert names(measured) == ["cart", "staging/cart"]


def test_a_machine_is_one_machine_in_whatever_namespace() -> None:
    measured = [("node_load1", {"instance": "web-1:9100", "namespace": space}) for space in ("shop", "staging")]
    assert names(measured) == ["web-1:9100"] * 2


def test_alerts_without_a_namespace_have_no_service_of_their_own() -> None:
    measured = [(REQUESTS, scraped("cart", space)) for space in ("shop", "staging")]
    assert names(measured, own=()) == ["shop/cart", "staging/cart"]


def test_a_marked_series_keeps_its_labels_and_points() -> None:
    measured = [(REQUESTS, scraped("cart", space)) for space in ("shop", "staging")]
    series = [Series({"__name__": metric, **labels}, [(1.0, 2.0)]) for metric, labels in measured]
    marked = find(measured, OWN).marked(series)
    assert [entity_of(each.labels) for each in marked] == ["cart", "staging/cart"]
    assert marked[0] == series[0]
    assert (marked[1].points, marked[1].labels["service"]) == ([(1.0, 2.0)], "cart")


def measured(*places: str) -> list[tuple[str, Labels]]:
    return [(REQUESTS, scraped(name, space)) for space, _, name in (each.partition("/") for each in places)]


@pytest.mark.parametrize(
    ("places", "told", "meant"),
    [
        ("shop/web shop/cart", "web>cart", "web>cart"),
        ("shop/web shop/cart", "shop/web>shop/cart", "web>cart"),
        ("shop/web shop/cart staging/web staging/cart", "web>cart", "web>cart staging/web>staging/cart"),
        ("shop/web shop/cart staging/web staging/cart", "shop/web>shop/cart", "web>cart"),
        ("shop/web shop/cart staging/web staging/cart", "staging/web>staging/cart", "staging/web>staging/cart"),
        ("shop/web shop/cart staging/cart", "web>cart", "web>cart"),
        ("front/web shop/cart staging/cart", "web>cart", "web>cart"),
        ("front/web shop/cart staging/cart", "front/web>staging/cart", "web>staging/cart"),
        ("shop/web staging/web data/db", "web>db", "web>db"),
        ("shop/web staging/web data/db", "staging/web>data/db", "staging/web>db"),
        ("bank/web bank/cart test/web test/cart", "web>cart", "bank/web>bank/cart test/web>test/cart"),
        ("front/web bank/cart test/cart", "web>cart", "web>bank/cart web>test/cart"),
        ("staging/web staging/cart", "shop/web>shop/cart", ""),
        ("staging/web staging/cart", "staging/web>staging/cart", "web>cart"),
        ("shop/web", "shop/web>data/db", "web>db"),
        ("shop/web", "web>db", "web>db"),
        ("", "web>db shop/web>db", "web>db"),
    ],
)
def test_told_calls_are_between_those_whom_people_mean(places: str, told: str, meant: str) -> None:
    found = find(measured(*places.split()), OWN)
    calls = {(caller, callee) for caller, _, callee in (each.partition(">") for each in told.split())}
    assert found.calls(calls) == {
        (caller, callee) for caller, _, callee in (each.partition(">") for each in meant.split())
    }
