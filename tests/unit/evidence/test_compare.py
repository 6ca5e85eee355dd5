"""`judge` with what real systems have: nothing, constants, gaps, numbers that are none."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.logs import LogsFound
from aiops_processor.evidence.compare import Answers, Observed, compare, judge
from aiops_processor.evidence.ranking import Ranking
from aiops_processor.evidence.rows.measure import Row
from aiops_processor.models.evidence import Window
from aiops_processor.models.samples import Series

Array = NDArray[np.float64]
SHOP = ("gateway", "cart", "db")
KINDS = ("cpu_usage", "success_rate")
ROWS = [Row(entity, kind, kind, kind, "", "", {}) for entity in SHOP for kind in KINDS]
STEP, CELLS, ALERT = 15.0, 60, 48


def judged(values: Array, step: float = STEP) -> Ranking:
    times = 1_000_000.0 + step * np.arange(values.shape[1])
    moments = (1_000_000.0, 1_000_000.0 + step * ALERT, 1_000_000.0 + step * CELLS)
    start, onset, end = (datetime.fromtimestamp(each, UTC) for each in moments)
    observed = Observed(ROWS, values, times, len(ROWS))
    return judge(observed, Window(start=start, onset=onset, end=end)).ranking


def broken() -> Array:
    values = np.random.default_rng(5).normal(10, 1, (len(ROWS), CELLS))
    values[1::2] = 1.0
    values[4, ALERT - 2 :] += 40
    return values


@pytest.mark.parametrize("step", [1.0, 5.0, 60.0, 300.0])
def test_the_broken_one_is_first_at_any_interval(step: float) -> None:
    assert judged(broken(), step).unusual[0].entity == "db"


@pytest.mark.parametrize(
    "values",
    [np.full((6, CELLS), np.nan), np.full((6, CELLS), 5.0), np.zeros((6, CELLS)), np.ones((6, 1)), np.empty((6, 0))],
    ids=["never seen", "constant", "zero", "one cell", "no cell"],
)
def test_where_nothing_can_move_nothing_is_unusual(values: Array) -> None:
    found = judged(values)

    assert found.nothing
    assert {each.entity for each in found.entities} == set(SHOP)


@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1.7976931348623157e308, -1e200])
def test_what_is_no_number_to_reckon_with_was_not_seen(odd: float) -> None:
    values = broken()
    values[0, 10:50] = odd
    unseen = broken()
    unseen[0, 10:50] = np.nan

    assert judged(values) == judged(unseen)
    assert judged(values).entities[0].entity == "db"


CELL = st.floats(allow_nan=True, allow_infinity=True) | st.just(float("nan")) | st.just(1.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(CELL, min_size=12, max_size=12), min_size=6, max_size=6))
def test_any_values_have_an_order_and_a_confidence(rows: list[list[float]]) -> None:
    found = judged(np.array(rows), step=STEP * CELLS / 12)

    assert sorted(each.entity for each in found.entities) == sorted(SHOP)
    assert all(np.isfinite(each.score) and 0 < each.share <= 1 for each in found.entities)
    assert 0 <= found.confidence <= 1


def failing(name: str, namespace: str, after: float) -> Series:
    """A counter of failures: one in ten seconds at first, so many a second after the alert."""
    labels = {
        "__name__": "failed_requests_total",
        "service": name,
        "namespace": namespace,
        "instance": f"{name}.{namespace}",
    }
    rate = np.where(np.arange(CELLS) < ALERT, 0.1, after) + np.random.default_rng(len(name)).uniform(0, 0.02, CELLS)
    times = 1_000_000.0 + STEP * np.arange(CELLS)
    return Series(labels, list(zip(times.tolist(), np.cumsum(rate * STEP).tolist(), strict=True)))


def test_a_told_call_explains_the_caller_that_people_mean() -> None:
    moments = (1_000_000.0, 1_000_000.0 + STEP * ALERT, 1_000_000.0 + STEP * CELLS)
    start, onset, end = (datetime.fromtimestamp(each, UTC) for each in moments)
    own = [failing("web", "shop", 12), failing("cart", "shop", 11)]
    theirs = [failing("web", "staging", 0.1), failing("cart", "staging", 0.1)]

    def first(*calls: tuple[str, str]) -> str:
        answers = Answers([*own, *theirs], [], {}, STEP, LogsFound(), calls=calls, namespaces=("shop",))
        found = compare(answers, Window(start=start, onset=onset, end=end), Limits()).ranking
        assert {"web", "cart", "staging/web", "staging/cart"} == {each.entity for each in found.entities}
        return found.entities[0].entity

    assert first() == first(("staging/web", "staging/cart")) == first(("elsewhere/web", "elsewhere/cart")) == "web"
    assert first(("web", "cart")) == first(("shop/web", "shop/cart")) == "cart"
