"""Bad, odd and hostile input against the running service: never a 500, never a lost good alert, never another query."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import promql_parser
import pytest

from aiops_processor.demo.labels import labels_of
from aiops_processor.demo.logql import LogQuery, parsed_logql

HOSTILE = [
    'x"} or {__name__=~".+"',
    'x"} or vector(1) or up{job="',
    "web\n1:9100",
    "C:\\web\\1",
    "a(b[c",
    ".*",
    "支付🔥",
    "a\u202eb\u200bc",
    "a\u0000b",
    "<!channel> <script>alert(1)</script>",
]


@pytest.fixture
def service(make_service: Callable[..., Any], peer: Any) -> Any:
    return make_service(
        PROMETHEUS_URL=peer.url, LOKI_URL=peer.url, GENERIC_WEBHOOK_URL=f"{peer.url}/hook", AIOPS_SETTLE_SECONDS="0.1"
    )


def test_what_is_no_webhook_is_answered_and_kept(service: Any) -> None:
    cases = {
        b"": 400,
        b'{"alerts": [}': 400,
        b'{"alerts": NaN}': 400,
        b"[" * 200_000: 422,
        b'{"receiver":' * 50_000: 422,
        b"[]": 422,
        b"{}": 422,
        b'{"alerts": null}': 422,
        b'{"alerts": [], "receiver": 7}': 422,
    }
    for body, status in cases.items():
        assert service.post("/webhook/alerts", body)[0] == status, body[:40]
    assert service.get("/queue/status")["dead_letters"] == len(cases)
    assert service.post("/webhook/alerts", b"{}")[1]["field"] == "alerts"


def test_one_bad_alert_among_good_ones_is_named_and_the_others_are_told(
    service: Any, peer: Any, webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    body = webhook("Good", "Bad", "AlsoGood")
    del body["alerts"][1]["startsAt"]
    status, answer = service.post("/webhook/alerts", body)
    assert (status, answer["processed"]) == (200, 2)
    assert answer["rejected"] == [{"index": 1, "reason": "startsAt: is missing"}]
    (told,) = wait(lambda: peer.told("opened"), "the good ones are told")
    assert {alert["labels"]["alertname"] for alert in told["alerts"]} == {"Good", "AlsoGood"}


def test_an_alert_that_cannot_be_taken_names_the_field(service: Any, webhook: Callable[..., Any]) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"labels": None}, "labels"),
        ({"labels": {}}, "labels"),
        ({"labels": {"port": 9100}}, "labels.port"),
        ({"status": "burning"}, "status"),
        ({"startsAt": "0001-01-01T00:00:00Z"}, "startsAt"),
        ({"startsAt": "yesterday"}, "startsAt"),
        ({"labels": {f"label{i}": "value" for i in range(10_000)}}, "labels"),
    ]
    for change, field in cases:
        body = webhook("Bad")
        body["alerts"][0].update(change)
        status, answer = service.post("/webhook/alerts", body)
        assert status == 422, field
        assert answer["rejected"][0]["reason"].startswith(field)
        assert service.post("/analyze", body["alerts"][0])[0] == 422, field


@pytest.mark.parametrize("starts_at", ["9999-12-31T23:59:59Z", "1900-01-01T00:00:00Z"])
def test_an_absurd_time_is_analysed_around_now(
    service: Any, peer: Any, webhook: Callable[..., Any], wait: Callable[..., Any], starts_at: str
) -> None:
    body = webhook("Odd")
    body["alerts"][0]["startsAt"] = starts_at
    status, answer = service.post("/webhook/alerts", body)
    assert (status, answer["processed"]) == (200, 1)
    assert answer["warnings"][0]["reason"].startswith("startsAt")
    wait(lambda: peer.told("analysed"), "it is analysed")
    assert "error" not in service.log().lower().replace('"error": ""', "")


def test_a_label_value_never_changes_a_query(
    service: Any, peer: Any, webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    body = webhook(*(f"Hostile{number}" for number in range(len(HOSTILE))))
    for alert, value in zip(body["alerts"], HOSTILE, strict=True):
        alert["labels"].update(service=value, instance=value, job=value, pod=value, namespace=value)
    assert service.post("/webhook/alerts", body)[1]["processed"] == len(HOSTILE)
    wait(lambda: peer.told("analysed"), f"it is analysed\n{service.log()}")
    asked = queries(peer)
    assert asked, "something was asked of Prometheus"
    for query in asked:
        for matcher in matchers(query):
            assert matcher.name != "__name__" or matcher.value != ".+", query


def test_a_label_value_never_changes_a_question_to_loki(
    service: Any, peer: Any, webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    streams = [{"service": value, "namespace": value} for value in HOSTILE]
    peer.answers["/loki/api/v1/labels"] = {"status": "success", "data": ["namespace", "service"]}
    peer.answers["/loki/api/v1/label/service/values"] = {"status": "success", "data": HOSTILE}
    peer.answers["/loki/api/v1/label/namespace/values"] = {"status": "success", "data": HOSTILE}
    peer.answers["/loki/api/v1/series"] = {"status": "success", "data": streams}
    for number, value in enumerate(HOSTILE):
        body = webhook(f"Hostile{number}", group=f"g{number}")
        body["alerts"][0]["labels"].update(service=value, namespace=value)
        assert service.post("/webhook/alerts", body)[1]["processed"] == 1
    wait(lambda: len(peer.told("analysed")) >= len(HOSTILE), f"all are analysed\n{service.log()}")
    asked = questions(peer, "/loki/api/v1/query")
    assert asked, "something was asked of Loki"
    for query in asked:
        selector = parsed_logql(query)
        found = [selector] if isinstance(selector, LogQuery) else [part.query for part in selector.parts.values()]
        for each in found:
            assert {"service", "namespace"} >= set(each.selector.names), query
            assert any(each.selector.matches(labels_of(stream)) for stream in streams), query
            assert not each.selector.matches(labels_of({"service": "another", "namespace": "another"})), query


def test_fifty_megabytes_are_taken_or_refused_in_moderate_memory(service: Any, webhook: Callable[..., Any]) -> None:
    body = webhook("Big")
    body["alerts"][0]["annotations"]["summary"] = "s" * 50_000_000
    assert service.post("/webhook/alerts", body)[0] == 200
    assert service.post("/webhook/alerts", b"x" * 50_000_000)[0] == 400
    assert service.post("/webhook/alerts", b" " * 70_000_000)[0] == 413
    body["alerts"][0]["labels"] = {f"l{i}": "v" for i in range(1_000_000)}
    assert service.post("/webhook/alerts", body)[0] == 422
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    assert peak < 400, f"{peak:.0f} MiB"
    assert service.get("/health")["status"] in {"healthy", "degraded"}


def test_a_resolve_alone_is_taken_and_tells_nobody(service: Any, peer: Any, webhook: Callable[..., Any]) -> None:
    status, answer = service.post("/webhook/alerts", webhook("Over", status="resolved"))
    assert (status, answer["processed"]) == (200, 1)
    assert service.post("/webhook/alerts", webhook("Next"))[0] == 200
    assert not [m for m in peer.told() if m["alerts"][0]["labels"]["alertname"] == "Over"]


def test_an_id_that_no_database_holds_is_a_wrong_id(service: Any) -> None:
    for path in (f"/api/v1/incidents/{10**20}", f"/api/v1/incidents?before={10**20}"):
        assert "detail" in service.get(path)
    assert "Exception" not in service.log()


def test_a_get_is_no_delivery(service: Any) -> None:
    for path in ("/webhook/alerts", "/webhook/alerts/"):
        assert service.get(path) == {"detail": "Method Not Allowed"}


def queries(peer: Any) -> list[str]:
    """Every PromQL text that Prometheus was asked."""
    return questions(peer, "/api/v1/")


def questions(peer: Any, start: str) -> list[str]:
    found: list[str] = []
    for path, body in list(peer.requests):
        if path.startswith(start):
            form = parse_qs(body.decode())
            found += form.get("query", []) + form.get("match[]", [])
    return found


def matchers(query: str) -> list[Any]:
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.extend(node.matchers.matchers)

    promql_parser.walk(promql_parser.parse(query), visit)
    return found
