import json
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from aiops_processor.evidence.words.links import Links
from aiops_processor.models.evidence import Window


def test_links_carry_the_query_and_the_window(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=15), onset=noon, end=noon + timedelta(minutes=5))
    links = Links("http://prom.example/prefix/", "http://grafana.example")

    metric = urlsplit(links.promql('up{a="b&c"}', window))
    log = urlsplit(links.logql('{a="b&c"}', window))

    assert metric.path == "/prefix/graph"
    assert parse_qs(metric.query)["g0.expr"] == ['up{a="b&c"}']
    assert parse_qs(metric.query)["g0.range_input"] == ["1200s"]
    (pane,) = json.loads(parse_qs(log.query)["panes"][0]).values()
    assert pane["queries"][0]["expr"] == '{a="b&c"}'
    assert pane["range"]["from"] == str(int(window.start.timestamp() * 1000))


def test_a_metric_is_explored_in_grafana_with_its_own_data_source(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=15), onset=noon, end=noon + timedelta(minutes=5))
    links = Links(grafana_url="https://grafana.example/sub/", prometheus_uid="P1")

    explored = urlsplit(links.explored('rate(up{a="b&c+d"}[1m])', window))

    fields = parse_qs(explored.query)
    assert explored.path == "/sub/explore"
    assert fields["schemaVersion"] == ["1"]
    panes = json.loads(fields["panes"][0])
    assert [len(name) for name in panes] == [3], "Grafana gives a pane with another name a new one"
    (pane,) = panes.values()
    assert (pane["datasource"], pane["queries"][0]["datasource"]) == ("P1", {"type": "prometheus", "uid": "P1"})
    assert pane["queries"][0]["expr"] == 'rate(up{a="b&c+d"}[1m])'
    assert pane["range"] == {"from": "1769859900000", "to": "1769861100000"}
    assert json.loads(fields["left"][0]) == pane, "Grafana 9 reads this one"


def test_without_a_data_source_of_its_own_a_metric_is_not_explored_in_anothers(noon: datetime) -> None:
    window = Window(start=noon, onset=noon, end=noon)
    links = Links(grafana_url="http://g", prometheus_uid="", loki_uid="", loki_url="http://logs.example")

    assert links.explored("up", window) == ""
    assert links.logql("{}", window).startswith("http://logs.example/")


def test_without_an_address_there_is_no_link(noon: datetime) -> None:
    window = Window(start=noon, onset=noon, end=noon)

    assert Links().promql("up", window) == ""
    assert Links().logql("{}", window) == ""
    assert Links("http://prom.example").explored("up", window) == ""


def test_without_grafana_the_link_is_lokis_own_answer_where_people_reach_it(noon: datetime) -> None:
    window = Window(start=noon, onset=noon, end=noon)
    link = Links(loki_url="http://logs.example/").logql('{a="b"}', window)
    assert link.startswith("http://logs.example/loki/api/v1/query_range?query=%7Ba%3D%22b%22%7D&start=2026-")
    assert Links(loki_url="http://logs.example", grafana_url="http://g").logql("x", window).startswith("http://g/")
