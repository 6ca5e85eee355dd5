import pytest

from aiops_processor.evidence.ranking.kinds import Trouble, is_health, trouble_of


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        ("container_cpu_cfs_throttled_periods_total", Trouble.CPU),
        ("process_cpu_seconds_total", Trouble.CPU),
        ("process_resident_memory_bytes", Trouble.MEMORY),
        ("jvm_heap_used", Trouble.MEMORY),
        ("http_request_duration_seconds mean", Trouble.LATENCY),
        ("http_server_requests_seconds_sum", Trouble.LATENCY),
        ("P99Latency(ms)", Trouble.LATENCY),
        ("http_client_request_duration_seconds mean", Trouble.CLIENT),
        ("envoy_cluster_upstream_rq_time", Trouble.CLIENT),
        ("probe_network_duration_seconds", Trouble.NETWORK),
        ("http_requests_total failed share", Trouble.ERRORS),
        ("node_network_receive_errs_total", Trouble.ERRORS),
        ("success_rate", Trouble.ERRORS),
        ("kube_deployment_status_replicas_unavailable", Trouble.ERRORS),
        ("UnHealthyHostCount", Trouble.ERRORS),
        ("node_memory_MemAvailable_bytes", Trouble.MEMORY),
        ("jvm_memory_free_bytes", Trouble.MEMORY),
        ("service_rt", Trouble.LATENCY),
        ("tps", Trouble.TRAFFIC),
        ("lambda_invocations", Trouble.TRAFFIC),
        ("http_requests_total ok", Trouble.TRAFFIC),
        ("node_network_receive_bytes_total", Trouble.TRANSFER),
        ("node_disk_io_now", Trouble.TRANSFER),
        ("log lines error", Trouble.LOGS),
        ("db_pool_in_use", Trouble.OTHER),
        ("node_interrupts", Trouble.OTHER),
    ],
)
def test_names_say_what_a_metric_measures(kind: str, trouble: Trouble) -> None:
    assert trouble_of(kind) is trouble


@pytest.mark.parametrize(
    ("kind", "health"),
    [
        ("up", True),
        ("availability", True),
        ("kube_pod_status_ready", True),
        ("node_memory_MemAvailable_bytes", True),
        ("uptime_seconds", False),
        ("cpu", False),
        ("kube_deployment_status_replicas_unavailable", False),
        ("unhealthy_hosts", False),
        ("requests_unsuccessful", False),
        ("pods_not_ready", False),
    ],
)
def test_of_some_metrics_less_is_worse(kind: str, health: bool) -> None:
    assert is_health(kind) is health
