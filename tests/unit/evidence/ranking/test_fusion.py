from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aiops_processor.evidence import ranking
from aiops_processor.evidence.ranking import Extra, Ranking, Said, verdict
from aiops_processor.evidence.ranking.kinds import Trouble

Array = NDArray[np.float64]
CELLS, ONSET = 100, 80
BEFORE = np.arange(CELLS) < ONSET
SHOP = ("gateway", "catalog", "checkout", "payments", "db")
KINDS = ("cpu_usage", "request_latency_seconds", "http_requests")


@dataclass(frozen=True)
class Row:
    entity: str
    kind: str


ROWS = [Row(entity, kind) for entity in SHOP for kind in KINDS]


def quiet(seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(10, 1, (len(ROWS), CELLS))


def broken(*places: tuple[str, str], by: float = 30) -> Array:
    values = quiet()
    for index, row in enumerate(ROWS):
        if (row.entity, row.kind) in places:
            values[index, ONSET:] += by
    return values


def names(found: Ranking) -> list[str]:
    return [each.entity for each in found.entities]


def test_the_entity_that_moved_comes_first() -> None:
    found = ranking.rank(ROWS, broken(("db", "cpu_usage")), BEFORE)

    assert names(found)[0] == "db"
    assert [each.entity for each in found.unusual] == ["db"]
    assert found.unusual[0].troubles[Trouble.CPU] == max(found.unusual[0].troubles.values())
    assert found.confidence > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_nothing_unusual(seed: int) -> None:
    found = ranking.rank(ROWS, quiet(seed), BEFORE)

    assert found.nothing
    assert len(found.entities) == len(SHOP)


def test_no_rows_at_all_are_nothing_unusual() -> None:
    found = ranking.rank([], np.empty((0, CELLS)), BEFORE)

    assert found.nothing
    assert (found.entities, found.confidence) == ((), 0.0)


def test_the_order_is_given_even_where_nothing_is_unusual() -> None:
    found = ranking.rank(ROWS, broken(("db", "cpu_usage"), by=1.5), BEFORE)

    assert found.nothing
    assert names(found)[0] == "db"
    assert all(each.share > verdict.AT_LIMIT for each in found.entities)


def test_what_is_unusual_is_rare_in_quiet_times() -> None:
    found = ranking.rank(ROWS, broken(("db", "cpu_usage")), BEFORE)
    share = {each.entity: each.share for each in found.entities}

    assert share["db"] < verdict.AT_LIMIT < min(share[entity] for entity in SHOP if entity != "db")


@pytest.mark.parametrize("known", [0, 1, 4])
def test_where_hardly_anything_is_known_of_before_nobody_is_silent_as_if_it_were(known: int) -> None:
    values = broken(("db", "cpu_usage"))[:, ONSET - known :]
    found = ranking.rank(ROWS, values, np.arange(values.shape[1]) < known)

    assert found.unsure
    assert names(found)[0] == found.unusual[0].entity == "db"
    assert found.unusual[0].share > verdict.AT_LIMIT


def test_what_is_usual_is_known_where_a_part_of_it_can_be_looked_at_as_an_incident() -> None:
    values = quiet()[:, ONSET - 5 :]

    assert not ranking.rank(ROWS, values, np.arange(values.shape[1]) < 5).unsure
    assert not ranking.rank([], np.empty((0, CELLS)), BEFORE).unsure


def test_an_alert_whose_own_row_moved_asks_for_less() -> None:
    values = broken(("db", "http_requests"), by=8)
    alert = ROWS.index(Row("db", "http_requests"))

    assert ranking.rank(ROWS, values, BEFORE).nothing
    assert not ranking.rank(ROWS, values, BEFORE, alert_rows=[alert]).nothing


def test_two_kinds_of_trouble_count_more_than_one_of_them() -> None:
    rows = [Row(entity, kind) for entity in SHOP for kind in ("cpu_usage", "memory_bytes", "pool_in_use")]
    values = quiet()
    values[rows.index(Row("catalog", "pool_in_use")), ONSET:] += 40
    values[rows.index(Row("db", "cpu_usage")), ONSET:] += 30
    one = ranking.rank(rows, values, BEFORE)
    values[rows.index(Row("db", "memory_bytes")), ONSET:] += 30

    assert names(one)[:2] == ["catalog", "db"]
    assert names(ranking.rank(rows, values, BEFORE))[:2] == ["db", "catalog"]


def test_what_all_peers_do_says_little_about_one_of_them() -> None:
    values = broken(*((entity, "request_latency_seconds") for entity in SHOP if entity != "catalog"))
    values[ROWS.index(Row("db", "request_latency_seconds")), ONSET:] += 5
    values[ROWS.index(Row("catalog", "http_requests")), ONSET:] += 20

    assert names(ranking.rank(ROWS, values, BEFORE))[0] == "catalog"


def test_a_rise_counts_more_than_a_greater_fall() -> None:
    values = broken(("db", "http_requests"), by=8)
    values[ROWS.index(Row("catalog", "http_requests")), ONSET:] -= 12

    assert names(ranking.rank(ROWS, values, BEFORE))[:2] == ["db", "catalog"]


def test_less_success_is_more_trouble() -> None:
    rows = [Row(entity, "success_rate") for entity in SHOP]
    values = np.full((len(rows), CELLS), 0.999) - np.random.default_rng(1).uniform(0, 1e-4, (len(rows), CELLS))
    values[1, ONSET:] = 0.9
    values[2, :ONSET] = 0.9

    assert names(ranking.rank(rows, values, BEFORE))[0] == "catalog"


def test_a_caller_is_explained_by_what_it_calls() -> None:
    slow = broken(("gateway", "request_latency_seconds"), by=40)
    slow += broken(("db", "request_latency_seconds")) - quiet()

    assert names(ranking.rank(ROWS, slow, BEFORE))[0] == "gateway"
    assert names(ranking.rank(ROWS, slow, BEFORE, calls={("gateway", "db")}))[0] == "db"


def test_a_full_processor_is_not_explained_by_what_it_calls() -> None:
    busy = broken(("gateway", "cpu_usage"), by=60) + broken(("db", "request_latency_seconds")) - quiet()

    assert names(ranking.rank(ROWS, busy, BEFORE, calls={("gateway", "db")}))[0] == "gateway"


def test_more_requests_to_a_callee_are_what_a_failing_caller_does() -> None:
    rows = [Row(entity, kind) for entity in SHOP for kind in ("http_errors", "http_requests")]
    values = quiet()[: len(rows)]
    values[rows.index(Row("checkout", "http_errors")), ONSET:] += 15
    values[rows.index(Row("db", "http_requests")), ONSET:] += 60

    assert names(ranking.rank(rows, values, BEFORE))[0] == "db"
    assert names(ranking.rank(rows, values, BEFORE, calls={("checkout", "db")}))[0] == "checkout"


def test_what_moves_with_the_alert_goes_before_what_does_not() -> None:
    values = quiet()
    wave = 20 * np.sin(np.arange(CELLS - ONSET)) + 25
    for entity, shape in (("gateway", wave), ("db", wave), ("catalog", wave[::-1] * 1.2)):
        values[ROWS.index(Row(entity, "request_latency_seconds")), ONSET:] += shape
    alert = ROWS.index(Row("gateway", "request_latency_seconds"))

    plain = ranking.rank(ROWS, values, BEFORE)
    fitted = ranking.rank(ROWS, values, BEFORE, alert_rows=[alert])

    assert names(plain).index("catalog") < names(plain).index("db")
    assert names(fitted).index("db") < names(fitted).index("catalog")


def test_lines_and_changes_are_heard_without_any_row() -> None:
    lines = ranking.rank([], np.empty((0, CELLS)), BEFORE, said=[Said("db", "error", 0, 40, 0.25)])
    change = ranking.rank([], np.empty((0, CELLS)), BEFORE, extras=[Extra("db", 30.0)])

    assert [each.entity for each in lines.unusual] == [each.entity for each in change.unusual] == ["db"]
    assert set(lines.unusual[0].troubles) == {Trouble.LOGS}


def test_an_entity_that_is_new_is_compared_with_its_peers() -> None:
    values = quiet()
    new = ROWS.index(Row("db", "cpu_usage"))
    values[new, :ONSET] = np.nan
    usual = ranking.rank(ROWS, values, BEFORE)
    values[new, ONSET:] = 500

    assert usual.nothing
    assert names(ranking.rank(ROWS, values, BEFORE))[0] == "db"


def test_rows_of_nobody_are_left_out() -> None:
    rows = [Row("", "cpu_usage"), Row("db", "cpu_usage")]

    assert names(ranking.rank(rows, quiet()[:2], BEFORE)) == ["db"]


CAUSE = broken(("db", "cpu_usage"), ("catalog", "request_latency_seconds"), by=15)


def scores(values: Array, rows: Sequence[Row] = ROWS) -> dict[str, float]:
    return {each.entity: each.score for each in ranking.rank(rows, values, BEFORE).entities}


@settings(max_examples=20)
@given(scale=st.floats(1e-6, 1e9))
def test_units_do_not_matter(scale: float) -> None:
    assert scores(CAUSE * scale) == pytest.approx(scores(CAUSE), rel=1e-5, abs=1e-5)


@settings(max_examples=10)
@given(order=st.permutations(range(len(ROWS))))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    assert scores(CAUSE[order], [ROWS[i] for i in order]) == pytest.approx(scores(CAUSE))


def test_rows_that_come_twice_count_once() -> None:
    assert scores(np.vstack([CAUSE, CAUSE]), [*ROWS, *ROWS]) == pytest.approx(scores(CAUSE))


@settings(max_examples=10)
@given(st.permutations(SHOP))
def test_names_of_entities_do_not_matter(others: list[str]) -> None:
    renamed = dict(zip(SHOP, others, strict=True))
    rows = [Row(renamed[row.entity], row.kind) for row in ROWS]

    found = scores(CAUSE, rows)

    assert {entity: found[renamed[entity]] for entity in SHOP} == pytest.approx(scores(CAUSE))


@settings(max_examples=10)
@given(shift=st.integers(-20, 0))
def test_when_it_happens_does_not_matter(shift: int) -> None:
    before = np.roll(BEFORE, shift)
    before[shift or CELLS :] = False
    moved = ranking.rank(ROWS, np.roll(CAUSE, shift, axis=1), before)

    assert names(moved)[:2] == list(scores(CAUSE))[:2]
