import pytest

from aiops_processor.evidence.rows.entities import entity_of, identity, workload_of


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("cart-7d9f8b6c5d-x2x4z", "cart"),
        ("node-exporter-x7k2p", "node-exporter"),
        ("postgres-0", "postgres"),
        ("backup-28391040-zx5dw", "backup"),
        ("cart", "cart"),
        ("cart-stable", "cart-stable"),
    ],
)
def test_a_pod_is_named_after_its_workload(pod: str, workload: str) -> None:
    assert workload_of(pod) == workload


@pytest.mark.parametrize(
    ("labels", "entity"),
    [
        ({"service": "cart", "instance": "10.0.0.1:80", "job": "shop"}, "cart"),
        ({"service": "cart", "pod": "cart-142-5e539"}, "cart"),
        # The kubelet and kube-state-metrics speak for others under their own service name.
        ({"service": "kubelet", "pod": "cart-7d9f8b6c5d-x2x4z", "namespace": "shop"}, "cart"),
        ({"deployment": "cart", "service": "kube-state-metrics", "pod": "ksm-0"}, "cart"),
        ({"app": "cart", "container": "main", "stream": "stderr"}, "cart"),
        ({"instance": "web-1:9100", "job": "node"}, "web-1:9100"),
        ({"job": "node"}, "node"),
        ({"alertname": "Watchdog", "severity": "none"}, ""),
    ],
)
def test_labels_name_the_entity_that_they_are_about(labels: dict[str, str], entity: str) -> None:
    assert entity_of(labels) == entity


def test_identity_leaves_out_what_a_rule_adds() -> None:
    labels = {"alertname": "X", "severity": "critical", "team": "a", "service": "cart", "cluster": "eu"}

    assert identity(labels) == {"service": "cart", "cluster": "eu"}
