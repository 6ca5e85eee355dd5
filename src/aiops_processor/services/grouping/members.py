"""What of an incident's episodes has to be known to group later ones, and how it is found again. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from aiops_processor.services.grouping.joining import Member, Place, Rules
from aiops_processor.storage.members import Key, StoredMember

GROUP, ENTITY, NAMESPACE = "group", "entity", "namespace"


def stored(member: Member, incident_id: int) -> Iterator[StoredMember]:
    """What later groupings have to know of an episode of this incident."""
    realm = member.place.realm
    for key in _keys(member):
        yield StoredMember(incident_id, key, realm, None if key[0] == GROUP else member.starts_at)


def member_of(row: StoredMember, at: datetime) -> Member:
    """The other way round; `at` stands where the time does not matter."""
    (kind, name), realm = row.key, row.realm
    if kind == GROUP:
        source, _, group_key = name.partition(" ")
        return Member(source, group_key, Place(realm=realm), at)
    place = Place(entity=name, realm=realm) if kind == ENTITY else Place(namespace=name, realm=realm)
    return Member("", "", place, row.starts_at or at)


def looked_for(new: Iterable[Member], rules: Rules) -> set[Key]:
    """Under which keys stands what these may belong to."""
    keys = {key for member in new for key in _keys(member)}
    for caller, callee in rules.calls:
        if (ENTITY, caller) in keys or (ENTITY, callee) in keys:
            keys |= {(ENTITY, caller), (ENTITY, callee)}
    return keys


def _keys(member: Member) -> Iterator[Key]:
    if member.group_key:
        yield GROUP, f"{member.source} {member.group_key}"  # no source has a blank in its name
    if member.place.entity:
        yield ENTITY, member.place.entity
    if member.place.namespace:
        yield NAMESPACE, member.place.namespace
