"""Grafana's annotations: what people and pipelines marked on its dashboards.

Source: https://grafana.com/docs/grafana/latest/developers/http_api/annotations/.
"""

from datetime import UTC, datetime

import httpx2
import msgspec

from aiops_processor.clients.http import Endpoint, Retries, Service
from aiops_processor.errors import SourceUnreadable
from aiops_processor.models.change import PostedChange
from aiops_processor.models.samples import Answer

MOST_ANNOTATIONS = 100
PATH = "/api/annotations"


class _Annotation(msgspec.Struct, rename="camel"):
    """One of the answer; `time` is in milliseconds. `alert_id` is not 0 where an alert rule of Grafana wrote it."""

    id: int
    time: int
    text: str = ""
    tags: list[str] | None = None
    login: str = ""
    alert_id: int = 0


class Grafana:
    """A Grafana server. Every method raises a SourceError where there is no usable answer.

    `transport` stands in for the network.
    """

    def __init__(
        self, endpoint: Endpoint, transport: httpx2.AsyncBaseTransport | None = None, retries: Retries | None = None
    ) -> None:
        self._service = Service("grafana", endpoint, transport, retries)

    async def between(self, start: datetime, end: datetime) -> Answer[list[PostedChange]]:
        """What was annotated in that time, oldest first, without what Grafana's own alerts wrote.

        A tag `service:NAME` or `service=NAME` (also namespace, cluster, environment, version) says what it is about;
        any other tag may be a service's name.
        """
        asked = {"from": _milliseconds(start), "to": _milliseconds(end), "limit": str(MOST_ANNOTATIONS)}
        body = await self._service.get(PATH, {**asked, "type": "annotation"})
        try:
            found = msgspec.json.decode(body, type=list[_Annotation])
        except msgspec.MsgspecError as error:
            raise SourceUnreadable(f"{self._service.source} answered no list of annotations: {error}") from None
        own = sorted((each for each in found if not each.alert_id), key=lambda each: each.time)
        cut = [f"only {MOST_ANNOTATIONS} annotations of that time were read"] if len(found) == MOST_ANNOTATIONS else []
        return Answer([_change(each) for each in own], cut)

    async def healthy(self) -> None:
        """Returns where the server takes our token, raises a SourceError where it does not."""
        await self._service.get(PATH, {"limit": "1"})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._service.aclose()


_PLACES = ("service", "namespace", "version")
_REALMS = ("cluster", "environment", "env", "region", "stage", "tenant")


def _change(told: _Annotation) -> PostedChange:
    tags = told.tags or []
    named = dict(pair for tag in tags if (pair := _pair(tag))[1])
    title = " ".join(_without_markup(told.text).split()) or ", ".join(tags) or "annotation"
    return PostedChange(
        source="grafana",
        kind="annotation",
        title=title[:300],
        at=datetime.fromtimestamp(told.time / 1000, UTC),
        service=named.get("service", ""),
        namespace=named.get("namespace", ""),
        realm={name: named[name] for name in _REALMS if name in named},
        version=named.get("version", ""),
        author=told.login,
        reference=f"{PATH}/{told.id}",
        hints=tuple(tag for tag in tags if not _pair(tag)[1]),
    )


def _pair(tag: str) -> tuple[str, str]:
    """The name and value of `service:checkout` or `service=checkout`; of any other tag no value."""
    for mark in ("=", ":"):
        name, found, value = tag.partition(mark)
        if found and name.strip().lower() in {*_PLACES, *_REALMS}:
            return name.strip().lower(), value.strip()
    return tag, ""


def _without_markup(text: str) -> str:
    """Grafana's editor writes HTML; here it is read, not shown."""
    parts = [part.partition(">")[2] if index else part for index, part in enumerate(text.split("<"))]
    return "".join(parts) if "<" in text and ">" in text else text


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
