import json
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from aiops_processor.evidence.links import Links
from aiops_processor.models.evidence import Window


def test_links_carry_the_query_and_the_window(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=15), onset=noon, end=noon + timedelta(minutes=5))
    links = Links("http://prom.example/prefix/", "http://grafana.example")

    metric = urlsplit(links.promql('up{a="b&c"}', window))
    log = urlsplit(links.logql('{a="b&c"}', window))

    assert metric.path == "/prefix/graph"
    assert parse_qs(metric.query)["g0.expr"] == ['up{a="b&c"}']
    assert parse_qs(metric.query)["g0.range_input"] == ["1200s"]
    pane = json.loads(parse_qs(log.query)["panes"][0])["a"]
    assert pane["queries"][0]["expr"] == '{a="b&c"}'
    assert pane["range"]["from"] == str(int(window.start.timestamp() * 1000))


def test_without_an_address_there_is_no_link(noon: datetime) -> None:
    window = Window(start=noon, onset=noon, end=noon)

    assert Links().promql("up", window) == ""
    assert Links().logql("{}", window) == ""


def test_without_grafana_the_link_is_lokis_own_answer_where_people_reach_it(noon: datetime) -> None:
    window = Window(start=noon, onset=noon, end=noon)
    link = Links(loki_url="http://logs.example/").logql('{a="b"}', window)
    assert link.startswith("http://logs.example/loki/api/v1/query_range?query=%7Ba%3D%22b%22%7D&start=2026-")
    assert Links(loki_url="http://logs.example", grafana_url="http://g").logql("x", window).startswith("http://g/")
