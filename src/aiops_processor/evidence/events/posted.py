"""Changes that somebody told of, as evidence: which of them concern these alerts, and how near the onset. Pure."""

import re
from collections.abc import Collection, Sequence

from aiops_processor.evidence.events.changes import REPLACED, Event
from aiops_processor.evidence.rows.entities import NAMESPACES, REALMS, entity_of
from aiops_processor.evidence.rows.namesakes import qualified
from aiops_processor.models.alert import Alert
from aiops_processor.models.change import ChangeKind, PostedChange

HALF_LIFE = 300.0
"""So many seconds before the onset a change weighs half: most of what a change breaks, it breaks in minutes."""
LATE = 30.0
"""The onset is found to a scrape or two: what comes later than this is no cause, but perhaps the repair."""
WEIGHTS: dict[ChangeKind, float] = {"push": 0.3, "release": 0.3, "annotation": 0.5, "event": 0.5, "other": 0.5}
"""What does not say that anything runs that did not run before. All other kinds weigh 1."""
SHORTEST_NAME = 3

_SEPARATORS = re.compile(r"[-_./\s]+")


def near(changes: Sequence[PostedChange], alerts: Sequence[Alert]) -> list[PostedChange]:
    """Those that no label of the alerts contradicts: another cluster or environment, another namespace."""
    realms = {name: {a.labels[name] for a in alerts if a.labels.get(name)} for name in REALMS}
    spaces = namespaces(alerts)
    own = {entity_of(alert.labels) for alert in alerts}
    return [
        each
        for each in changes
        if all(not realms.get(name) or value in realms[name] for name, value in each.realm.items())
        and (not each.namespace or not spaces or each.namespace in spaces or each.service in own)
    ]


def namespaces(alerts: Sequence[Alert]) -> set[str]:
    """The namespaces that the alerts name."""
    return {alert.labels[name] for alert in alerts for name in NAMESPACES if alert.labels.get(name)}


def events(
    changes: Sequence[PostedChange], known: Collection[str], spaces: Collection[str], onset: float
) -> list[Event]:
    """What concerns an entity that was measured, a namespace of the alerts, or everything; in the order of time."""
    found = []
    for each in sorted(changes, key=lambda each: each.at):
        namesake = qualified(each.namespace, each.service)
        entity = namesake if namesake in known else entity_named(each.service, known)
        entity = entity or next((hint for hint in each.hints if hint in known), "")
        if entity or not each.service or (each.namespace and each.namespace in spaces):
            found.append(_event(each, entity or each.service or each.namespace, onset))
    return found


def entity_named(service: str, known: Collection[str]) -> str:
    """The entity that a sender means: by its name, else the only one whose name is a part of it or has it as a part.

    A repository is called `shop-checkout` or `checkout_service` where the service's label says `checkout`.
    """
    if not service or service in known:
        return service
    words = _words(service)
    alike = [each for each in known if len(each) >= SHORTEST_NAME and _within(_words(each), words)]
    return alike[0] if len(alike) == 1 else ""


def _words(name: str) -> tuple[str, ...]:
    return tuple(filter(None, _SEPARATORS.split(name.lower())))


def _within(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    short, long = sorted((one, other), key=len)
    return any(long[at : at + len(short)] == short for at in range(len(long) - len(short) + 1)) if short else False


def _event(change: PostedChange, entity: str, onset: float) -> Event:
    at = change.at.timestamp()
    return Event(
        entity=entity,
        kind="posted",
        at=at,
        before="",
        after=change.version,
        score=_score(change.kind, onset - at),
        query=change.reference,
        labels={**change.realm, **({"namespace": change.namespace} if change.namespace else {})},
        text=_text(change, onset - at),
        url=change.url,
        source=change.source,
    )


def _score(kind: ChangeKind, before: float) -> float:
    """How strongly it speaks against its entity. 0 for what came after the onset: it is shown, and is no cause."""
    if before < -LATE:
        return 0.0
    return REPLACED * WEIGHTS.get(kind, 1.0) * float(0.5 ** (max(0.0, before) / HALF_LIFE))


def _text(change: PostedChange, before: float) -> str:
    where = f" of {change.service}" if change.service else f" in {change.namespace}" if change.namespace else ""
    version = f" {change.version}" if change.version and change.version not in change.title else ""
    by = f", by {change.author}" if change.author else ""
    when = f"{abs(before):.0f} s {'before' if before >= 0 else 'after'} it began"
    return f"{change.kind}{where}{version} at {change.at:%H:%M:%S} UTC, {when}{by} ({change.source}): {change.title}"
