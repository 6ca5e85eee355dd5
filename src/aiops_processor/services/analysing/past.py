"""Similar incidents before: the same rules, entities and kinds of log lines, and what people said of them.

No embedding: an incident that is alike shares names, and a score of shared names can be explained.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.models.past import Past, Said
from aiops_processor.services.grouping.joining import place_of
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import past as past_rows
from aiops_processor.storage.database import Connection
from aiops_processor.storage.past import Trait
from aiops_processor.storage.tables import storable_key

WEIGHTS = {"rule": 0.5, "entity": 0.3, "template": 0.2}
ALIKE = {"rule": "alerts", "entity": "place", "template": "log lines"}
LEAST_SCORE = 0.4
MOST = 5
MOST_CONCLUDED = 600


def traits_of(alerts: Sequence[Alert], evidence: EvidenceReport) -> tuple[Trait, ...]:
    """What an incident is about, each once."""
    return tuple(dict.fromkeys(_traits(alerts, evidence)))


async def similar(
    connection: Connection, incident_id: int, traits: Sequence[Trait], before: datetime
) -> tuple[Past, ...]:
    """Those that were most alike, best first; of equals those that a person spoke of, then the newest."""
    own = frozenset(Trait(kind, storable_key(value)) for kind, value in traits)
    others = await past_rows.sharing(connection, incident_id, traits, before)
    scored = [(score(own, theirs), number) for number, theirs in others.items()]
    best = sorted((each for each in scored if each[0] >= LEAST_SCORE), reverse=True)[: 2 * MOST]
    found = [await _past(connection, number, points, own & others[number]) for points, number in best]
    known = [each for each in found if each]
    return tuple(sorted(known, key=lambda past: (-past.score, not past.feedback, -past.incident_id))[:MOST])


def score(own: frozenset[Trait], other: frozenset[Trait]) -> float:
    """From 0 to 1: of each kind the share that both have of what either has; what neither has does not count."""
    shares: dict[str, float] = {}
    for kind in WEIGHTS:
        either = {each for each in own | other if each.kind == kind}
        if either:
            shares[kind] = len([each for each in either if each in own and each in other]) / len(either)
    whole = sum(WEIGHTS[kind] for kind in shares)
    return round(sum(WEIGHTS[kind] * share for kind, share in shares.items()) / whole, 3) if whole else 0.0


def _traits(alerts: Sequence[Alert], evidence: EvidenceReport) -> Iterator[Trait]:
    for alert in alerts:
        yield Trait("rule", alert.name)
        place = place_of(alert.labels)
        if place.entity:
            yield Trait("entity", place.entity)
    for item in evidence.findings:
        if item.logs and item.logs.template:
            yield Trait("template", item.logs.template)


async def _past(connection: Connection, number: int, points: float, shared: frozenset[Trait]) -> Past | None:
    incident = await incident_rows.get(connection, number)
    if incident is None:
        return None
    _, analysis = await incident_rows.latest_analysis(connection, number)
    feedback = tuple(await past_rows.given(connection, number))
    refuted = bool(feedback) and feedback[-1].said is Said.WRONG
    concluded = "" if refuted or analysis is None else (analysis.root_cause or analysis.summary)
    return Past(
        incident_id=number,
        title=incident.title,
        opened_at=incident.opened_at,
        score=points,
        alike=tuple(name for kind, name in ALIKE.items() if any(each.kind == kind for each in shared)),
        concluded=concluded[:MOST_CONCLUDED],
        feedback=feedback,
    )
