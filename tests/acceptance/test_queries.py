"""Every query that is made of real rules, packs and metrics is one that a real Prometheus takes."""

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from aiops_processor.clients.prometheus import Metadata
from aiops_processor.evidence.asking import packs, plan, scopes
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.plan import Condition, Discovered
from aiops_processor.evidence.asking.scopes import Found
from aiops_processor.evidence.rows import measure, rates
from aiops_processor.evidence.words import opinion
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Change, Evidence, EvidenceReport, Window
from aiops_processor.models.samples import Series
from aiops_processor.query import promql
from aiops_processor.query.recorded import Recording

pytestmark = pytest.mark.shared

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WINDOW = Window(start=NOON - timedelta(minutes=16), onset=NOON - timedelta(minutes=1), end=NOON)
LABELS = {
    "namespace": 'a"b\\c',
    "job": "x|y (z)",
    "service": "naïve {cart}",
    "pod": "cart-7d9f8b6c5d-x2x4z",
    "instance": "[::1]:9100",
    "cluster": "a\nb",
}
PACKS = packs.built_in()
REFUSED_ITSELF = 1
"""One rule of the collection has an escape that neither parser takes."""


@pytest.fixture
def refused(tmp_path: Path, start_program: Callable[..., Any], port: Callable[[], int], wait: Any) -> Any:
    """(queries) → those that Prometheus refuses, with its words."""
    number = port()
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text("global: {}\n")
    start_program(
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{number}",
    )
    own = threading.local()  # a connection for each thread

    def ready() -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{number}/-/ready").status_code == 200
        except httpx2.TransportError:
            return False

    def ask(query: str) -> tuple[str, str]:
        """By the plainest client: with a better one, fifteen thousand questions took a minute."""
        if not hasattr(own, "connection"):
            own.connection = HTTPConnection("127.0.0.1", number)
        form = urlencode({"query": query, "time": str(NOON.timestamp())})
        own.connection.request("POST", "/api/v1/query", form, {"Content-Type": "application/x-www-form-urlencoded"})
        return query, json.loads(own.connection.getresponse().read()).get("error", "")

    def refused(queries: Iterable[str]) -> dict[str, str]:
        with ThreadPoolExecutor(4) as threads:
            return {query: error for query, error in threads.map(ask, dict.fromkeys(queries)) if error}

    wait(ready, "Prometheus is ready")
    return refused


@pytest.fixture(scope="module")
def rules(shared: Path) -> list[dict[str, Any]]:
    text = (shared / "benchmarks" / "rules.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def conditions(rules: Sequence[dict[str, Any]]) -> list[Condition]:
    """Every rule as the condition of one alert, recordings followed."""
    recordings = {rule["alert"]: [Recording(rule["expr"])] for rule in rules if ":" in rule["alert"]}
    found = []
    for number, rule in enumerate(rules):
        name = f"rule {number}"
        alert = Alert(status="firing", labels={"alertname": name, **LABELS}, starts_at=WINDOW.onset)
        found += plan.conditions([alert], {name: rule["expr"]}, 1)[0]
    return plan.followed(found, recordings)


def asked(condition: Condition, limits: Limits, *, cut: bool) -> list[str]:
    """What is asked for one condition where every selector has series; `cut`: more than can be listed."""
    count = limits.series + 1 if cut else 1
    labels = {each.text: LABELS | {"__name__": each.metric or "x"} for each in plan.selectors([condition])}
    series = {text: Found((found,), (count,)) for text, found in labels.items()}
    counts = [promql.count(text, list(LABELS), 960) for text in series]
    many = {found["__name__"]: count for found in labels.values()}
    every = scopes.scopes(condition.alerts)
    around = scopes.narrowed(every, {each.selector: many for each in every}, limits.series)
    names = frozenset(each["__name__"] for found in series.values() for each in found.series)
    discovered = Discovered(series, {each.selector: Found((LABELS | {"__name__": "x"},)) for each in around}, names, 15)
    made = plan.plan(condition.alerts, [condition], around, discovered, PACKS, WINDOW, limits)
    return [*series, *counts, *(each.query for each in made.questions)]


def test_every_query_made_of_real_rules_is_taken(rules: list[dict[str, Any]], refused: Any) -> None:
    themselves = refused(rule["expr"] for rule in rules)
    found = [each for each in conditions(rules) if each.expr not in themselves]
    queries = {query for each in found for cut in (False, True) for query in asked(each, Limits(), cut=cut)}

    assert len(themselves) == REFUSED_ITSELF, themselves
    assert len(found) == len(rules) - REFUSED_ITSELF
    assert len(queries) > 2 * len(rules)
    assert refused(queries) == {}


def test_every_query_that_shows_a_measured_row_is_taken(rules: list[dict[str, Any]], refused: Any) -> None:
    metrics = {each.metric for condition in conditions(rules) for each in plan.selectors([condition]) if each.metric}
    times = [WINDOW.start.timestamp() + 15 * cell for cell in range(60)]
    series = [
        Series(LABELS | {"__name__": metric, "code": code}, [(at, at) for at in times])
        for metric in metrics
        for code in ("200", "500")
    ]
    edges = rates.grid(times[0], times[-1], 15, 60)
    metadata = {metric: Metadata("gauge" if number % 2 else "counter") for number, metric in enumerate(sorted(metrics))}

    queries = {row.query for known in ({}, metadata) for row in measure.measure(series, known, edges).rows}

    assert len(queries) > len(metrics)
    assert refused(queries) == {}
    assert refused(then(query) for query in queries) == {}


def then(query: str) -> str:
    """The question what this was a day and a week before."""
    change = Change(before=1, after=2, score=9)
    found = Evidence(id="M1", kind="metric", entity="e", title="t", statement="s", query=query, score=1, change=change)
    return opinion.question(EvidenceReport(window=WINDOW, findings=(found,)))


def test_every_query_of_the_packs_is_taken(refused: Any) -> None:
    queries = [query for pack in PACKS for query in pack.queries]

    assert refused(query.in_window("60s") for query in queries) == {}
    assert refused(query.narrowed(LABELS, "60s") for query in queries) == {}
