"""The real Alertmanager: what it answers is what the client reads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from aiops_processor.clients.alertmanager import Alertmanager, Matcher, NewAlert, NewSilence
from aiops_processor.errors import SourceRefused

pytestmark = pytest.mark.anyio

CONFIGURATION = """
route: {receiver: aiops, group_wait: 1h, routes: [{receiver: team, matchers: ['team="a"']}]}
receivers: [{name: aiops}, {name: team}]
inhibit_rules: [{source_matchers: ['alertname="Down"'], target_matchers: ['alertname="Slow"'], equal: [service]}]
"""


@pytest.fixture(scope="module")
def url(start_alertmanager: Callable[..., str]) -> str:
    return f"{start_alertmanager(CONFIGURATION, '--web.route-prefix=/am')}/am/"


def alert(name: str, **labels: str) -> NewAlert:
    now = datetime.now(UTC)
    return NewAlert(
        labels={"alertname": name, **labels},
        annotations={"summary": "s"},
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        generator_url="http://prometheus/graph?g0.expr=up",
    )


async def test_it_says_since_when_it_runs(alertmanager: Alertmanager) -> None:
    status = await alertmanager.status()
    assert datetime.now(UTC) - timedelta(minutes=5) < status.uptime <= datetime.now(UTC)
    assert status.cluster.status == "disabled"
    assert status.version_info.version


async def test_alerts_are_found_by_receiver_and_matchers_and_end(alertmanager: Alertmanager) -> None:
    await alertmanager.post_alerts([alert("One", test="b"), alert("Two", test="b", team="a")])
    found = await alertmanager.alerts(matchers=['test="b"'])
    assert {each.labels["alertname"]: [r.name for r in each.receivers] for each in found} == {
        "One": ["aiops"],
        "Two": ["team"],
    }
    assert found[0].annotations == {"summary": "s"}
    assert found[0].ends_at > datetime.now(UTC)
    assert {(each.receivers[0].name, each.fingerprint) for each in found} <= await alertmanager.audible()
    (two,) = await alertmanager.alerts(matchers=['test="b"'], receiver="team|other")
    assert two.labels["alertname"] == "Two"
    over = NewAlert(labels={"alertname": "One", "test": "b"}, ends_at=datetime.now(UTC))
    await alertmanager.post_alerts([over])
    assert [each.labels["alertname"] for each in await alertmanager.alerts(matchers=['test="b"'])] == ["Two"]


async def test_a_silence_silences_and_an_inhibition_inhibits(alertmanager: Alertmanager) -> None:
    now = datetime.now(UTC)
    silence = await alertmanager.post_silence(
        NewSilence(
            matchers=[Matcher("alertname", "Quiet|Still", is_regex=True)],
            starts_at=now,
            ends_at=now + timedelta(hours=1),
            created_by="a test",
            comment="c",
        )
    )
    service = {"service": "cart", "test": "c"}
    await alertmanager.post_alerts([alert("Quiet", **service), alert("Down", **service), alert("Slow", **service)])
    assert silence in {each.id for each in await alertmanager.silences() if each.status.state == "active"}

    async def names(*, silenced: bool = True, inhibited: bool = True) -> set[str]:
        found = await alertmanager.alerts(matchers=["test=c"], silenced=silenced, inhibited=inhibited)
        return {each.labels["alertname"] for each in found}

    for _ in range(100):  # it inhibits a moment after it has taken them
        if len(await names(silenced=False, inhibited=False)) == 1:
            break
        await anyio.sleep(0.1)
    assert await names(silenced=False, inhibited=False) == {"Down"}
    assert await names(silenced=False) == {"Down", "Slow"}
    assert await names() == {"Quiet", "Down", "Slow"}
    (quiet,) = await alertmanager.alerts(matchers=["alertname=Quiet"])
    assert (quiet.status.state, quiet.status.silenced_by) == ("suppressed", [silence])


async def test_what_it_refuses_is_said_in_its_words(alertmanager: Alertmanager) -> None:
    with pytest.raises(SourceRefused, match="bad matcher format"):
        await alertmanager.alerts(matchers=["="])
    with pytest.raises(SourceRefused, match=r"at least one label"):
        await alertmanager.post_alerts([NewAlert(labels={})])
