import json
from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryRefused, PluginError
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers.pagerduty import PagerDutyNotifier, PagerDutyOptions

pytestmark = pytest.mark.anyio


async def event(message: Message, previous: Receipt | None = None, **options: Any) -> tuple[dict[str, Any], Receipt]:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(202, json={"status": "success"})

    made = PagerDutyOptions.model_validate({"routing_key": "k" * 32, **options})
    receipt = await PagerDutyNotifier(made, httpx2.MockTransport(answer)).send(message, "k", previous)
    assert str(asked[0].url) == "https://events.pagerduty.com/v2/enqueue"
    return json.loads(asked[0].content), receipt


async def test_an_incident_is_triggered_with_what_a_person_needs(message: Message) -> None:
    sent, receipt = await event(message)
    assert (sent["event_action"], sent["dedup_key"]) == ("trigger", "aiops-3-1769860865")
    payload = sent["payload"]
    assert payload["summary"] == "HighErrorRate on checkout [critical]"
    assert (payload["source"], payload["severity"]) == ("10.0.0.7:8080", "critical")
    assert (payload["component"], payload["class"]) == ("checkout", "HighErrorRate")
    assert payload["custom_details"]["Conclusion"][0].startswith("Cause found, confidence 82 %")
    assert sent["links"][0] == {"href": "https://aiops.example/incidents/3", "text": "Open the incident"}
    assert sent["client_url"] == "https://aiops.example/incidents/3"
    assert receipt.data == {"status": 202, "dedup_key": "aiops-3-1769860865"}


@pytest.mark.parametrize(
    ("occasion", "action"),
    [(Occasion.RESOLVED, "resolve"), (Occasion.ACKNOWLEDGED, "acknowledge"), (Occasion.REMINDED, "trigger")],
)
async def test_what_follows_is_about_the_same_alert(message: Message, occasion: Occasion, action: str) -> None:
    sent, _ = await event(message.model_copy(update={"occasion": occasion}), Receipt(data={"dedup_key": "as-stored"}))
    assert (sent["event_action"], sent["dedup_key"]) == (action, "as-stored")
    assert ("payload" in sent) is (action == "trigger")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("critical", "critical"), ("Page", "critical"), ("warning", "warning"), ("P5", "info"), ("blue", "error")],
)
async def test_severities_are_theirs(message: Message, ours: str, theirs: str) -> None:
    given = message.model_copy(update={"incident": message.incident.model_copy(update={"severity": ours})})
    assert (await event(given))[0]["payload"]["severity"] == theirs


async def test_severities_of_ones_own_are_added(message: Message) -> None:
    given = message.model_copy(update={"incident": message.incident.model_copy(update={"severity": "Blue"})})
    assert (await event(given, severities={"blue": "info"}))[0]["payload"]["severity"] == "info"
    with pytest.raises(PluginError, match=r"severities\.blue"):
        plugins.make("notifier", "pagerduty", {"routing_key": "k", "severities": {"blue": "green"}})


async def test_the_fields_that_pagerduty_names_are_in_the_error(message: Message) -> None:
    errors = ["'routing_key' is invalid: k0key", "'payload.summary' is too long"]
    refuses = httpx2.MockTransport(lambda _: httpx2.Response(400, json={"errors": errors}))
    notifier = PagerDutyNotifier(PagerDutyOptions.model_validate({"routing_key": "k0key"}), refuses)
    with pytest.raises(DeliveryRefused, match=r"routing_key, payload\.summary is wrong") as failure:
        await notifier.send(message, "k", None)
    assert "k0key" not in str(failure.value)
