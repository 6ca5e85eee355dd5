"""The expression behind an alert's link."""

import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiops_processor.query import promql
from aiops_processor.query.generator import expression_of

EXPR = 'sum by (a) (rate(x{b="&=+#%"}[5m])) > 5'
LEFT = json.dumps(["now-1h", "now", "Prometheus", {"expr": EXPR}])
PANES = json.dumps({"x1": {"queries": [{"refId": "A", "expr": EXPR}], "range": {}}})


@pytest.mark.parametrize(
    "url",
    [
        f"http://prom:9090/graph?g0.expr={quote_plus(EXPR)}&g0.tab=1",
        f"http://prom:9090/prefix/graph?g0.tab=1&g0.expr={quote(EXPR, safe='')}",
        f"http://vm/vmui/#/?g0.expr={quote_plus(EXPR)}&g0.range_input=30m",
        f"http://vmalert/vmalert/alert?group_id=1&alert_id=2&expr={quote_plus(EXPR)}",
        f"http://grafana/explore?orgId=1&left={quote_plus(LEFT)}",
        f"http://grafana/explore?schemaVersion=1&panes={quote_plus(PANES)}",
        f"/graph?g0.expr={quote_plus(EXPR)}",
    ],
)
def test_every_known_shape_of_link_is_read(url: str) -> None:
    assert expression_of(url) == EXPR


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://prom:9090/graph",
        "http://prom:9090/graph?g0.expr=",
        "http://prom:9090/graph?g0.expr=%20",
        "http://grafana/alerting/grafana/abc/view?orgId=1",
        "http://grafana/explore?left=notjson",
        "http://grafana/explore?left=" + quote_plus("[" * 3000),
        "http://grafana/explore?left=" + quote_plus('{"expr": 5}'),
        "http://[",
        "not a link",
    ],
)
def test_a_link_without_an_expression_has_none(url: str) -> None:
    assert expression_of(url) is None


@given(st.text())
@example("http://[")
@example("http://a]/?g0.expr=%ff")
@example("http://a/?left=" + "[" * 100_000)
@example("http://a/?" + "&".join(f"p{number}=1" for number in range(1000)))
def test_no_link_whatever_is_an_error(url: str) -> None:
    assert expression_of(url) is None or "expr=" in url


@pytest.mark.shared
def test_every_recorded_link_gives_an_expression_that_parses(shared: Path) -> None:
    links = {
        alert["generatorURL"]
        for path in (shared / "samples" / "webhooks").rglob("*.json*")
        for alert in _alerts(
            json.loads(path.read_text().splitlines()[0] if path.suffix == ".jsonl" else path.read_text())
        )
    }
    found = [expression_of(link) for link in links]
    assert len(found) > 5
    for expr in found:
        assert expr is not None
        promql.parse(expr)


def _alerts(value: object) -> list[dict[str, str]]:
    """Every object with a generatorURL, however deep the recording keeps it."""
    if isinstance(value, dict):
        here = [value] if "generatorURL" in value else []
        return here + [found for inner in value.values() for found in _alerts(inner)]
    return [found for inner in value for found in _alerts(inner)] if isinstance(value, list) else []
