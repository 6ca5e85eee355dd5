"""From a posted body to what is told, on a real database, without the workflow engine and with the time in our hand."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable, NotAWebhook
from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import IncidentState
from aiops_processor.models.notification import DeliveryState
from aiops_processor.services.analysing.analysis import MOST_ATTEMPTS, SKIP
from aiops_processor.services.grouping.joining import Rules
from aiops_processor.services.grouping.policy import Policy, Settling
from aiops_processor.services.telling.messages import MOST_ALERTS
from aiops_processor.services.telling.notifier import wait_seconds
from aiops_processor.storage import alerts as alert_rows
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import outbox
from aiops_processor.storage.tables import episodes

pytestmark = pytest.mark.anyio


async def test_an_alert_is_told_at_once_and_explained_when_it_has_settled(house: Any, post: Any) -> None:
    await post("HighErrorRate")
    await house.reconciler.tick()
    assert house.channel.occasions == ["opened"]
    await house.pass_time(9)
    assert house.channel.occasions == ["opened"]
    await house.pass_time(2)
    assert house.channel.occasions == ["opened", "analysed"]
    message, _ = house.channel.messages[-1]
    assert message.analysis is not None
    assert message.analysis.alert_name == "HighErrorRate"
    assert message.url == f"https://aiops.example/incidents/{message.incident.id}"


async def test_alerts_of_one_group_are_one_incident_analysed_once(house: Any, post: Any) -> None:
    for number in range(5):
        await post(f"Alert{number}")
        await house.pass_time(3)
    await house.pass_time(30)
    (incident,) = await house.all_incidents()
    assert house.channel.occasions == ["opened", "analysed"]
    assert incident.reason == "Alertmanager group g"
    async with house.database.read() as connection:
        history = await incident_rows.history(connection, incident.id)
    assert [entry.text for entry in history if entry.kind == "joined"] == [
        f"Alert{number}: same Alertmanager group g" for number in range(1, 5)
    ]


async def test_an_incident_waits_until_its_end_is_told(house: Any, post: Any) -> None:
    """Whoever looks whether everything is done must not be told so between an end and the next round."""

    async def waiting() -> int:
        async with house.database.read() as connection:
            return await incident_rows.waiting(connection)

    await post("A")
    await house.pass_time(11)
    assert await waiting() == 0
    await post("A", status="resolved")
    assert await waiting() == 1
    await house.pass_time(1)
    assert await waiting() == 0
    assert house.channel.occasions[-1] == "resolved"


async def test_an_incident_that_keeps_growing_is_analysed_after_thirty_seconds(house: Any, post: Any) -> None:
    for number in range(9):
        await post(f"Alert{number}")
        await house.pass_time(5)
    assert house.analysed[0] == (1, 1)
    assert len(house.channel.messages) == 2


async def test_an_analysis_whose_workflow_ended_without_it_begins_anew(house: Any, post: Any) -> None:
    """Its failure could not be written down, or a backup stands beside younger workflows."""
    house.ended.add((1, 1))
    await post("A")
    await house.pass_time(11)
    assert house.channel.occasions == ["opened"]
    await house.pass_time(30)
    assert house.channel.occasions == ["opened", "analysed"]


async def test_an_analysis_that_ends_while_it_is_looked_at_is_left_alone(
    house: Any, post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post("A")
    await house.reconciler.tick()
    house.clock.advance(11)
    assert await house.incidents.claim_due(1)

    async def ended_meanwhile(incident_id: int, generation: int) -> bool:
        if not house.analysed:
            await house.analyse(incident_id, generation)
        return True

    monkeypatch.setattr(house, "analysis_ended", ended_meanwhile)
    monkeypatch.setattr(house, "forget_analysis", None)  # whoever calls it fails
    house.reconciler.sweep_now()
    await house.reconciler.tick()
    assert house.channel.occasions.count("analysed") == 1


async def test_a_repeat_makes_no_second_analysis_and_no_message(house: Any, post: Any) -> None:
    await post("A")
    await house.pass_time(20)
    for _ in range(3):
        await post("A")
        await house.pass_time(100)
    assert house.channel.occasions == ["opened", "analysed"]


async def test_a_new_alert_in_an_analysed_incident_is_analysed_again(house: Any, post: Any) -> None:
    await post("A")
    await house.pass_time(20)
    await post("B")
    await house.pass_time(70)
    assert house.analysed == [(1, 1), (1, 2)]
    (incident,) = await house.all_incidents()
    assert incident.generation == 2


@pytest.fixture
def fires(house: Any) -> Any:
    """Another alert about the same service, which makes a group of its own in Alertmanager."""

    async def fires(name: str, severity: str = "warning", group: str = "") -> None:
        labels = {"alertname": name, "service": "cart", "severity": severity, "instance": f"{name}:80"}
        alert = {"status": "firing", "labels": labels, "startsAt": "2026-01-31T11:59:00Z"}
        await house.ingest.receive(json.dumps({"groupKey": group or name, "alerts": [alert]}).encode(), "default")

    return fires


async def test_another_kind_of_alert_is_told_before_it_is_analysed_and_once(house: Any, fires: Any) -> None:
    await fires("Latency")
    await house.pass_time(20)
    await fires("DiskFull")
    await fires("Errors")
    await house.pass_time(2)
    assert house.channel.occasions == ["opened", "analysed", "joined"]
    assert [each.name for each in house.channel.messages[-1][0].alerts] == ["Errors", "DiskFull", "Latency"], (
        "news first"
    )
    await house.pass_time(70)
    await fires("Restarts")
    await house.pass_time(2)
    assert house.channel.occasions == ["opened", "analysed", "joined", "analysed", "joined"]
    assert len({key for _, key in house.channel.messages}) == 5


async def test_a_graver_alert_is_told_at_once_however_far_the_analysis_is(house: Any, fires: Any) -> None:
    await fires("Latency")
    await house.pass_time(2)
    await fires("Latency2", "critical", group="Latency")
    await house.pass_time(2)
    assert house.channel.occasions == ["opened", "joined"]
    assert house.channel.messages[-1][0].incident.severity == "critical"
    await fires("Latency3", "critical", group="Latency")
    await house.pass_time(20)
    assert house.channel.occasions == ["opened", "joined", "analysed"]


async def test_what_joined_is_named_first_however_many_there_are(house: Any, fires: Any) -> None:
    numbers = map(str, range(MOST_ALERTS + 5))
    labels = [{"alertname": "Latency", "service": "cart", "instance": number} for number in numbers]
    alerts = [{"status": "firing", "labels": each, "startsAt": "2026-01-31T11:59:00Z"} for each in labels]
    await house.ingest.receive(json.dumps({"groupKey": "Latency", "alerts": alerts}).encode(), "default")
    await house.pass_time(20)
    await fires("DiskFull")
    await house.pass_time(2)
    joined, _ = house.channel.messages[-1]
    assert (str(joined.occasion), joined.alerts[0].name) == ("joined", "DiskFull")
    assert len(joined.alerts) + joined.more_alerts == MOST_ALERTS + 6


async def test_a_storm_of_one_group_is_told_as_one(house: Any, fires: Any) -> None:
    await fires("Latency")
    await house.pass_time(20)
    for number in range(5):
        await fires(f"Latency{number}", group="Latency")
    await house.pass_time(10)
    assert house.channel.occasions == ["opened", "analysed"]


async def test_alerts_that_go_on_joining_do_not_put_off_that_people_hear_of_the_first(house: Any, post: Any) -> None:
    await post("First")
    await house.pass_time(20)
    for number in range(5):
        await post(f"Joined{number}")
        await house.pass_time(20)
    assert house.analysed == [(1, 1), (1, 2)]
    await house.pass_time(70)
    assert house.analysed == [(1, 1), (1, 2), (1, 3)], "those that came later too"


async def test_an_incident_is_resolved_when_all_of_its_alerts_are(house: Any, post: Any) -> None:
    await post("A", "B")
    await house.pass_time(20)
    await post("A", status="resolved")
    await house.pass_time(2)
    assert (await house.all_incidents())[0].state == IncidentState.ANALYSED
    await post("B", status="resolved")
    await house.pass_time(2)
    assert (await house.all_incidents())[0].state == IncidentState.RESOLVED
    assert house.channel.occasions == ["opened", "analysed", "resolved"]


async def test_one_that_resolves_before_it_settles_is_analysed_all_the_same(house: Any, post: Any) -> None:
    await post("A")
    await post("A", status="resolved")
    await house.pass_time(20)
    assert house.analysed == [(1, 1)]
    assert (await house.all_incidents())[0].state == IncidentState.RESOLVED
    assert house.channel.occasions == ["opened", "resolved"]


async def test_what_fires_again_soon_is_the_same_incident_and_people_are_told(house: Any, post: Any) -> None:
    await post("A")
    await house.pass_time(20)
    await post("A", status="resolved")
    await house.pass_time(20)
    await post("A", starts="2026-01-31T12:00:30Z")
    await house.pass_time(90)
    (incident,) = await house.all_incidents()
    assert (incident.reopened, incident.state) == (1, IncidentState.ANALYSED)
    await post("A", status="resolved")
    await house.pass_time(5)
    assert house.channel.occasions == ["opened", "analysed", "resolved", "opened", "analysed", "resolved"]
    assert len({key for _, key in house.channel.messages}) == 6


async def test_what_fires_again_on_another_day_is_a_new_incident(house: Any, post: Any) -> None:
    await post("A")
    await house.pass_time(20)
    await post("A", status="resolved")
    await house.pass_time(2)
    house.clock.advance(86400)
    await post("A", starts="2026-02-01T12:00:00Z")
    await house.pass_time(20)
    assert [incident.id for incident in await house.all_incidents()] == [2, 1]


async def test_what_alertmanager_took_for_over_and_fires_on_is_told_again(house: Any, post: Any) -> None:
    """It was cut off from Prometheus: a resolve, and later a firing that began when the first one did."""
    await post("A")
    await house.pass_time(20)
    await post("A", status="resolved")
    await house.pass_time(20)
    house.clock.advance(3600)
    await post("A")
    await house.pass_time(20)
    assert house.channel.occasions == ["opened", "analysed", "resolved", "opened", "analysed"]


async def test_what_ended_unheard_and_fires_again_days_later_is_a_new_incident(house: Any, post: Any) -> None:
    await post("A", "B")
    await house.pass_time(20)
    house.clock.advance(3 * 86400)
    await post("A", "B", "New", starts="2026-02-03T12:00:10Z")
    await house.pass_time(20)
    newer, older = await house.all_incidents()
    assert (older.state, older.resolved_at) == (IncidentState.RESOLVED, datetime(2026, 1, 31, 12, tzinfo=UTC))
    assert newer.title == "A and 2 more"
    told = [(message.incident.id, str(message.occasion)) for message, _ in house.channel.messages]
    assert sorted(told) == [(1, "analysed"), (1, "opened"), (1, "resolved"), (2, "analysed"), (2, "opened")]


async def test_a_step_that_a_kill_made_done_twice_leaves_the_next_analysis_alone(house: Any, post: Any) -> None:
    await post("A")
    await house.pass_time(40)
    await post("B")
    await house.incidents.group()
    house.clock.advance(100)
    assert [each.generation for each in await house.incidents.claim_due()] == [2]
    await house.analysis.explain(1, 1)
    await house.analysis.tell(1, 1)
    await house.analysis.fail(1, 1, "a fault")
    (incident,) = await house.all_incidents()
    assert (incident.state, incident.generation) == (IncidentState.ANALYSING, 2)
    await house.analyse(1, 2)
    (incident,) = await house.all_incidents()
    assert incident.state == IncidentState.ANALYSED


async def test_neighbours_of_one_moment_are_one_incident_and_strangers_are_not(house: Any) -> None:
    for name, namespace in (("db", "shop"), ("api", "shop"), ("mail", "office")):
        labels = {"alertname": name, "service": name, "namespace": namespace}
        alert = {"status": "firing", "labels": labels, "startsAt": "2026-01-31T11:59:00Z"}
        await house.ingest.receive(json.dumps({"groupKey": name, "alerts": [alert]}).encode(), "default")
    await house.pass_time(20)
    assert sorted(incident.title for incident in await house.all_incidents()) == [
        "api and 1 more on db, api",
        "mail on mail",
    ]


async def test_the_watchdog_makes_no_incident(house: Any, post: Any) -> None:
    await post("Watchdog")
    await house.pass_time(20)
    assert await house.all_incidents() == []
    assert house.channel.messages == []


@pytest.mark.parametrize("starts", ["0001-01-01T00:01:00Z", "2019-01-31T12:00:00Z", "9999-12-31T23:59:59Z"])
async def test_an_absurd_start_holds_up_nobody_and_counts_as_the_arrival(house: Any, post: Any, starts: str) -> None:
    answer = await post("Absurd", group="a", starts=starts)
    assert "taken as of now" in answer.warnings[0].reason
    arrived = house.clock.now()
    await post("Sound", group="b")
    await house.pass_time(20)
    await post("Absurd", group="a", starts=starts)
    await post("Absurd", group="a", starts=starts, status="resolved")
    await house.pass_time(20)
    async with house.database.read() as connection:
        (episode,) = await alert_rows.of_incident(connection, 2)
    assert (episode.alert.starts_at, episode.alert.firing) == (arrived, False)
    assert sorted(house.channel.occasions) == ["analysed", "analysed", "opened", "opened", "resolved"]


async def test_a_start_in_the_first_year_that_is_stored_already_holds_up_nobody(house: Any, post: Any) -> None:
    await post("Absurd", group="a")
    async with house.database.write() as connection:
        first = datetime(1, 1, 1, 0, 1, tzinfo=UTC)
        await connection.execute(sa.update(episodes).values(starts_at=first))
    await house.pass_time(2)
    assert house.channel.occasions == ["opened"]


async def test_a_resolve_alone_is_recorded_and_makes_no_incident(house: Any, post: Any) -> None:
    answer = await post("A", status="resolved")
    await house.pass_time(20)
    assert answer.processed == 1
    assert await house.all_incidents() == []


async def test_a_body_that_is_no_webhook_is_kept_once_however_often_it_comes(house: Any) -> None:
    for _ in range(3):
        with pytest.raises(NotAWebhook):
            await house.ingest.receive(b'{"alerts": null}', "default")
    assert await house.count_dead_letters() == 1


async def test_a_bad_alert_is_kept_and_the_good_one_analysed(house: Any) -> None:
    good = {"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-31T11:59:00Z"}
    bad = {**good, "labels": {"alertname": 7}}
    answer = await house.ingest.receive(json.dumps({"groupKey": "g", "alerts": [good, bad]}).encode(), "default")
    assert (answer.processed, [r.index for r in answer.rejected]) == (1, [1])
    await house.pass_time(20)
    assert await house.count_dead_letters() == 1
    assert house.channel.occasions == ["opened", "analysed"]


async def test_a_channel_that_may_pass_is_tried_again_with_the_same_key(house: Any, post: Any) -> None:
    house.channel.error = DeliveryUnavailable("503", retry_after=7)
    await post("A")
    await house.pass_time(6)
    assert len(house.channel.messages) == 1
    house.channel.error = None
    await house.pass_time(2)
    assert [key for _, key in house.channel.messages] == ["incident-1-opened-0-test"] * 2
    async with house.database.read() as connection:
        (delivery,) = await outbox.of_incident(connection, 1)
    assert (delivery.state, delivery.attempts) == (DeliveryState.SENT, 2)


async def test_a_channel_that_refuses_is_not_asked_again(house: Any, post: Any) -> None:
    house.channel.error = DeliveryRefused("no such hook")
    await post("A")
    await house.pass_time(5)
    assert len(house.channel.messages) == 1
    async with house.database.read() as connection:
        history = await incident_rows.history(connection, 1)
    assert "could not be told (no such hook)" in history[-1].text


async def test_an_analysis_that_never_ends_is_given_up_visibly(house: Any, post: Any) -> None:
    await post("A")
    await house.reconciler.tick()
    house.clock.advance(20)
    await house.incidents.claim_due()
    for _ in range(MOST_ATTEMPTS):
        assert await house.analysis.begin(1, 1) != (SKIP, 0)
    assert await house.analysis.begin(1, 1) == (SKIP, 0)
    assert (await house.all_incidents())[0].state == IncidentState.FAILED


async def test_what_has_no_room_waits_for_it(house: Any, post: Any) -> None:
    for number in range(3):
        await post(f"A{number}", group=f"g{number}")
    house.room = 0
    await house.pass_time(20)
    assert (house.channel.occasions, house.analysed) == ([], [])
    house.room = 1
    await house.reconciler.tick()
    assert (house.channel.occasions, house.analysed) == (["opened"], [(1, 1)])


async def test_an_incident_by_hand_is_no_group_of_alertmanager(house: Any, post: Any) -> None:
    alert = Alert.model_validate({"status": "firing", "labels": {"alertname": "A"}, "startsAt": "2026-01-31T11:59:00Z"})
    incident = await house.incidents.open_by_hand([alert, alert], notify=False)
    await house.analyse(incident.id, incident.generation)
    await post("A")
    await house.pass_time(20)
    assert [(i.id, i.manual) for i in await house.all_incidents()] == [(2, False), (1, True)]
    assert {message.incident.id for message, _ in house.channel.messages} == {2}


def test_waiting_doubles_and_honours_what_was_asked() -> None:
    assert [wait_seconds(n, None) for n in (1, 2, 3, 20, 1000)] == [1, 2, 4, 300, 300]
    assert wait_seconds(1, 30) == 30
    assert wait_seconds(1, 1e9) == 300


async def test_neighbours_further_apart_than_the_window_are_one_incident_in_two_batches_too(house: Any) -> None:
    house.incidents.use(["test"], Settling(10, 30), Policy(rules=Rules(window_seconds=300, neighbour_seconds=900)))
    for minutes, service in ((14, "cart"), (4, "db")):
        alert = {
            "status": "firing",
            "labels": {"alertname": "Slow", "namespace": "shop", "service": service},
            "startsAt": (house.clock.now() - timedelta(minutes=minutes)).isoformat(),
        }
        await house.ingest.receive(json.dumps({"groupKey": service, "alerts": [alert]}).encode(), "default")
        await house.reconciler.tick()
    assert len(await house.all_incidents()) == 1
