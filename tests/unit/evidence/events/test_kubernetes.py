import json

import pytest

from aiops_processor.evidence.events import kubernetes
from aiops_processor.models.samples import Entry, Stream

OBJECT = {"kind": "Pod", "namespace": "shop", "name": "cart-7d9f8b6c5d-x2x4z"}
EXPORTED = {"reason": "BackOff", "type": "Warning", "message": "Back-off restarting", "involvedObject": OBJECT}
ROUTED = {"verb": "ADDED", "event": EXPORTED}
ALLOY = (
    "name=cart-7d9f8b6c5d-x2x4z kind=Pod objectAPIversion=v1 objectRV=1 reason=BackOff type=Warning count=3 "
    'msg="Back-off restarting" '
)


def stream(*lines: str, **labels: str) -> Stream:
    return Stream(
        {"job": "loki.source.kubernetes_events", **labels}, [Entry(i * 10**9, x) for i, x in enumerate(lines)]
    )


@pytest.mark.parametrize("line", [json.dumps(EXPORTED), json.dumps(ROUTED), ALLOY])
def test_an_event_is_read_in_every_form_that_collectors_write(line: str) -> None:
    (change,) = kubernetes.changes([stream(line, namespace="shop")], "{}")
    assert (change.service, change.namespace, change.kind) == ("cart", "shop", "event")
    assert change.title == "BackOff Pod/cart-7d9f8b6c5d-x2x4z: Back-off restarting"


def test_a_scaled_deployment_is_a_change_and_the_pods_that_follow_are_not() -> None:
    scaled = {
        "reason": "ScalingReplicaSet", "type": "Normal", "message": "Scaled up replica set cart-7d9 to 3",
        "involvedObject": {"kind": "Deployment", "namespace": "shop", "name": "cart"},
    }  # fmt: skip
    pulled = {**EXPORTED, "reason": "Pulled", "type": "Normal"}
    (change,) = kubernetes.changes([stream(json.dumps(scaled), json.dumps(pulled))], "{}")
    assert (change.kind, change.service) == ("scaling", "cart")


def test_the_same_again_is_told_once_at_its_first_time() -> None:
    (change,) = kubernetes.changes([stream(ALLOY, ALLOY, ALLOY, namespace="shop")], "{}")
    assert change.at.timestamp() == 0


def test_other_lines_are_no_events() -> None:
    assert kubernetes.changes([stream("GET / 200", '{"msg": "hello"}', "[1, 2]")], "{}") == []


def test_the_streams_of_events_are_found_by_who_writes_them() -> None:
    streams = [{"app": "cart"}, {"job": "monitoring/event-exporter"}]
    assert kubernetes.selector(streams) == '{job=~"monitoring/event-exporter"}'
    assert kubernetes.selector(streams[:1]) == ""
    assert len(kubernetes.writers(["job", "app", "pod"])) == 2
