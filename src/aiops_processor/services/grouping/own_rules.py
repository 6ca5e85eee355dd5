"""The grouping rules of a configuration: what fits a rule's matchers and agrees in its labels is tied. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiops_processor.query.matchers import Matcher
from aiops_processor.services.grouping.joining import Tie


@dataclass(frozen=True)
class OwnRule:
    """Alerts that all `matchers` fit and that have the same values of the labels `by` belong together.

    They must have begun within so many seconds. An alert that lacks one of the labels is not tied.
    """

    name: str
    matchers: tuple[Matcher, ...]
    by: tuple[str, ...]
    window_seconds: float


def ties(labels: Mapping[str, str], rules: Iterable[OwnRule]) -> tuple[Tie, ...]:
    """What ties an alert with these labels to others."""
    return tuple(_tie(rule, labels) for rule in rules if _holds(rule, labels))


def _holds(rule: OwnRule, labels: Mapping[str, str]) -> bool:
    return all(matcher.fits(labels) for matcher in rule.matchers) and all(labels.get(name) for name in rule.by)


def _tie(rule: OwnRule, labels: Mapping[str, str]) -> Tie:
    values = [labels[name] for name in rule.by]
    key = hashlib.sha256(json.dumps([rule.name, *values]).encode()).hexdigest()
    agree = ", ".join(f"{name}={value}" for name, value in zip(rule.by, values, strict=True))
    return Tie(key, rule.window_seconds, f"rule {rule.name}{f': {agree}' if agree else ''}")
