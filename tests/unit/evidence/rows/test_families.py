import pytest

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence.rows import families


@pytest.mark.parametrize(
    ("labels", "ending"),
    [
        ({"code": "503"}, "failed"),
        ({"code": "200"}, "ok"),
        ({"status": "5xx"}, "failed"),
        ({"status_code": "404"}, "rejected"),
        ({"grpc_code": "Unavailable"}, "failed"),
        ({"grpc_code": "DeadlineExceeded"}, "failed"),
        ({"grpc_code": "OK"}, "ok"),
        ({"grpc_code": "NotFound"}, "rejected"),
        ({"outcome": "refused"}, "failed"),
        ({"result": "success"}, "ok"),
        ({"error": "java.io.IOException"}, "failed"),
        ({"error": "none"}, "ok"),
        ({"method": "GET"}, ""),
    ],
)
def test_labels_say_how_requests_ended(labels: dict[str, str], ending: str) -> None:
    assert families.ending_of(labels) == ending


def test_a_counter_is_known_by_its_type_then_by_its_name() -> None:
    known = {"queue_count": Metadata(type="gauge"), "odd": Metadata(type="counter")}

    assert not families.is_counter("queue_count", known)
    assert families.is_counter("odd", known)
    assert families.is_counter("http_requests_total", known)
    assert not families.is_counter("node_load1", known)


@pytest.mark.parametrize("metric", ["ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "x_created", "go_threads"])
def test_what_moves_with_everything_is_noise(metric: str) -> None:
    assert families.is_noise(metric)


@pytest.mark.parametrize("metric", ["http_requests_total", "node_load1", "cargo_total", "up"])
def test_what_measures_something_is_not(metric: str) -> None:
    assert not families.is_noise(metric)


def test_units_come_from_metadata_or_the_name() -> None:
    assert families.unit_of("a_seconds_total", {}) == "s"
    assert families.unit_of("process_resident_memory_bytes", {}) == "bytes"
    assert families.unit_of("size", {"size": Metadata(unit="bytes")}) == "bytes"
