"""The words and the PromQL that show a measured row. Pure."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiops_processor.evidence.rows.entities import COPIES, IDENTITY
from aiops_processor.evidence.rows.families import STATUS_LABELS
from aiops_processor.query import logql, promql

RANGE = "$__rate_interval"
"""Stands for the range of rates until it is known how often is scraped: `in_range` puts it in.

These are queries for people; the numbers of a finding come from raw samples.
"""
NARROWEST_RATE = 60.0
RATE_SCRAPES = 4
"""The range of a rate: four scrapes, so that one lost scrape does not empty it."""


class Labelled(Protocol):
    """Whatever has labels."""

    @property
    def labels(self) -> Mapping[str, str]: ...


def title(metric: str, labels: Mapping[str, str], entity: str) -> str:
    """`node_cpu_seconds_total (mode=idle) of web-1`: the labels that say what, then where if that is known."""
    own = ", ".join(f"{k}={v}" for k, v in sorted(labels.items()) if k not in IDENTITY and k not in COPIES)
    return f"{metric}{f' ({own})' if own else ''}{f' of {entity}' if entity else ''}"


def select(metric: str, equal: Mapping[str, str], more: Sequence[str] = ()) -> str:
    """The selector of a metric with these labels, and further matchers as text."""
    matchers = [*(promql.matcher(name, "=", value) for name, value in sorted(equal.items())), *more]
    if promql.selector(metric, {}) != metric:  # such as `http.server.duration`: it cannot stand before the braces
        return f"{{{','.join([promql.matcher('__name__', '=', metric), *matchers])}}}"
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def rate_range(interval: float) -> str:
    """The range of a rate where targets are scraped so often (seconds)."""
    return f"{int(max(NARROWEST_RATE, RATE_SCRAPES * interval))}s"


def in_range(query: str, interval: float) -> str:
    """The query as it can be asked where targets are scraped so often (seconds)."""
    return query.replace(RANGE, rate_range(interval))


def gauge(metric: str, equal: Mapping[str, str]) -> str:
    return f"avg({select(metric, equal)})"


def rate(metric: str, equal: Mapping[str, str], more: Sequence[str] = (), native: bool = False) -> str:
    if native:
        base, _, part = metric.rpartition("_")
        return f"histogram_{part}(sum(rate({select(base, equal, more)}[{RANGE}])))"
    return f"sum(rate({select(metric, equal, more)}[{RANGE}]))"


def mean(base: str, equal: Mapping[str, str], native: bool = False) -> str:
    return f"{rate(f'{base}_sum', equal, native=native)} / {rate(f'{base}_count', equal, native=native)}"


def share(metric: str, equal: Mapping[str, str], failed: Sequence[str], native: bool = False) -> str:
    # Labels that all failed series share would hide the others: the whole is taken over the same place.
    return f"100 * {rate(metric, equal, failed, native)} / {rate(metric, equal, native=native)}"


def endings(parts: Sequence[Labelled]) -> list[str]:
    """Matchers for the ways of ending that these series have: `code=~"500|503"`."""
    names = [name for name in STATUS_LABELS if any(name in part.labels for part in parts)][:1]
    matchers = []
    for name in names:
        values = sorted({part.labels.get(name, "") for part in parts})
        matchers.append(promql.matcher(name, "=~", "|".join(logql.re2_escape(value) for value in values)))
    return matchers
