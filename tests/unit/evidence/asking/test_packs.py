from pathlib import Path

import pytest
import yaml

from aiops_processor.errors import ConfigError
from aiops_processor.evidence.asking import packs
from aiops_processor.query import promql

EVIL = 'a"} or {__name__=~".+"}\n\\'
EXPECTED = {
    *("cpu", "memory", "disk", "network", "instance", "node", "service", "namespace", "pod", "container", "workload"),
    *("http", "grpc", "postgresql", "mysql", "redis", "kafka", "rabbitmq", "nginx", "jvm", "go", "python"),
}
EXPORTERS = Path(__file__).parents[3] / "data" / "exporter_metrics.yaml"


def test_the_built_in_packs_are_those_of_the_guide() -> None:
    assert {pack.pack for pack in packs.built_in()} == EXPECTED


@pytest.mark.parametrize("pack", packs.built_in(), ids=lambda pack: pack.pack)
def test_every_metric_is_one_that_a_well_known_exporter_has(pack: packs.Pack) -> None:
    known = {name for names in yaml.safe_load(EXPORTERS.read_text(encoding="utf-8")).values() for name in names}
    asked = {each.metric for query in pack.queries for each in promql.selectors(query.in_window("5m"))}

    assert asked - known == set()


def test_names_of_queries_are_unique() -> None:
    names = [query.name for pack in packs.built_in() for query in pack.queries]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("labels", "metrics", "pack"),
    [
        ({"alertname": "PostgresqlTooManyConnections"}, (), "postgresql"),
        ({"alertname": "TooManyConnections", "job": "postgres-exporter"}, (), "postgresql"),
        ({"alertname": "TooManyConnections"}, ("pg_stat_activity_count",), "postgresql"),
        ({"alertname": "MySQLDown"}, (), "mysql"),
        ({"alertname": "Lag"}, ("kafka_consumergroup_lag",), "kafka"),
        ({"alertname": "HeapFull"}, ("jvm_memory_used_bytes",), "jvm"),
        ({"alertname": "GoroutinesLeak"}, (), "go"),
        ({"alertname": "HighErrorRate"}, ("http_requests_total",), "http"),
    ],
)
def test_a_pack_is_found_by_what_names_the_alert(labels: dict[str, str], metrics: tuple[str, ...], pack: str) -> None:
    assert pack in {each.pack for each in packs.fitting(packs.built_in(), labels, metrics)}


def test_a_short_word_must_begin_a_word() -> None:
    labels = {"alertname": "KubernetesPodsMembership", "instance": "web-1"}

    assert {each.pack for each in packs.fitting(packs.built_in(), labels)} & {"network", "python", "go"} == set()


def test_a_pack_for_every_alert_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("pack: x\nqueries: [{name: q, title: t, expr: up}]")

    with pytest.raises(ConfigError, match="needs"):
        packs.load(tmp_path)


@pytest.mark.parametrize("pack", packs.built_in(), ids=lambda pack: pack.pack)
def test_no_label_value_can_change_a_query(pack: packs.Pack) -> None:
    for query in pack.queries:
        narrowed = query.narrowed(dict.fromkeys(("instance", "job", "service", "namespace", "pod"), EVIL), "5m")

        plain = [each.metric for each in promql.selectors(query.in_window("5m"))]
        assert [each.metric for each in promql.selectors(narrowed)] == plain
        values = [value for each in promql.selectors(narrowed) for _, _, value in each.matchers]
        assert EVIL in values or not set(query.match) & {"instance", "job", "service", "namespace", "pod"}


def test_a_pack_needs_its_labels_and_a_word() -> None:
    fitting = {pack.pack for pack in packs.fitting(packs.built_in(), {"alertname": "HighCPU", "instance": "web-1"})}

    assert fitting == {"cpu", "instance"}


def test_the_component_label_is_a_word_too() -> None:
    labels = {"alertname": "Problem", "component": "disk", "instance": "web-1"}

    assert "disk" in {pack.pack for pack in packs.fitting(packs.built_in(), labels)}


def test_a_label_of_another_name_is_injected_under_the_metrics_own() -> None:
    query = packs.PackQuery(name="a", title="a", expr="up", match=({"service": "app"},))

    assert promql.selectors(query.narrowed({"service": "cart"}, "5m"))[0].matchers == (("app", "=", "cart"),)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("pack: x\nneeds: [a]\nqueries: [{name: q, title: t, expr: 'sum('}]", "expr"),
        ("pack: x\nneeds: [a]\nqueries: []", "queries"),
        ("pack: x\nneeds: [a]\nqueries: [{name: q, title: t, expr: up, unkown: 1}]", "unkown"),
        ("pack: [", "YAML"),
    ],
)
def test_a_broken_pack_is_named_with_its_field(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)

    with pytest.raises(ConfigError, match=rf"mine\.yaml.*{named}"):
        packs.load(tmp_path)
