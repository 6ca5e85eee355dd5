import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aiops_processor.evidence import ranking
from aiops_processor.evidence.ranking import moves

TIMES = np.arange(1.0, 101.0)
Array = NDArray[np.float64]


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


def test_the_same_growth_counts_more_at_a_small_level() -> None:
    values = noise(2)
    values[0] += 1000
    values[:, 80:] += 50

    large, small = moves.efforts(values, TIMES <= 80, ["latency"] * 2)

    assert small > 10 * large


def test_an_incident_that_pauses_has_moved() -> None:
    values = noise(3)
    values[1, 80:] += 20
    values[2, 80:88] += 20

    calm, lasting, pausing = moves.efforts(values, TIMES <= 80, ["latency"] * 3)

    assert 5 * calm < lasting / 3 < pausing < lasting


def test_a_glitch_has_not_moved() -> None:
    values = noise(2)
    values[1, 90] += 1e6

    calm, glitch = moves.efforts(values, TIMES <= 80, ["latency"] * 2)

    assert glitch < 2 * calm + 0.5


@given(st.lists(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=5, max_size=5), min_size=1, max_size=4))
def test_quantiles_are_those_of_numpy(rows: list[list[float]]) -> None:
    values = np.array(rows)
    values[:, 0] = np.where(np.isnan(values).all(axis=1), 1.0, values[:, 0])

    for share, found in zip((0.25, 0.5, 0.75), moves.quantiles(values, (0.25, 0.5, 0.75)), strict=True):
        assert found == pytest.approx(np.nanquantile(values, share, axis=1), rel=1e-9, abs=1e-9)


def test_rows_without_any_value_do_not_move() -> None:
    values = np.full((2, 10), np.nan)

    assert moves.efforts(values, np.arange(10) < 5, ["a", "up"]).tolist() == [0, 0]
    assert np.isnan(moves.quantiles(np.empty((2, 0)), (0.5,))[0]).all()


@pytest.mark.parametrize("usual", [3.0, 4e9])
def test_of_replicas_and_free_memory_a_fall_counts_as_a_rise_of_others_does(usual: float) -> None:
    kinds = ["replicas_available", "replicas_wanted"]
    values = usual * np.vstack([np.ones(len(TIMES)), np.ones(len(TIMES))])
    values[0, 80:] = 0.0  # all are gone
    values[1, 80:] = 2 * usual

    gone, doubled = moves.efforts(values, TIMES <= 80, kinds)

    assert gone == pytest.approx(doubled)


def test_a_percent_less_of_a_share_counts_and_of_free_memory_does_not() -> None:
    kinds = ["success_rate", "memory_available_bytes"]
    values = np.vstack([np.full(len(TIMES), 1.0), np.full(len(TIMES), 4e9)])
    values[:, ::2] *= 0.9999
    values[:, 80:] *= 0.99

    share, memory = moves.efforts(values, TIMES <= 80, kinds)

    assert share > 10 * memory
