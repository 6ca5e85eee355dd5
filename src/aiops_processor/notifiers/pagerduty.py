"""Incidents as PagerDuty alerts, through the Events API v2.

Source: https://developer.pagerduty.com/docs/send-alert-event (summary 1,024 characters, event 512 kB).
"""

import json
import re
from typing import Any, ClassVar, Literal

import httpx2
from pydantic import BaseModel, Field, SecretStr

from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.http import HttpOptions, Post
from aiops_processor.notifiers.options import Address, ChannelOptions, Secret
from aiops_processor.notifiers.severity import step

MOST_SUMMARY = 1024
MOST_LINE = 1000
MOST_LINKS = 10
_ACTIONS = {Occasion.RESOLVED: "resolve", Occasion.ACKNOWLEDGED: "acknowledge"}
_FIELD = re.compile(r"'((?:payload\.)?(?:routing_key|event_action|dedup_key|summary|source|severity|timestamp))'")


class PagerDutyOptions(ChannelOptions):
    """`routing_key` is the integration key of a service; `severities` adds to what our severities are called there."""

    routing_key: Secret
    url: Address = "https://events.pagerduty.com"
    severities: dict[str, Literal["critical", "error", "warning", "info"]] = Field(default_factory=dict)


class PagerDutyNotifier:
    """Triggers, acknowledges and resolves one alert an incident. PagerDuty drops what comes again under its key."""

    deduplicates = True
    acknowledges = True
    Options: ClassVar[type[BaseModel]] = PagerDutyOptions

    def __init__(self, options: PagerDutyOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "pagerduty"
        self._key = options.routing_key.get_secret_value()
        self._severities = {name.lower(): value for name, value in options.severities.items()}
        url = SecretStr(f"{options.url.rstrip('/')}/v2/enqueue")
        where = HttpOptions(url=url, timeout_seconds=options.timeout_seconds)
        self._post = Post(self.name, where, transport, explain=_explained)
        self.hosts = (self._post.host,)

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        """Raises DeliveryRefused or DeliveryUnavailable."""
        dedup_key = (previous.data.get("dedup_key") if previous else None) or _dedup_key(message)
        action = _ACTIONS.get(message.occasion, "trigger")
        event = {"routing_key": self._key, "event_action": action, "dedup_key": dedup_key}
        if action == "trigger":
            event |= self._trigger(message)
        status = await self._post.send(json.dumps(event, ensure_ascii=False), {"Idempotency-Key": key})
        return Receipt(data={"status": status, "dedup_key": dedup_key})

    async def aclose(self) -> None:
        await self._post.aclose()

    def _trigger(self, message: Message) -> dict[str, Any]:
        labels = message.alerts[0].labels if message.alerts else {}
        links = [{"href": href, "text": text} for text, href in outline.links(message)]
        payload = {
            "summary": _cut(outline.headline(message), MOST_SUMMARY),
            "source": _cut(labels.get("instance") or labels.get("service") or "aiops-processor", 255),
            "severity": self._severities.get(message.incident.severity.lower()) or step(message.incident.severity),
            "timestamp": message.incident.opened_at.isoformat(),
            "component": _cut(labels.get("service", ""), 255),
            "group": _cut(labels.get("namespace", ""), 255),
            "class": _cut(labels.get("alertname", ""), 255),
            "custom_details": _details(message),
        }
        link = {"client_url": message.url} if message.url else {}
        return {"client": "aiops-processor", **link, "links": links[:MOST_LINKS], "payload": payload}


def _dedup_key(message: Message) -> str:
    """The incident, with when it began: two installations that share a key count their incidents each from one."""
    incident = message.incident
    return f"aiops-{incident.id}-{int(incident.opened_at.timestamp())}"


def _details(message: Message) -> dict[str, Any]:
    """What a person sees below the alert: plain text, which PagerDuty shows as it is."""
    found = {
        section.title: [_cut(f"{line.text}\n{line.code}".strip(), MOST_LINE) for line in section.lines]
        for section in outline.brief(message)
    }
    return {"Standing": outline.standing(message), **found}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _explained(text: str) -> str:
    """Which fields PagerDuty names as wrong. Its own words are not shown: they may repeat what was sent."""
    fields = list(dict.fromkeys(_FIELD.findall(text)))
    remedy = " (is it the integration key of an Events API v2 integration?)" if "routing_key" in fields else ""
    return f"{', '.join(fields)} is wrong{remedy}" if fields else ""
