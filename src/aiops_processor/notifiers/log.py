"""Incidents as lines of the service's own log: needs no configuration and loses nothing."""

from typing import ClassVar

import structlog
from pydantic import BaseModel, ConfigDict

from aiops_processor.models.notification import Message, Receipt
from aiops_processor.report.words import headline, missing, verdict


class LogOptions(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LogNotifier:
    """One structured line a message: `incident`, and what it is about as fields."""

    deduplicates = True
    Options: ClassVar[type[BaseModel]] = LogOptions

    def __init__(self, options: LogOptions | None = None) -> None:  # noqa: ARG002 - the plugin door passes options
        self.name = "log"
        self._log = structlog.get_logger("aiops_processor.notifiers.log")

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - a line is never edited
        self._log.info("incident", key=key, **_fields(message))
        return Receipt()

    async def aclose(self) -> None:
        """Nothing is held open."""


def _fields(message: Message) -> dict[str, object]:
    incident, analysis = message.incident, message.analysis
    fields: dict[str, object] = {
        "occasion": message.occasion.value,
        **({"update": True} if message.update else {}),
        "incident": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "alerts": len(message.alerts) + message.more_alerts,
        "url": message.url,
    }
    if analysis:
        fields |= {
            "about": incident.title if message.more_alerts else headline(analysis, message.alerts),
            "verdict": verdict(analysis),
            "summary": analysis.summary,
            "root_cause": analysis.root_cause,
            "gaps": missing(analysis.gaps),
        }
    return fields
