"""The replayed Loki against recorded answers of a real one, to the same requests over the same lines."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from aiops_processor.demo.logs.limits import Limits
from aiops_processor.demo.loki_api import loki_app
from aiops_processor.demo.recording import LogEntry

# The samples' own lines, told from their answers: two streams of one line every two seconds.
FIRST = 1795411947188176431
SECOND = 10**9
NOW = 1795412549.345
APP = {"app": "probe-5961bd", "namespace": "probe"}

# What of a sample cannot be asked of the replay, and why.
OTHER_LINES = "speaks of lines of other services, which no sample shows"
NOT_REPLAYED = {
    "config_limits": "an internal path",
    "detected_field_values": "not served",
    "detected_fields": "not served",
    "detected_labels": "not served",
    "err_patterns_no_query": "patterns are not served: 404, as where they are off (tight_err_patterns_disabled)",
    "format_query": "not served",
    "index_volume": "Loki counts the metadata's bytes too",
    "index_volume_by_label": OTHER_LINES,
    "index_volume_range": "not served",
    "index_stats": "0 until chunks are flushed; the replay counts what it has",
    "label_values_app": OTHER_LINES,
    "labels": OTHER_LINES,
    "labels_with_query": "lists the labels of a line of eight days ago, which its index still has",
    "patterns": "not served",
    "patterns_probe_old_timestamps": "not served",
    "patterns_with_filter": "not served",
    "push_err_line_too_long": "the pushed body is not in the sample",
    "push_ok_json_lines": "the pushed body is not in the sample",
    "push_ok_structured_metadata": "the pushed body is not in the sample",
    "tight_err_query_timeout": "nothing here takes so long",
}
# err_metric_pipeline_error: the line that it names is whichever a shard of Loki came to first.
SAME_STATUS_ONLY = {
    "err_metric_pipeline_error",
    "push_err_bad_json",
    "push_err_metadata_not_string",
    "push_err_timestamp_as_number",
    "buildinfo",
}


# The second server of the samples: when it was asked, and the limit of each sample.
TIGHT_PUSHED = 1795412631.9
TIGHT_ASKED = 1795412740.4
TIGHT: dict[str, dict[str, Any]] = {
    "err_max_entries": {"entries": 100},
    "err_max_series": {"series": 5},
    "err_query_length": {"query_seconds": 7200},
    "err_query_too_large": {"query_bytes": 20 * 1024},
    "push_metadata_disallowed": {"structured_metadata": False},
    "push_rate_limited": {"bytes_a_second": 10485, "burst_bytes": 39_999},
    "push_stream_limit": {"streams": 11},
    "push_too_old": {"oldest_seconds": 3600},
}


# A push that the samples do not show: one line, whose size is told from the answer.
BIG = [{"stream": {"app": "a"}, "values": [[str(int(TIGHT_PUSHED) * SECOND), "x" * 40_000]]}]


class At:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._seconds, UTC)

    def move(self, seconds: float) -> None:
        self._seconds += seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


@pytest.fixture(scope="module")
def usual() -> TestClient:
    client = TestClient(loki_app([], At(NOW)))
    client.post("/loki/api/v1/push", json={"streams": [_logfmt(), _json()]}).raise_for_status()
    return client


@pytest.fixture
def loki(path: Path, request: pytest.FixtureRequest) -> TestClient:
    """The server that was asked: one as it comes, or one with tenants and with the limit that the sample speaks of."""
    if not path.stem.startswith("tight_"):
        return request.getfixturevalue("usual")
    limits = next((limits for name, limits in TIGHT.items() if name in path.stem), {})
    now = TIGHT_PUSHED if "push" in path.stem else TIGHT_ASKED
    return TestClient(loki_app(_eleven_streams(), At(now), Limits(tenants=True, **limits)))


def _eleven_streams() -> Iterator[LogEntry]:
    """As many bytes and lines as the samples' server says that it has, in the five minutes before it is asked."""
    sizes = [("a1", 27)] * 10 + [(f"a{n % 10 or 10}" if n % 10 != 1 else "a", 970 - (n >= 2062)) for n in range(2500)]
    for number, (app, size) in enumerate(sizes):
        ns = int(TIGHT_ASKED - 280) * SECOND + number * 80_000_000
        yield LogEntry(ns, {"app": app, "service_name": app}, "line".ljust(size, "."))


def _logfmt() -> dict[str, Any]:
    values = [
        [
            str(FIRST + number * 2 * SECOND),
            f"level={'error' if number % 10 == 0 else 'info'} "
            f'msg="user {number} logged in from 10.0.0.{number}" duration={number}ms',
            {"trace_id": f"t{number:04d}", "pod_ip": "10.1.2.3"},
        ]
        for number in range(200)
    ]
    return {"stream": APP, "values": values}


def _json() -> dict[str, Any]:
    values = [
        [
            str(FIRST + number * 2 * SECOND),
            json.dumps({"level": "error" if number % 4 == 0 else "warn", "msg": f"payment {number} failed"}),
        ]
        for number in range(100)
    ]
    values += [[str(FIRST + 5 * SECOND + number), "not json at all"] for number in range(3)]
    return {"stream": {**APP, "fmt": "json"}, "values": values}


def samples() -> Iterator[Path]:
    folder = Path(__file__).resolve().parents[4] / "shared" / "samples" / "loki"
    yield from sorted(folder.glob("*.json"))


def replayed() -> list[Path]:
    return [path for path in samples() if path.stem not in NOT_REPLAYED]


@pytest.mark.parametrize("path", replayed(), ids=lambda path: path.stem)
def test_a_request_is_answered_as_the_real_loki_answered_it(path: Path, loki: TestClient) -> None:
    recorded = json.loads(path.read_text())
    answer = _asked(loki, recorded["request"])
    assert answer.status_code == recorded["status"], answer.text
    if recorded["status"] != 204:
        assert answer.headers["content-type"] == recorded["content_type"]
    if path.stem not in SAME_STATUS_ONLY:
        assert _comparable(_body(answer)) == _comparable(recorded["body"])


def test_every_sample_that_is_left_out_is_still_a_sample() -> None:
    names = {path.stem for path in samples()}
    if not names:
        pytest.skip("needs the shared data beside the checkout")
    assert set(NOT_REPLAYED) <= names
    assert len(names - set(NOT_REPLAYED)) >= 63


def _asked(loki: TestClient, request: dict[str, Any]) -> httpx2.Response:
    if request["method"] == "POST form":  # what was in the form is told from the answer
        return loki.post(request["path"], data={"query": '{app="probe-5961bd"}', "limit": "1"})
    if request["method"] == "POST":
        body = BIG if request["body"] == "big" else request["body"]
        content = body if isinstance(body, str) else json.dumps({"streams": body})
        return loki.post(request["path"], content=content, headers=request["headers"])
    return loki.get(request["path"], params=request["params"], headers=request["headers"])


def _body(answer: httpx2.Response) -> Any:
    return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else answer.text


def _comparable(body: Any) -> Any:
    """Without what the server did to find the answer, and without the order of what has none."""
    if isinstance(body, list) and all(isinstance(item, dict) for item in body):
        return sorted((_comparable(item) for item in body), key=str)
    if isinstance(body, dict):
        return {key: _comparable(value) for key, value in sorted(body.items()) if key != "stats"}
    if isinstance(body, list):
        return [_comparable(item) for item in body]
    return _rounded(body) if isinstance(body, str) else body


def _rounded(text: str) -> str:
    """A fraction to twelve digits: the order of additions is not ours to copy."""
    return f"{float(text):.12g}" if re.fullmatch(r"\d+\.\d+", text) else text


def test_what_was_refused_for_its_rate_is_taken_later() -> None:
    clock = At(TIGHT_PUSHED)
    loki = TestClient(loki_app([], clock, Limits(bytes_a_second=10_000, burst_bytes=50_000)))
    statuses = []
    for seconds in (0, 0, 2, 1):
        clock.move(seconds)
        statuses.append(loki.post("/loki/api/v1/push", json={"streams": BIG}).status_code)
    assert statuses == [204, 429, 429, 204]
