"""What Alertmanager never sends is found; what merely could not be read closes nothing."""

import json
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from aiops_processor.clients.alertmanager import AlertStatus, Cluster, KnownAlert, Named, Status
from aiops_processor.errors import SourceUnavailable
from aiops_processor.models.samples import Answer, Series
from aiops_processor.services.watching.missed import Missed
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage.tables import episodes

pytestmark = pytest.mark.anyio


class Alertmanager:
    """Lists what it is given, or does not answer."""

    def __init__(self, now: datetime) -> None:
        self.listed: list[KnownAlert] = []
        self.muted: set[str] = set()
        self.uptime = now - timedelta(days=1)
        self.down = False

    async def alerts(self, *, active: bool = True, silenced: bool = True, inhibited: bool = True) -> list[KnownAlert]:
        return self.listed

    async def audible(self) -> set[tuple[str, str]]:
        return {(r.name, a.fingerprint) for a in self.listed for r in a.receivers if a.fingerprint not in self.muted}

    async def status(self) -> Status:
        if self.down:
            raise SourceUnavailable("down")
        return Status(cluster=Cluster("disabled"), uptime=self.uptime)


class Prometheus:
    """Sees what it is given firing, or does not answer."""

    def __init__(self) -> None:
        self.firing: list[dict[str, str]] = []
        self.down = False

    async def query(self, expr: str, at: datetime) -> Answer[list[Series]]:
        if self.down:
            raise SourceUnavailable("down")
        return Answer([Series(labels, [(at.timestamp(), 1.0)]) for labels in self.firing])


class Scene:
    def __init__(self, house: Any) -> None:
        self.house = house
        self.alertmanager = Alertmanager(house.clock.now())
        self.prometheus = Prometheus()
        self.missed = Missed(house.database, house.ingest, house.clock)
        self.missed.use([self.alertmanager], self.prometheus)

    def list_alert(self, name: str, age: float, *, receiver: str = "aiops", state: Any = "active") -> KnownAlert:
        labels = {"alertname": name, "cluster": "test"}
        starts = self.house.clock.now() - timedelta(seconds=age)
        alert = KnownAlert(
            labels=labels,
            fingerprint=name,
            status=AlertStatus(state),
            starts_at=starts,
            ends_at=self.house.clock.now() + timedelta(minutes=4),
            updated_at=starts,
            receivers=[Named(receiver)],
        )
        self.alertmanager.listed.append(alert)
        return alert

    async def rounds(self, minutes: int) -> None:
        for _ in range(minutes):
            await self.missed.round()
            self.house.clock.advance(60)
        await self.missed.round()

    async def titles(self) -> dict[str, str]:
        await self.house.reconciler.tick()
        return {incident.title: str(incident.state) for incident in await self.house.all_incidents()}


@pytest.fixture
async def scene(house: Any, post_from: Any) -> Scene:
    await post_from("aiops", "Known")
    return Scene(house)


@pytest.fixture
def post_from(house: Any) -> Any:
    async def post(receiver: str, name: str, status: str = "firing", at: str | None = None, **envelope: Any) -> None:
        alert = {
            "status": status,
            "labels": {"alertname": name, "cluster": "test"},
            "startsAt": "2026-01-31T11:00:00Z",
            "endsAt": at,
            "fingerprint": name,
        }
        body = {"receiver": receiver, "groupKey": name, "alerts": [alert], **envelope}
        await house.ingest.receive(json.dumps(body).encode(), "default")

    return post


async def test_an_alert_that_fires_and_was_never_sent_is_adopted(scene: Scene) -> None:
    scene.list_alert("Missed", 400)
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known", "Missed"}


async def test_one_that_may_be_on_its_way_is_waited_for(scene: Scene) -> None:
    scene.list_alert("Young", 60)
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known"}
    scene.house.clock.advance(320)
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known", "Young"}


async def test_what_max_alerts_cut_off_is_adopted_at_once(scene: Scene, post_from: Any) -> None:
    scene.list_alert("CutOff", 10)
    await post_from("aiops", "Known", truncatedAlerts=3)
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known", "CutOff"}


async def test_alerts_of_others_and_silenced_ones_are_not_ours(scene: Scene) -> None:
    scene.list_alert("Theirs", 4000, receiver="other-team")
    scene.list_alert("Silenced", 4000, state="suppressed")
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known"}


async def test_one_that_a_time_interval_mutes_waits_for_its_end(scene: Scene) -> None:
    """Alertmanager lists it as active all the while."""
    scene.list_alert("Muted", 4000)
    scene.alertmanager.muted = {"Muted"}
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known"}
    scene.alertmanager.muted = set()
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known", "Muted"}


async def test_an_alert_that_ended_unheard_is_closed_after_two_readings(scene: Scene) -> None:
    await scene.titles()
    await scene.rounds(4)
    assert "resolved" not in (await scene.titles()).values()
    await scene.rounds(1)
    await scene.house.pass_time(60)
    assert (await scene.titles())["Known"] == "resolved"


async def test_a_silenced_alert_that_still_fires_is_not_closed(scene: Scene) -> None:
    scene.list_alert("Known", 4000, state="suppressed")
    await scene.rounds(8)
    assert (await scene.titles())["Known"] != "resolved"


async def test_an_alertmanager_that_restarted_has_forgotten_and_closes_nothing(scene: Scene) -> None:
    await scene.rounds(3)
    scene.alertmanager.uptime = scene.house.clock.now()
    await scene.rounds(4)
    assert (await scene.titles())["Known"] != "resolved"


async def test_what_prometheus_sees_firing_is_not_closed(scene: Scene) -> None:
    scene.prometheus.firing = [{"__name__": "ALERTS", "alertstate": "firing", "alertname": "Known"}]
    await scene.rounds(8)
    assert (await scene.titles())["Known"] != "resolved"


async def test_a_reading_that_fails_is_no_reading(scene: Scene) -> None:
    scene.prometheus.down = True
    await scene.rounds(8)
    assert (await scene.titles())["Known"] != "resolved"
    scene.prometheus.down = False
    scene.alertmanager.down = True
    await scene.rounds(8)
    assert (await scene.titles())["Known"] != "resolved"


async def test_an_alert_of_a_receiver_that_is_ours_by_configuration_is_adopted(scene: Scene) -> None:
    scene.missed.use([scene.alertmanager], scene.prometheus, receivers=["pager"])
    scene.list_alert("Missed", 400, receiver="pager")
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known", "Missed"}


async def test_what_one_peer_lists_is_adopted_though_the_other_is_down(scene: Scene) -> None:
    other = Alertmanager(scene.house.clock.now())
    scene.missed.use([other, scene.alertmanager], scene.prometheus)
    other.down = True
    scene.list_alert("Missed", 400)
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known", "Missed"}


@pytest.mark.parametrize("why", ["lists it", "is down", "is young"])
async def test_nothing_is_closed_while_one_peer(scene: Scene, why: str) -> None:
    other = Alertmanager(scene.house.clock.now())
    scene.missed.use([scene.alertmanager, other], scene.prometheus)
    if why == "lists it":
        scene.list_alert("Known", 4000)
        scene.alertmanager.listed, other.listed = [], scene.alertmanager.listed
    other.down = why == "is down"
    other.uptime = scene.house.clock.now() + timedelta(minutes=4) if why == "is young" else other.uptime
    await scene.rounds(8)
    assert (await scene.titles())["Known"] != "resolved"
    scene.missed.use([scene.alertmanager], scene.prometheus)
    await scene.rounds(8)
    assert (await scene.titles())["Known"] == "resolved"


async def test_a_silence_at_one_peer_does_not_hide_that_it_fires_at_another(scene: Scene) -> None:
    other = Alertmanager(scene.house.clock.now())
    scene.missed.use([scene.alertmanager, other], scene.prometheus)
    scene.list_alert("Missed", 400, state="suppressed")
    other.listed = [msgspec.structs.replace(scene.alertmanager.listed[0], status=AlertStatus("active"))]
    await scene.missed.round()
    assert set(await scene.titles()) == {"Known", "Missed"}


async def test_of_the_thousands_that_are_open_none_is_read_that_is_listed(scene: Scene) -> None:
    """As long as they are listed nothing about them is needed but their fingerprints."""
    await scene.titles()
    scene.list_alert("Known", 3600)
    async with scene.house.database.write() as connection:
        await connection.execute(sa.update(episodes).values(alert={"labels": "unreadable"}))
    await scene.rounds(8)
    async with scene.house.database.read() as connection:
        assert len(await alert_rows.open_fingerprints(connection, "default")) == 1


async def test_a_reading_that_failed_does_not_count_as_one_of_the_two(scene: Scene) -> None:
    await scene.titles()
    scene.alertmanager.down = True
    await scene.rounds(8)
    scene.alertmanager.down = False
    await scene.missed.round()
    assert (await scene.titles())["Known"] != "resolved"


async def test_one_that_was_closed_and_still_fires_goes_on_as_a_linked_episode(scene: Scene, post_from: Any) -> None:
    """Two Alertmanagers out of step: one said that it is over, and its API shows it active long after."""
    await scene.titles()
    known = scene.list_alert("Known", 3600)
    await post_from("aiops", "Known", status="resolved", at="2026-01-31T11:59:00Z")
    await scene.missed.round()
    await scene.titles()
    assert (await scene.house.all_incidents())[0].resolved_at
    scene.house.clock.advance(360)
    await scene.missed.round()
    await scene.missed.round()
    async with scene.house.database.read() as connection:
        (episode,) = await alert_rows.open_among(connection, "default", [known.fingerprint])
    assert (episode.alert.fingerprint, episode.previous) == (known.fingerprint, 1)
