"""A test alert the whole way: to Alertmanager or straight to the running service, until it is analysed and resolved."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2

from aiops_processor import parts
from aiops_processor.cli.asking import authorization, base_url, trusted
from aiops_processor.clients.alertmanager import Alertmanager, NewAlert
from aiops_processor.errors import AiopsError, SourceError
from aiops_processor.settings import Settings

WAIT_SECONDS = 90.0
"""Longer than the `group_wait` of most routes and the time until an incident has settled."""
NAME = "AiopsTestAlert"
DONE = {"analysed", "resolved", "failed"}
TEXT = {"summary": "A test sent by `aiops check --send-test-alert`."}


class AlertLost(AiopsError):
    """The test alert did not become an analysed incident; says where it was lost."""


@dataclass(frozen=True)
class _Sent:
    """One test alert: `labels` tell it from all others."""

    at: datetime

    @property
    def labels(self) -> dict[str, str]:
        return {"alertname": NAME, "severity": "info", "sent": _rfc3339(self.at)}


async def send(settings: Settings, wait_seconds: float) -> str:
    """What became of it, in words. Raises AlertLost."""
    base = base_url(settings)
    sent = _Sent(datetime.now(UTC))
    async with httpx2.AsyncClient(
        base_url=base, headers=authorization(settings), timeout=10, verify=trusted(settings)
    ) as service:
        try:
            if settings.alertmanager.url:
                return await _through_alertmanager(settings, service, sent, wait_seconds)
            return await _straight(service, sent, wait_seconds)
        except httpx2.HTTPError as error:
            raise AlertLost(f"the test alert did not go through {base}: {error}") from error


async def _straight(service: httpx2.AsyncClient, sent: _Sent, wait_seconds: float) -> str:
    (await service.post("/webhook/alerts", json=_webhook(sent, "firing"))).raise_for_status()
    incident = await _analysed(service, sent, wait_seconds)
    if incident is None:
        raise AlertLost(f"the test alert did not go through {service.base_url}: no analysis in time")
    (await service.post("/webhook/alerts", json=_webhook(sent, "resolved"))).raise_for_status()
    return f"the test alert became incident {incident['id']} ({incident['state']}), and was resolved"


async def _through_alertmanager(
    settings: Settings, service: httpx2.AsyncClient, sent: _Sent, wait_seconds: float
) -> str:
    alertmanager = Alertmanager(parts.endpoint(settings.alertmanager))
    try:
        await alertmanager.post_alerts([_alert(sent, sent.at + timedelta(seconds=wait_seconds * 2))])
        incident = await _analysed(service, sent, wait_seconds)
        if incident is None:
            where = await _where_it_is(alertmanager, service, sent)
            raise AlertLost(f"{where}\n  {_page(settings, sent)}")
        await alertmanager.post_alerts([_alert(sent, datetime.now(UTC))])
    except SourceError as error:
        raise AlertLost(f"the test alert was not taken by Alertmanager: {error}") from error
    finally:
        await alertmanager.aclose()
    return f"the test alert went through Alertmanager and became incident {incident['id']} ({incident['state']})"


async def _where_it_is(alertmanager: Alertmanager, service: httpx2.AsyncClient, sent: _Sent) -> str:
    """Why the alert is not here, as far as Alertmanager knows it."""
    for alert in await alertmanager.alerts():
        if alert.labels.get("sent") == sent.labels["sent"]:
            if alert.status.state == "suppressed":
                return "Alertmanager has the test alert, but it is silenced or inhibited"
            names = ", ".join(receiver.name for receiver in alert.receivers) or "no receiver"
            return (
                f"Alertmanager has the test alert and tells {names}, but it did not come to {service.base_url} in "
                "time: is that the receiver with our webhook, and its group_wait short enough?"
            )
    return "Alertmanager took the test alert and does not have it any more"


def _page(settings: Settings, sent: _Sent) -> str:
    """Alertmanager's own page of the test alert, for people."""
    base = settings.alertmanager.external_url or parts.endpoint(settings.alertmanager).url
    fields = {"silenced": "true", "inhibited": "true", "filter": f'{{sent="{sent.labels["sent"]}"}}'}
    return f"{base.rstrip('/')}/#/alerts?{urlencode(fields)}"


async def _analysed(service: httpx2.AsyncClient, sent: _Sent, wait_seconds: float) -> dict[str, Any] | None:
    """The incident of the test alert when its analysis has ended, None where it does not in time."""
    try:
        async with asyncio.timeout(wait_seconds):
            while True:
                for incident in (await service.get("/api/v1/incidents")).raise_for_status().json():
                    if NAME in incident["title"] and incident["state"] in DONE and await _ours(service, incident, sent):
                        return incident
                await asyncio.sleep(0.5)
    except TimeoutError:
        return None


async def _ours(service: httpx2.AsyncClient, incident: dict[str, Any], sent: _Sent) -> bool:
    detail = (await service.get(f"/api/v1/incidents/{incident['id']}")).raise_for_status().json()
    return any(episode["alert"]["labels"].get("sent") == sent.labels["sent"] for episode in detail["episodes"])


def _alert(sent: _Sent, ends_at: datetime) -> NewAlert:
    return NewAlert(labels=sent.labels, annotations=TEXT, starts_at=sent.at, ends_at=ends_at)


def _webhook(sent: _Sent, status: str) -> dict[str, Any]:
    alert = {
        "status": status,
        "labels": sent.labels,
        "annotations": TEXT,
        "startsAt": _rfc3339(sent.at),
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else _rfc3339(datetime.now(UTC)),
        "generatorURL": "",
    }
    key = f'{{}}:{{alertname="{NAME}", sent="{sent.labels["sent"]}"}}'
    return {"version": "4", "status": status, "receiver": "aiops", "groupKey": key, "alerts": [alert]}


def _rfc3339(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
