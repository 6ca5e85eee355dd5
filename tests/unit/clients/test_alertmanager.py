"""The questions that Alertmanager is asked, and how its answers come out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
import pytest

from aiops_processor.clients.alertmanager import Alertmanager, Matcher, NewAlert, NewSilence
from aiops_processor.clients.http import Endpoint, Retries
from aiops_processor.errors import SourceRefused, SourceUnavailable, SourceUnreadable

pytestmark = pytest.mark.anyio

Network = Callable[..., httpx2.MockTransport]
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ALERT = {
    "annotations": {"summary": "s"},
    "endsAt": "2026-01-31T12:05:00.000Z",
    "fingerprint": "a1b2c3d4e5f60718",
    "receivers": [{"name": "aiops"}, {"name": "team"}],
    "startsAt": "2026-01-31T13:00:00.123+01:00",
    "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": ["5c"], "state": "suppressed"},
    "updatedAt": "2026-01-31T12:00:00.000Z",
    "generatorURL": "http://prom/graph?g0.expr=up",
    "labels": {"alertname": "Down"},
}
SILENCE = {
    "id": "5c",
    "status": {"state": "active"},
    "updatedAt": "2026-01-31T12:00:00Z",
    "comment": "c",
    "createdBy": "me",
    "startsAt": "2026-01-31T12:00:00Z",
    "endsAt": "2026-01-31T13:00:00Z",
    "matchers": [{"name": "a", "value": "b|c", "isRegex": True, "isEqual": False}],
}


async def test_what_a_time_interval_mutes_is_not_audible(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    group = {"labels": {}, "receiver": {"name": "aiops"}, "alerts": [ALERT]}
    client = Alertmanager(endpoint, answering(httpx2.Response(200, json=[group, {**group, "alerts": []}])))
    assert await client.audible() == {("aiops", ALERT["fingerprint"])}
    assert asked[0].url.path == "/prefix/api/v2/alerts/groups"
    assert dict(asked[0].url.params) == {"muted": "false"}


async def test_alerts_are_asked_for_by_state_and_receiver(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    client = Alertmanager(endpoint, answering(httpx2.Response(200, json=[ALERT])))
    (alert,) = await client.alerts(silenced=False, receiver="aiops|team", matchers=['a="b"', "c=d"])
    assert asked[0].url.path == "/prefix/api/v2/alerts"
    assert dict(asked[0].url.params.multi_items()) == {
        "active": "true",
        "silenced": "false",
        "inhibited": "true",
        "receiver": "aiops|team",
        "filter": "c=d",
    }
    assert asked[0].url.params.get_list("filter") == ['a="b"', "c=d"]
    assert (alert.status.state, alert.status.silenced_by) == ("suppressed", ["5c"])
    assert [receiver.name for receiver in alert.receivers] == ["aiops", "team"]
    assert alert.starts_at == AT.replace(microsecond=123_000)
    assert alert.generator_url == "http://prom/graph?g0.expr=up"


async def test_the_status_says_since_when_it_runs(endpoint: Endpoint, answering: Network) -> None:
    body = {
        "cluster": {"name": "x", "peers": [{"address": "1.2.3.4:9094", "name": "x"}], "status": "ready"},
        "config": {"original": "route: …"},
        "uptime": "2026-01-31T12:00:00Z",
        "versionInfo": {"version": "0.28.0", "goVersion": "go1.23"},
    }
    status = await Alertmanager(endpoint, answering(httpx2.Response(200, json=body))).status()
    assert (status.uptime, status.cluster.status, status.version_info.version) == (AT, "ready", "0.28.0")
    alone = {**body, "cluster": {"status": "disabled", "peers": None}}
    assert (await Alertmanager(endpoint, answering(httpx2.Response(200, json=alone))).status()).cluster.peers is None


async def test_silences_are_read_and_made(endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]) -> None:
    client = Alertmanager(
        endpoint, answering(httpx2.Response(200, json=[SILENCE]), httpx2.Response(200, json={"silenceID": "77"}))
    )
    (silence,) = await client.silences()
    assert silence.matchers == [Matcher("a", "b|c", is_regex=True, is_equal=False)]
    new = NewSilence(
        matchers=[Matcher("a", "b")], starts_at=AT, ends_at=AT.replace(hour=13), created_by="me", comment="c"
    )
    assert await client.post_silence(new) == "77"
    assert json.loads(asked[1].content) == {
        "matchers": [{"name": "a", "value": "b", "isRegex": False, "isEqual": True}],
        "startsAt": "2026-01-31T12:00:00Z",
        "endsAt": "2026-01-31T13:00:00Z",
        "createdBy": "me",
        "comment": "c",
    }
    assert asked[1].headers["Content-Type"] == "application/json"


async def test_an_alert_is_told_as_it_is(endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]) -> None:
    client = Alertmanager(endpoint, answering(httpx2.Response(200)))
    await client.post_alerts([NewAlert(labels={"a": "b"}, starts_at=AT, generator_url="http://x")])
    assert json.loads(asked[0].content) == [
        {"labels": {"a": "b"}, "startsAt": "2026-01-31T12:00:00Z", "generatorURL": "http://x"}
    ]


async def test_a_silence_is_sent_once_and_an_alert_again(
    endpoint: Endpoint, answering: Network, retries: Retries, asked: list[httpx2.Request]
) -> None:
    new = NewSilence(matchers=[Matcher("a", "b")], starts_at=AT, ends_at=AT, created_by="me", comment="c")
    client = Alertmanager(endpoint, answering(httpx2.Response(503)), retries)
    with pytest.raises(SourceUnavailable):
        await client.post_silence(new)
    assert len(asked) == 1
    with pytest.raises(SourceUnavailable):
        await client.post_alerts([])
    assert len(asked) == 4


async def test_what_it_refuses_it_says(endpoint: Endpoint, answering: Network) -> None:
    client = Alertmanager(endpoint, answering(httpx2.Response(400, json="bad matcher format: x")))
    with pytest.raises(SourceRefused, match=r"alertmanager at .*bad matcher format: x"):
        await client.alerts(matchers=["x"])


@pytest.mark.parametrize("body", ["[{}]", '{"a": 1}', "nothing", '[{"labels": 1}]'])
async def test_another_shape_is_unreadable(endpoint: Endpoint, answering: Network, body: str) -> None:
    with pytest.raises(SourceUnreadable):
        await Alertmanager(endpoint, answering(httpx2.Response(200, text=body))).alerts()


async def test_a_login_page_is_no_healthy_server(endpoint: Endpoint, answering: Network) -> None:
    with pytest.raises(SourceUnreadable, match="ALERTMANAGER_URL"):
        await Alertmanager(endpoint, answering(httpx2.Response(200, text="<html>"))).healthy()
