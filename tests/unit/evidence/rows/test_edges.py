import pytest

from aiops_processor.evidence.rows.edges import edge_of, other_view, view_of


@pytest.mark.parametrize(
    ("labels", "edge"),
    [
        ({"client": "web", "server": "cart"}, ("web", "cart")),
        ({"source_workload": "web", "destination_workload": "cart", "reporter": "source"}, ("web", "cart")),
        ({"deployment": "web", "dst_deployment": "cart", "direction": "outbound"}, ("web", "cart")),
        ({"deployment": "web", "dst_statefulset": "db"}, ("web", "db")),
        ({"source_workload": "unknown", "destination_workload": "cart"}, None),
        ({"client": "cart", "server": "cart"}, None),
        ({"server": "cart"}, None),
        ({"deployment": "web"}, None),
    ],
)
def test_who_calls_whom_stands_in_the_labels(labels: dict[str, str], edge: tuple[str, str] | None) -> None:
    assert edge_of(labels) == edge


@pytest.mark.parametrize(
    ("metric", "labels", "view"),
    [
        ("istio_requests_total", {"reporter": "source"}, "client"),
        ("response_total", {"direction": "inbound"}, "server"),
        ("traces_service_graph_request_server_seconds_sum", {}, "server"),
        ("http_client_request_duration_seconds_sum", {}, "client"),
        ("http_requests_total", {}, ""),
    ],
)
def test_the_side_that_measured_is_known(metric: str, labels: dict[str, str], view: str) -> None:
    assert view_of(metric, labels) == view


def test_the_other_side_has_the_same_name_but_for_one_word() -> None:
    assert other_view("rpc_client_duration_milliseconds") == "rpc_server_duration_milliseconds"
    assert other_view("istio_request_duration_milliseconds") == "istio_request_duration_milliseconds"
