"""A silence on the real Alertmanager: for exactly what fires, read back, and made once."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from aiops_processor.actions.silence import SilenceAction, SilenceOptions
from aiops_processor.clients.alertmanager import Alertmanager, NewAlert
from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable
from aiops_processor.models.alert import Alert
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def url(start_alertmanager: Callable[..., str]) -> str:
    return start_alertmanager("{route: {receiver: aiops}, receivers: [{name: aiops}]}")


@pytest.fixture
async def silence(url: str) -> AsyncIterator[SilenceAction]:
    action = SilenceAction(SilenceOptions(url=url, minutes=90))
    yield action
    await action.aclose()


def told(message: Message, *alerts: Alert) -> Message:
    return message.model_copy(update={"alerts": alerts, "sent_at": datetime.now(UTC)})


def alert(name: str, *, status: str = "firing", **labels: str) -> Alert:
    return Alert.model_validate(
        {"status": status, "labels": {"alertname": name, **labels}, "startsAt": "2026-01-31T11:59:00Z"}
    )


async def suppressed(alertmanager: Alertmanager) -> set[str]:
    found = await alertmanager.alerts()
    return {each.labels["instance"] for each in found if each.status.silenced_by}


async def test_what_fires_is_silent_and_nothing_else_is(
    alertmanager: Alertmanager, silence: SilenceAction, message: Message
) -> None:
    odd = 'b "\\ {=~.*}'
    told_of = told(
        message,
        alert("Down", instance="a"),
        alert("Down", instance=odd),
        alert("Down", instance="d", status="resolved"),
    )
    ends = datetime.now(UTC) + timedelta(hours=1)
    await alertmanager.post_alerts(
        [NewAlert(labels={"alertname": "Down", "instance": name}, ends_at=ends) for name in ("a", odd, "c", "d")]
    )
    assert silence.plan(told_of) == f"silence Down{{instance=a}}; Down{{instance={odd}}} for 90 min"
    assert await silence.find(told_of, "key-1") is None
    line = await silence.act(told_of, "key-1")
    assert line is not None
    assert line.startswith("silenced until ")
    with anyio.fail_after(120):
        while True:
            if await suppressed(alertmanager) == {"a", odd}:
                break
            await anyio.sleep(0.1)

    assert await silence.find(told_of, "key-1") == line
    assert await silence.act(told_of, "key-1") == line, "made once, however often"
    made = [each for each in await alertmanager.silences() if "[key-1]" in each.comment]
    assert len(made) == 2
    assert {each.created_by for each in made} == {"aiops-processor"}
    assert {round((each.ends_at - each.starts_at).total_seconds() / 60) for each in made} == {90}


async def test_after_a_kill_between_two_silences_only_the_missing_one_is_made(
    alertmanager: Alertmanager, silence: SilenceAction, message: Message
) -> None:
    await silence.act(told(message, alert("Slow", instance="a")), "key-2")
    both = told(message, alert("Slow", instance="a"), alert("Slow", instance="b"))
    assert await silence.find(both, "key-2") is None
    await silence.act(both, "key-2")
    assert len([each for each in await alertmanager.silences() if "[key-2]" in each.comment]) == 2


async def test_nothing_is_silenced_by_half(url: str, silence: SilenceAction, message: Message) -> None:
    with pytest.raises(DeliveryRefused, match="masked"):
        await silence.act(told(message, alert("Down", owner="‹email 1›")), "key-3")
    with pytest.raises(DeliveryRefused, match="too many"):
        await silence.act(told(message, *(alert("Down", instance=str(n)) for n in range(51))), "key-3")
    assert silence.plan(told(message, alert("Down", status="resolved"))) is None
    nobody = SilenceAction(SilenceOptions(url="http://127.0.0.1:1", timeout_seconds=2))
    with pytest.raises(DeliveryUnavailable) as caught:
        await nobody.act(told(message, alert("Down")), "key-3")
    assert type(caught.value) is DeliveryUnavailable, "nothing was asked for yet"
    await nobody.aclose()
