import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_processor.evidence import ranking
from aiops_processor.evidence.ranking import Vote

TIMES = np.arange(1.0, 101.0)
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def noise(rows: int) -> Array:
    return np.random.default_rng(3).normal(10, 1, (rows, len(TIMES)))


def test_a_shift_beyond_the_noise_stands_out() -> None:
    values = noise(4)
    values[1, 80:] += 20

    shifts = ranking.shifts(values, TIMES, 80.0, ["cpu"] * 4)

    assert shifts[1].score > ranking.UNUSUAL
    assert max(shifts[i].score for i in (0, 2, 3)) < 1
    assert shifts[1].after - shifts[1].before == pytest.approx(20, abs=1.5)


def test_a_series_without_variance_does_not_outrank_a_real_fault_of_its_kind() -> None:
    values = noise(4)
    values[0] = 10.0
    values[0, 80:] = 10.9
    values[1, 80:] += 20

    shifts = ranking.shifts(values, TIMES, 80.0, ["cpu"] * 4)

    assert shifts[0].score < ranking.UNUSUAL < shifts[1].score


def test_what_was_not_seen_on_both_sides_has_no_score() -> None:
    values = noise(2)
    values[0, 80:] = np.nan
    values[1, : 80 - 2] = np.nan
    values[1, 80:] = 1000.0

    assert [shift.score for shift in ranking.shifts(values, TIMES, 80.0, ["a", "b"])] == [0, 0]


@settings(max_examples=20)
@given(scale=st.floats(1e-6, 1e9))
def test_scores_do_not_depend_on_units(scale: float) -> None:
    values = noise(5)
    values[2, 80:] += 5
    kinds = ["a", "a", "a", "b", "b"]

    plain = [each.score for each in ranking.shifts(values, TIMES, 80.0, kinds)]
    scaled = [each.score for each in ranking.shifts(values * scale, TIMES, 80.0, kinds)]

    assert scaled == pytest.approx(plain, rel=1e-6)


def test_scores_do_not_depend_on_the_order_of_rows() -> None:
    values, kinds = noise(6), ["a", "b", "a", "b", "a", "b"]
    values[4, 80:] += 9
    order = [5, 3, 1, 0, 2, 4]

    plain = ranking.shifts(values, TIMES, 80.0, kinds)
    shuffled = ranking.shifts(values[order], TIMES, 80.0, [kinds[i] for i in order])

    assert [plain[i].score for i in order] == pytest.approx([each.score for each in shuffled])


def test_nothing_usual_is_ranked() -> None:
    assert ranking.fuse([Vote("db", "cpu", ranking.UNUSUAL - 0.1)]) == []


def test_many_unusual_families_count_more_than_one_large_score() -> None:
    votes = [Vote("cart", "errors", 100), *(Vote("db", family, 30) for family in ("pool", "cpu", "memory"))]

    assert [each.entity for each in ranking.fuse(votes)] == ["db", "cart"]


def test_rows_of_one_family_vote_once() -> None:
    votes = [*(Vote("cart", "requests", 50) for _ in range(9)), Vote("db", "cpu", 20), Vote("db", "pool", 20)]

    assert [each.entity for each in ranking.fuse(votes)] == ["db", "cart"]


def test_a_caller_is_explained_by_what_it_calls() -> None:
    votes = [Vote("gateway", family, 90) for family in ("errors", "latency")]
    votes += [Vote("db", family, 60) for family in ("errors", "latency")]

    assert next(iter(ranking.fuse(votes))).entity == "gateway"
    assert next(iter(ranking.fuse(votes, {("gateway", "db")}))).entity == "db"


def test_a_ring_of_calls_explains_nothing() -> None:
    votes = [Vote("a", "errors", 90), Vote("b", "errors", 60)]

    assert ranking.fuse(votes, {("a", "b"), ("b", "a")}) == ranking.fuse(votes)
