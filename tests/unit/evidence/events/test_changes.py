from collections.abc import Callable

from aiops_processor.evidence.events import changes
from aiops_processor.models.samples import Series

MakeSeries = Callable[..., Series]
NOON = 1769860800.0
ONSET = NOON - 120


def between(series: Series, first: float, last: float) -> Series:
    return Series(series.labels, [point for point in series.points if first <= point[0] <= last])


def test_a_new_build_is_a_change(series: MakeSeries) -> None:
    old = between(series("app_build_info", lambda t: 1, service="cart", version="1.4.2"), 0, ONSET)
    new = between(series("app_build_info", lambda t: 1, service="cart", version="1.4.3"), ONSET, NOON)

    (event,) = changes.find([old, new], ONSET, NOON)

    assert (event.entity, event.kind, event.before, event.after) == ("cart", "version", "1.4.2", "1.4.3")


def test_two_builds_side_by_side_are_none(series: MakeSeries) -> None:
    both = [series("app_build_info", lambda t: 1, service="cart", version=v) for v in ("1", "2")]

    assert changes.find(both, ONSET, NOON) == []


def test_a_process_that_started_around_the_onset_restarted(series: MakeSeries) -> None:
    start = series("process_start_time_seconds", lambda t: 1e9 if t < 10 else ONSET + 10, service="cart")

    (event,) = changes.find([start], ONSET, NOON)

    assert (event.entity, event.kind, event.at) == ("cart", "restart", ONSET + 10)


def test_a_process_that_started_long_before_did_not(series: MakeSeries) -> None:
    start = series("process_start_time_seconds", lambda t: ONSET - 600, service="cart")

    assert changes.find([start], ONSET, NOON) == []


def test_a_counter_of_restarts_that_grew_is_a_restart(series: MakeSeries) -> None:
    counter = series("kube_pod_container_status_restarts_total", lambda t: max(0.0, t // 30), pod="cart-0")

    (event,) = changes.find([counter], ONSET, NOON)

    assert (event.entity, event.kind) == ("cart", "restart")


def test_the_restarts_of_all_copies_are_one_event_since_the_first(series: MakeSeries) -> None:
    pods = {"db-0": 30, "db-1": 10, "db-2": 20}
    starts = [
        series("process_start_time_seconds", lambda t, after=after: 1e9 if t < after else ONSET + after, pod=pod)
        for pod, after in pods.items()
    ]

    (event,) = changes.find(starts, ONSET, NOON)

    assert (event.entity, event.at, event.after) == ("db", ONSET + 10, "3×")


def test_a_container_beside_another_replaces_nothing(series: MakeSeries) -> None:
    """Such as one to debug in: it has an image of its own."""
    app = series("kube_pod_container_info", lambda t: 1, pod="cart-0", container="cart", image="cart:1.0")
    other = series("kube_pod_container_info", lambda t: 1, pod="cart-0", container="debugger", image="busybox:1.36")
    later = Series(other.labels, other.points[len(other.points) * 3 // 4 :])

    assert changes.find([app, later], ONSET, NOON) == []
