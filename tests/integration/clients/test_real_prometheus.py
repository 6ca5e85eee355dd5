"""Every question to a real Prometheus that scrapes itself."""

import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from aiops_processor.clients.http import Endpoint
from aiops_processor.clients.prometheus import Metadata, Prometheus, Rule
from aiops_processor.errors import SourceRefused, SourceUnreadable
from aiops_processor.query import promql

pytestmark = pytest.mark.anyio

CONFIGURATION = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: self
    metrics_path: /prefix/metrics
    static_configs: [{targets: ["127.0.0.1:%d"], labels: {odd: 'a"} or {b="\\n'}}]
"""
RULES = """
groups:
  - name: g
    rules:
      - {record: "job:up:sum", expr: sum by (job) (up)}
      - {alert: Down, expr: up == 0, for: 1m, labels: {severity: page}, annotations: {summary: s}}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus behind a path prefix, once it has scraped itself twice."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("needs the program prometheus (Debian: apt install prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (folder / "prometheus.yml").write_text(CONFIGURATION % port)
    (folder / "rules.yml").write_text(RULES)
    url = f"http://127.0.0.1:{port}/prefix/"
    command = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--web.external-url={url}",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            wait_for_two_scrapes(url)
            yield url
        finally:
            process.terminate()


def wait_for_two_scrapes(url: str) -> None:
    for _ in range(100):
        time.sleep(0.2)
        try:
            answer = httpx2.get(f"{url}api/v1/query", params={"query": "job:up:sum and count_over_time(up[1m]) > 1"})
            recorded = httpx2.get(f"{url}api/v1/query", params={"query": "count_over_time(job:up:sum[1m]) > 1"})
        except httpx2.TransportError:
            continue
        if answer.status_code == 200 and recorded.json()["data"]["result"]:
            return
    raise AssertionError("prometheus did not scrape itself within 20 s")


@pytest.fixture
async def prometheus(address: str) -> AsyncIterator[Prometheus]:
    client = Prometheus(Endpoint(url=address))
    yield client
    await client.aclose()


async def test_an_instant_query_gives_one_point_a_series(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)
    [series] = (await prometheus.query("up", now)).data
    assert (series.labels["__name__"], series.labels["job"], series.points[0][1]) == ("up", "self", 1.0)
    assert series.points[0][0] == pytest.approx(now.timestamp(), abs=0.001)


async def test_a_range_selector_gives_raw_samples(prometheus: Prometheus) -> None:
    [series] = (await prometheus.query("up[1m]", datetime.now(UTC))).data
    assert len(series.points) >= 2


async def test_scalars_infinities_and_nan_are_numbers(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)
    values = [
        (await prometheus.query(expr, now)).data[0].points[0][1] for expr in ("1+1", "vector(1)/0", "-1/0", "0/0")
    ]
    assert repr(values) == "[2.0, inf, -inf, nan]"


async def test_a_range_query_has_a_point_a_step(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)
    [series] = (await prometheus.query_range("vector(7)", now - timedelta(minutes=1), now, 15)).data
    assert [value for _, value in series.points] == [7.0] * 5


async def test_an_injected_label_value_selects_its_own_series_and_no_other(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)
    odd = 'a"} or {b="\\n'
    assert len((await prometheus.query(promql.inject("up", {"odd": odd}), now)).data) == 1
    assert (await prometheus.query(promql.inject("up", {"odd": f"{odd}x"}), now)).data == []


async def test_series_labels_and_values_are_found(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)
    hour_ago = now - timedelta(hours=1)
    [found] = (await prometheus.series(["up"], hour_ago, now)).data
    assert (found["__name__"], found["job"]) == ("up", "self")
    assert "odd" in (await prometheus.labels(["up"], hour_ago, now)).data
    assert (await prometheus.label_values("job")).data == ["self"]
    assert (await prometheus.label_values("nosuch")).data == []
    cut = await prometheus.series(['{job="self"}'], hour_ago, now, limit=3)
    assert (len(cut.data), len(cut.warnings)) == (3, 1)


async def test_metadata_and_rules_are_read(prometheus: Prometheus) -> None:
    metadata = (await prometheus.metadata()).data
    assert metadata["process_start_time_seconds"] == Metadata(
        "gauge", "Start time of the process since unix epoch in seconds."
    )
    assert (await prometheus.rules()).data == [
        Rule("job:up:sum", "sum by (job) (up)", "recording", group="g", every_seconds=1.0),
        Rule("Down", "up == 0", "alerting", {"severity": "page"}, {"summary": "s"}, 60.0, "g", 1.0),
    ]


async def test_it_is_healthy_and_has_a_version(prometheus: Prometheus) -> None:
    await prometheus.healthy()
    assert (await prometheus.version())[0] in "23"


async def test_its_refusals_are_told_in_its_own_words(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)
    with pytest.raises(SourceRefused, match=r"answered 400: bad_data: .*unclosed left parenthesis"):
        await prometheus.query("sum(up", now)
    with pytest.raises(SourceRefused, match="exceeded maximum resolution of 11,000 points"):
        await prometheus.query_range("up", now - timedelta(days=1), now, 1)


async def test_an_address_without_the_prefix_is_told_so(address: str) -> None:
    client = Prometheus(Endpoint(url=address.removesuffix("prefix/")))
    with pytest.raises((SourceRefused, SourceUnreadable), match="PROMETHEUS_URL"):
        await client.query("up", datetime.now(UTC))
    await client.aclose()
