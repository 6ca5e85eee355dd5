"""Small recordings made by hand, and clocks that stand still."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from aiops_processor.demo.evaluation.syntax import parsed_selector
from aiops_processor.demo.evaluation.vectors import Scalar, Vector
from aiops_processor.demo.labels import NAME, labels_of
from aiops_processor.demo.promql import PromQL
from aiops_processor.demo.recording import Info, LogEntry, Recording, Series, Webhook

Values = Sequence[float | None]
Answered = dict[str, Any]


class At:
    """A clock that stands still until somebody sleeps, which takes no time at all."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def at() -> type[At]:
    return At


@pytest.fixture
def recording() -> Callable[..., Recording]:
    """Series as selector text → values, one each ten seconds from 0 on; None where a scrape failed."""

    def make(
        series: Mapping[str, Values],
        *,
        version: str = "2.42",
        logs: Sequence[LogEntry] = (),
        webhooks: Sequence[Webhook] = (),
        rules: Mapping[str, Any] | None = None,
    ) -> Recording:
        return Recording(
            info=Info(start=0, end=1000, scrape_interval=10, prometheus=version),
            series=tuple(_series(text, values) for text, values in series.items()),
            logs=tuple(logs),
            webhooks=tuple(webhooks),
            rules=rules or {"groups": []},
            metadata={"up": [{"type": "gauge", "help": "", "unit": ""}]},
        )

    return make


def _series(text: str, values: Values) -> Series:
    selector = parsed_selector(text)
    labels = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
    if selector.name:
        labels[NAME] = selector.name
    there = [(number * 10_000, value) for number, value in enumerate(values) if value is not None]
    times = np.array([time for time, _ in there], dtype=np.int64)
    return Series(labels_of(labels), times, np.array([value for _, value in there], dtype=np.float64))


@pytest.fixture
def ask(recording: Callable[..., Recording]) -> Callable[..., Answered]:
    """An instant query over such series: label values joined with commas → value."""

    def ask(query: str, series: Mapping[str, Values], time: float = 60, version: str = "2.42") -> Answered:
        result = PromQL(recording(series, version=version), lookback=300).instant(query, time, time).value
        if isinstance(result, Scalar):
            return {"": float(result.values[0])}
        assert isinstance(result, Vector), result
        return {
            ",".join(value for _, value in labels): float(value)
            for labels, value in zip(result.labels, result.values[:, 0], strict=True)
        }

    return ask


@pytest.fixture
def ask_range(recording: Callable[..., Recording]) -> Callable[..., Answered]:
    """A range query from 0 to 60 s every 10 s: label values joined with commas → value or None at each step."""

    def ask(query: str, series: Mapping[str, Values], *, lookback: float | None = None, seen: float = 1e6) -> Answered:
        result = PromQL(recording(series), lookback=lookback).range(query, 0, 60, 10, seen).value
        assert isinstance(result, Vector)
        return {
            ",".join(value for _, value in labels): [
                float(value) if there else None for value, there in zip(row, mask, strict=True)
            ]
            for labels, row, mask in zip(result.labels, result.values, result.present, strict=True)
        }

    return ask
