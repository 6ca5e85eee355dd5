from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from aiops_processor.demo.logs.limits import Limits
from aiops_processor.demo.loki_api import loki_app
from aiops_processor.demo.recording import LogEntry

SECOND = 10**9
NOW = 1_700_000_000
ENTRIES = [
    LogEntry(ns=(NOW + second) * SECOND, labels={"app": app}, line=f"line {second}", metadata={"level": level})
    for second, app, level in [(-30, "a", "info"), (-20, "b", "error"), (-10, "a", "error"), (10, "c", "info")]
]
CATEGORIZED = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}


@pytest.fixture
def loki(at: Callable[[float], Any]) -> TestClient:
    return TestClient(loki_app(ENTRIES, at(NOW)))


def lines(answer: httpx2.Response) -> list[str]:
    return [value[1] for stream in answer.json()["data"]["result"] for value in stream["values"]]


def query(loki: TestClient, **params: Any) -> httpx2.Response:
    return loki.get("/loki/api/v1/query_range", params={"query": '{app=~".+"}', **params})


def test_lines_of_the_future_cannot_be_seen(loki: TestClient) -> None:
    assert sorted(lines(query(loki, end=NOW + 60))) == ["line -10", "line -20", "line -30"]
    assert loki.get("/loki/api/v1/label/app/values", params={"end": NOW + 60}).json()["data"] == ["a", "b"]


def test_start_is_inside_and_end_is_outside(loki: TestClient) -> None:
    assert lines(query(loki, start=NOW - 30, end=NOW - 10)) == ["line -30", "line -20"]


def test_the_newest_lines_come_first_unless_asked_forward(loki: TestClient) -> None:
    assert lines(query(loki, limit=1)) == ["line -10"]
    assert lines(query(loki, limit=1, direction="forward")) == ["line -30"]


def test_metadata_makes_streams_unless_labels_are_categorized(loki: TestClient) -> None:
    merged = query(loki).json()["data"]["result"]
    assert [stream["stream"] for stream in merged] == [
        {"app": "a", "level": "error"},
        {"app": "a", "level": "info"},
        {"app": "b", "level": "error"},
    ]
    answer = loki.get("/loki/api/v1/query_range", params={"query": '{app="a"}'}, headers=CATEGORIZED).json()["data"]
    assert answer["encodingFlags"] == ["categorize-labels"]
    assert answer["result"] == [
        {
            "stream": {"app": "a"},
            "values": [
                [str((NOW - 10) * SECOND), "line -10", {"structuredMetadata": {"level": "error"}}],
                [str((NOW - 30) * SECOND), "line -30", {"structuredMetadata": {"level": "info"}}],
            ],
        }
    ]


def test_a_label_without_values_has_no_data(loki: TestClient) -> None:
    assert loki.get("/loki/api/v1/label/nosuch/values").json() == {"status": "success"}
    assert loki.get("/loki/api/v1/labels").json() == {"status": "success", "data": ["app"]}


def test_series_stats_and_volume(loki: TestClient) -> None:
    assert loki.get("/loki/api/v1/series", params={"match[]": ['{app="a"}', '{app="b"}']}).json()["data"] == [
        {"app": "a"},
        {"app": "b"},
    ]
    stats = loki.get("/loki/api/v1/index/stats", params={"query": '{app="a"}'}).json()
    assert stats == {"streams": 1, "chunks": 1, "bytes": 16, "entries": 2}
    volume = loki.get("/loki/api/v1/index/volume", params={"query": '{app=~".+"}'}).json()["data"]["result"]
    assert volume == [{"metric": {"app": "a"}, "value": [NOW, "16"]}, {"metric": {"app": "b"}, "value": [NOW, "8"]}]


def test_a_matrix_is_aligned_to_its_step(loki: TestClient) -> None:
    asked = 'sum(count_over_time({app=~".+"}[20s]))'
    data = query(loki, query=asked, start=NOW - 31, end=NOW, step="20s").json()["data"]
    assert data["result"] == [{"metric": {}, "values": [[NOW - 20, "2"], [NOW, "1"]]}]


def test_an_instant_query(loki: TestClient) -> None:
    asked = {"query": 'sum by (app) (count_over_time({app=~".+"}[1m]))'}
    assert loki.get("/loki/api/v1/query", params=asked).json()["data"]["result"] == [
        {"metric": {"app": "a"}, "value": [NOW, "2"]},
        {"metric": {"app": "b"}, "value": [NOW, "1"]},
    ]


def test_pushed_lines_are_seen_at_once_with_what_loki_adds(loki: TestClient) -> None:
    stream = {"stream": {"app": "new"}, "values": [[str((NOW + 5) * SECOND), "it failed: ERROR", {"trace": "t"}]]}
    assert loki.post("/loki/api/v1/push", json={"streams": [stream]}).status_code == 204
    answer = query(loki, query='{app="new"}', end=NOW + 60).json()["data"]["result"]
    assert answer[0]["stream"] == {"app": "new", "detected_level": "error", "service_name": "new", "trace": "t"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([["yesterday", "x"]], "loghttp.PushRequest: the timestamp 'yesterday'"),
        ([["1"]], "loghttp.PushRequest: an entry is"),
        ([["1", "x", {"a": 1}]], "loghttp.PushRequest: Expected `str`"),
        ([["1", "x" * 300_000]], "max entry size '262144' bytes exceeded for stream '{a=\"b\", service_name="),
        (
            [[str((NOW + 3600) * SECOND), "x"]],
            'entry for stream \'{a="b", service_name="unknown_service"}\' has timestamp',
        ),
    ],
)
def test_a_push_that_loki_refuses_is_refused(loki: TestClient, values: list[Any], reason: str) -> None:
    answer = loki.post("/loki/api/v1/push", json={"streams": [{"stream": {"a": "b"}, "values": values}]})
    assert answer.status_code == 400
    assert answer.text.startswith(reason)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"limit": "ten"}, 'strconv.Atoi: parsing "ten": invalid syntax'),
        ({"limit": 0}, "limit must be a positive value"),
        ({"limit": 6000}, "max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)"),
        ({"direction": "up"}, "invalid direction 'up'"),
        ({"start": "x"}, "could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax"),
        ({"start": 5, "end": 5}, "end timestamp must not be before or equal to start time"),
        ({"since": "soon"}, "could not parse 'since' parameter"),
        ({"step": 0}, "zero or negative query resolution step widths are not accepted"),
        ({"step": 0.1}, "exceeded maximum resolution of 11,000 points per time series"),
        ({"start": NOW - 3_000_000, "end": NOW}, "the query time range exceeds the limit (query length: 833h20m0s"),
        ({"query": "{"}, "parse error at line 1, col 2: syntax error: unexpected $end"),
    ],
)
def test_every_error_is_text(loki: TestClient, params: dict[str, Any], message: str) -> None:
    answer = query(loki, **params)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith(message)


def test_ready_and_an_unknown_path(loki: TestClient) -> None:
    assert loki.get("/ready").text == "ready\n"
    assert loki.get("/loki/api/v1/nosuch").status_code == 404


@pytest.mark.parametrize(
    ("limits", "question", "asked", "said"),
    [
        (Limits(query_bytes=10), "query_range", {}, "would read too many bytes (query: 24 B, limit: 10 B)"),
        (Limits(query_bytes=10), "query", {"query": 'rate({app="a"}[1h])'}, "(query: 16 B, limit: 10 B)"),
        (Limits(series=1), "query", {"query": 'rate({app=~".+"}[1h])'}, "maximum number of series (1) reached"),
        (Limits(entries=5), "query_range", {"limit": 6}, "max entries limit per query exceeded"),
        (Limits(query_seconds=60), "query_range", {"since": "2m"}, "(query length: 0h2m0s, limit: 1m)"),
        (Limits(tenants=True), "labels", {}, "no org id"),
    ],
)
def test_a_limit_is_said_in_lokis_words(
    at: Callable[[float], Any], limits: Limits, question: str, asked: dict[str, Any], said: str
) -> None:
    loki = TestClient(loki_app(ENTRIES, at(NOW), limits))
    answer = loki.get(f"/loki/api/v1/{question}", params={"query": '{app=~".+"}', **asked})
    assert answer.status_code == (401 if limits.tenants else 400)
    assert said in answer.text
