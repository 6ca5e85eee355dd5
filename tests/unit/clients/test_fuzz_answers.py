"""Whatever Prometheus, Loki or Alertmanager answers, there is a value or one of our own errors: never another one."""

import contextlib
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops_processor.clients.alertmanager import Alertmanager
from aiops_processor.clients.http import Endpoint, Retries
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.errors import SourceError

pytestmark = pytest.mark.anyio

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
FUZZED = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

KNOWN = """
status data resultType result metric value values stream error errorType warnings histogram groups rules name query type
labels annotations state alerts startsAt endsAt receivers fingerprint id matchers version uptime help unit
"""
names = st.sampled_from(KNOWN.split())
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["success", "error", "matrix", "vector", "streams", "NaN", "+Inf", "1e999", "0001-01-01T00:00:00Z"]
    ),
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=25
)
answered = st.fixed_dictionaries({"status": st.sampled_from(["success", "error"]), "data": anything})
of_queries = st.fixed_dictionaries(
    {
        "status": st.just("success"),
        "data": st.fixed_dictionaries(
            {
                "resultType": st.sampled_from(["matrix", "vector", "streams", "scalar"]),
                "result": st.lists(anything, max_size=3),
            }
        ),
    }
)
bodies = st.one_of(
    st.binary(max_size=60),
    st.one_of(anything, answered, of_queries).map(lambda value: json.dumps(value).encode()),
)
statuses = st.sampled_from([200, 200, 200, 204, 302, 400, 404, 422, 429, 500, 503])


async def nothing(seconds: float) -> None: ...


def network(status: int, body: bytes) -> httpx2.MockTransport:
    return httpx2.MockTransport(lambda _: httpx2.Response(status, content=body))


Question = Callable[[Any], Awaitable[Any]]
OF_PROMETHEUS: list[Question] = [
    lambda source: source.query("up", NOON),
    lambda source: source.query_range("up", NOON, NOON, 15),
    lambda source: source.series(["up"], NOON, NOON),
    lambda source: source.labels(["up"], NOON, NOON),
    lambda source: source.metadata(),
    lambda source: source.rules(),
    lambda source: source.version(),
    lambda source: source.healthy(),
]
OF_LOKI: list[Question] = [
    lambda source: source.query("x", NOON),
    lambda source: source.query_metric("x", NOON, NOON, 15),
    lambda source: source.labels(NOON, NOON),
    lambda source: source.series(['{a="b"}'], NOON, NOON),
    lambda source: source.healthy(),
]
OF_ALERTMANAGER: list[Question] = [
    lambda source: source.alerts(),
    lambda source: source.status(),
    lambda source: source.silences(),
    lambda source: source.healthy(),
]


async def ask(kind: Any, questions: list[Question], status: int, body: bytes) -> None:
    retries = Retries(tries=1, sleep=nothing)
    source = kind(Endpoint(url="http://source.example"), transport=network(status, body), retries=retries)
    try:
        for question in questions:
            with contextlib.suppress(SourceError):
                await question(source)
    finally:
        await source.aclose()


@FUZZED
@given(status=statuses, body=bodies)
async def test_prometheus_may_answer_anything(status: int, body: bytes) -> None:
    await ask(Prometheus, OF_PROMETHEUS, status, body)


@FUZZED
@given(status=statuses, body=bodies)
async def test_loki_may_answer_anything(status: int, body: bytes) -> None:
    await ask(Loki, OF_LOKI, status, body)


@FUZZED
@given(status=statuses, body=bodies)
async def test_alertmanager_may_answer_anything(status: int, body: bytes) -> None:
    await ask(Alertmanager, OF_ALERTMANAGER, status, body)
