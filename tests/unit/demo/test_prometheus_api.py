from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from aiops_processor.demo.prometheus_api import prometheus_app
from aiops_processor.demo.recording import Recording

SERIES = {
    'up{job="a"}': [1, 1, 1, 1, 1, 0, 0],
    'up{job="b"}': [None, None, None, None, None, 1, 1],
    'x_total{job="a"}': [0, 1, 2, 3, 4, 5, 6],
}


@pytest.fixture
def client(recording: Callable[..., Recording], at: Callable[[float], Any]) -> Callable[..., TestClient]:
    def make(now: float, version: str = "2.42") -> TestClient:
        return TestClient(prometheus_app(recording(SERIES, version=version), at(now)))

    return make


def test_an_instant_query_answers_a_vector_at_the_clocks_time(client: Callable[..., TestClient]) -> None:
    answer = client(42).get("/api/v1/query", params={"query": "up"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [{"metric": {"__name__": "up", "job": "a"}, "value": [42, "1"]}],
        },
    }


def test_the_future_cannot_be_seen(client: Callable[..., TestClient]) -> None:
    early = client(42)
    ranged = early.get("/api/v1/query_range", params={"query": 'up{job="a"}', "start": 0, "end": 100, "step": 10})
    assert [value for _, value in ranged.json()["data"]["result"][0]["values"]] == ["1"] * 7  # 25 s beyond the last
    raw = early.get("/api/v1/query", params={"query": "up[1m]", "time": 60}).json()["data"]["result"]
    assert [time for time, _ in raw[0]["values"]] == [0, 10, 20, 30, 40]
    assert len(raw) == 1
    assert early.get("/api/v1/label/job/values", params={"end": 1000}).json()["data"] == ["a"]
    assert client(60).get("/api/v1/label/job/values").json()["data"] == ["a", "b"]


def test_a_post_takes_its_parameters_from_the_form(client: Callable[..., TestClient]) -> None:
    answer = client(60).post("/api/v1/query", data={"query": "1 + 1", "time": "5"})
    assert answer.json()["data"] == {"resultType": "scalar", "result": [5, "2"]}


def test_a_scalar_over_a_range_is_a_series_without_labels(client: Callable[..., TestClient]) -> None:
    params = {"query": "time()", "start": 0, "end": 20, "step": 10}
    data = client(60).get("/api/v1/query_range", params=params).json()["data"]
    assert data == {"resultType": "matrix", "result": [{"metric": {}, "values": [[0, "0"], [10, "10"], [20, "20"]]}]}


@pytest.mark.parametrize(
    ("path", "params", "status", "kind", "error"),
    [
        ("query", {"query": "sum("}, 400, "bad_data", 'invalid parameter "query": 1:'),
        ("query", {}, 400, "bad_data", 'invalid parameter "query": 1:1: parse error: no expression found in input'),
        (
            "query",
            {"query": "up", "time": "x"},
            400,
            "bad_data",
            "invalid parameter \"time\": Invalid time value for 'time'",
        ),
        ("query", {"query": "mad_over_time(up[1m])"}, 422, "execution", "function mad_over_time is not implemented"),
        (
            "query_range",
            {"query": "up", "end": 1, "step": 1},
            400,
            "bad_data",
            'invalid parameter "start": cannot parse ""',
        ),
        (
            "query_range",
            {"query": "up", "start": 2, "end": 1, "step": 1},
            400,
            "bad_data",
            'invalid parameter "end": end',
        ),
        (
            "query_range",
            {"query": "up", "start": 1, "end": 2, "step": "x"},
            400,
            "bad_data",
            'invalid parameter "step"',
        ),
        (
            "query_range",
            {"query": "up", "start": 1, "end": 2, "step": 0},
            400,
            "bad_data",
            'invalid parameter "step": zero',
        ),
        (
            "query_range",
            {"query": "up", "start": 1, "end": 2, "step": "NaN"},
            400,
            "bad_data",
            'invalid parameter "step"',
        ),
        (
            "query_range",
            {"query": "up", "start": 0, "end": 11001, "step": 1},
            400,
            "bad_data",
            "exceeded maximum resolution",
        ),
        ("series", {}, 400, "bad_data", "no match[] parameter provided"),
        ("series", {"match[]": "up + 1"}, 400, "bad_data", 'invalid parameter "query"'),
        ("label/a-b/values", {}, 400, "bad_data", 'invalid label name: "a-b"'),
    ],
)
def test_a_mistake_is_answered_as_prometheus_answers_it(
    client: Callable[..., TestClient], path: str, params: dict[str, Any], status: int, kind: str, error: str
) -> None:
    answer = client(60).get(f"/api/v1/{path}", params=params)
    assert answer.status_code == status
    body = answer.json()
    assert (body["status"], body["errorType"]) == ("error", kind)
    assert body["error"].startswith(error)


def test_an_unknown_path_is_gos_plain_404(client: Callable[..., TestClient]) -> None:
    answer = client(60).get("/api/v1/nosuch")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_series_labels_and_values_can_be_narrowed_and_limited(client: Callable[..., TestClient]) -> None:
    api = client(60)
    series = api.get("/api/v1/series", params={"match[]": ["up", 'up{job="a"}', "x_total"], "start": 0, "end": 30})
    assert [one["__name__"] for one in series.json()["data"]] == ["up", "x_total"]
    assert api.get("/api/v1/labels").json()["data"] == ["__name__", "job"]
    names = api.get("/api/v1/label/__name__/values", params={"match[]": '{job="a"}', "limit": 1})
    assert names.json()["data"] == ["up"]


def test_metadata_rules_alerts_and_build_are_there(client: Callable[..., TestClient]) -> None:
    api = client(60, version="3.5")
    assert api.get("/api/v1/metadata").json()["data"] == {"up": [{"type": "gauge", "help": "", "unit": ""}]}
    assert api.get("/api/v1/metadata", params={"metric": "nosuch"}).json()["data"] == {}
    assert api.get("/api/v1/rules").json()["data"] == {"groups": []}
    assert api.get("/api/v1/alerts").json()["data"] == {"alerts": []}
    assert api.get("/api/v1/status/buildinfo").json()["data"]["version"] == "3.5.0"
    assert api.get("/-/ready").status_code == api.get("/-/healthy").status_code == 200


@pytest.mark.parametrize(("version", "key"), [("2.42", None), ("2.53", "warnings"), ("3.5", "infos")])
def test_remarks_stand_where_the_version_puts_them(
    client: Callable[..., TestClient], version: str, key: str | None
) -> None:
    body = client(60, version=version).get("/api/v1/query", params={"query": "rate(up[1m])"}).json()
    assert set(body) - {"status", "data"} == ({key} if key else set())
