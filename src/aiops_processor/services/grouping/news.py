"""What of an incident that goes on people hear of before its next analysis."""

from collections.abc import Sequence
from typing import NamedTuple

from aiops_processor.models.incident import Episode, Incident, IncidentState
from aiops_processor.services.grouping.priority import Priority
from aiops_processor.storage import outbox
from aiops_processor.storage.database import Connection

LEVELS = 1000  # more than there are severities


class Younger(NamedTuple):
    """What is taken over from an incident that lasted and turned out to be the same as an older one.

    `knew`: the channels that were told of it.
    """

    severity: str
    priority: int
    knew: list[str]


class Joined(NamedTuple):
    """What joins an incident, and the episodes that were its first."""

    episodes: Sequence[Episode]
    merged: Sequence[Younger]
    oldest: Sequence[Episode]


def is_news(incident: Incident, joined: Joined, ranks: Priority) -> bool:
    """Whether people should hear of it: of another kind of alert, and of a graver one.

    Who is told only of grave ones did not hear of the incident yet. What Alertmanager puts into one group, which
    may be a storm, it tells as one, and so do we.
    """
    severities = (*(each.alert.severity for each in joined.episodes), *(each.severity for each in joined.merged))
    if any(ranks.gravity(severity) < ranks.gravity(incident.severity) for severity in severities):
        return True
    names, groups = {each.alert.name for each in joined.oldest}, {each.group_key for each in joined.oldest}
    others = (each for each in joined.episodes if each.group_key not in groups)
    return incident.state == IncidentState.ANALYSED and any(each.alert.name not in names for each in others)


async def only_of_younger(
    connection: Connection, incident: Incident, merged: Sequence[Younger], channels: Sequence[str]
) -> list[str]:
    """The channels that know merged incidents and not this one: to them it would be over, though it goes on here."""
    knew = {name for each in merged for name in each.knew}
    knows = await outbox.telling(connection, incident.id) if knew else ()
    return [name for name in channels if name in knew.difference(knows)]


def revision(incident: Incident, level: int) -> int:
    """Once in an analysis, but for each graver one."""
    return incident.generation * LEVELS + level
