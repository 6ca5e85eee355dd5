"""Who posted a change, and what it says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from aiops_processor.errors import InputError, NotAWebhook
from aiops_processor.models.change import PostedChange
from aiops_processor.services.change_bodies import argocd, generic, github

SKEW = timedelta(minutes=5)
"""Clocks of two machines may differ by so much; a later change is not believed."""
MOST_CHANGES = 100
MOST_CHARACTERS = 200
MOST_TITLE = 2000
MOST_ADDRESS = 2000


@dataclass(frozen=True)
class Told:
    """What a body tells: changes to store, or why there are none."""

    changes: tuple[PostedChange, ...] = ()
    ignored: str = ""


def judge(body: bytes, headers: Mapping[str, str], now: datetime) -> Told:
    """The changes of a body: GitHub's by its header, Argo CD's by its `app`, else the generic form or a list of it.

    `headers` have lower-case names. Raises NotAWebhook where it is not JSON, InputError, which names the field.
    """
    content = _content(body)
    if event := headers.get("x-github-event", ""):
        return _told(github.read(event, _object(content), now), now)
    if isinstance(content, dict) and isinstance(content.get("app"), dict):
        return _told(argocd.read(content, now), now)
    found = [generic.read(_object(each, place), place, now) for place, each in _listed(content)]
    return _told(found, now)


def _content(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise NotAWebhook("", f"the body is not JSON: {error}", malformed=True) from None


def _listed(content: Any) -> list[tuple[str, Any]]:
    if not isinstance(content, list):
        return [("", content)]
    if not 0 < len(content) <= MOST_CHANGES:
        raise InputError("", f"expected 1 to {MOST_CHANGES} changes in the list, found {len(content)}")
    return [(f"{index}.", each) for index, each in enumerate(content)]


def _object(content: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InputError(place.rstrip("."), "expected an object that describes a change")
    return content


def _told(found: list[PostedChange] | str, now: datetime) -> Told:
    if isinstance(found, str):
        return Told(ignored=found)
    for index, change in enumerate(found):
        if change.at > now + SKEW:
            field = f"{index}.at" if len(found) > 1 else "at"
            raise InputError(field, f"{change.at.isoformat()} lies in the future; leave it out for now")
    return Told(tuple(map(_bounded, found)))


def _bounded(change: PostedChange) -> PostedChange:
    """Programs write what they like, and would not understand a refusal: what is too long for a field is cut."""
    cut = {name: getattr(change, name)[:MOST_CHARACTERS] for name in ("service", "namespace", "version", "author")}
    realm = {name: value[:MOST_CHARACTERS] for name, value in change.realm.items()}
    url = change.url if len(change.url) <= MOST_ADDRESS else ""
    return change.model_copy(update={**cut, "title": change.title[:MOST_TITLE], "realm": realm, "url": url})
