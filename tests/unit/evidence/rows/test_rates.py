import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.evidence.rows import rates

EDGES = np.arange(0.0, 110.0, 10.0)


def test_a_steady_counter_has_a_steady_rate() -> None:
    times = np.arange(0.0, 101.0, 10.0)

    assert rates.increase(times, times * 3, EDGES, born=False)[:-1] == pytest.approx(3.0)


def test_a_reset_is_not_a_fall() -> None:
    times = np.arange(0.0, 101.0, 10.0)
    values = np.array([0, 10, 20, 30, 40, 5, 15, 25, 35, 45, 55.0])

    rate = rates.increase(times, values, EDGES, born=False)

    assert rate[4] == pytest.approx(0.5)
    assert (rate[np.isfinite(rate)] >= 0).all()


def test_a_counter_born_under_watch_grew_from_zero() -> None:
    times, values = np.array([55.0, 65.0, 75.0]), np.array([20.0, 20.0, 20.0])

    born = rates.increase(times, values, EDGES, born=True)
    found = rates.increase(times, values, EDGES, born=False)

    assert np.nansum(born) * 10 == pytest.approx(20.0)
    assert np.nansum(found) == 0


def test_nothing_is_made_up_in_a_gap() -> None:
    times, values = np.array([0.0, 10, 90, 100]), np.array([0.0, 1, 9, 10])

    assert np.isnan(rates.increase(times, values, EDGES, born=False)[2:8]).all()


def test_a_gauge_is_held_for_a_jitter_and_no_longer() -> None:
    held = rates.held(np.array([5.0, 15.0]), np.array([1.0, 2.0]), EDGES)

    assert held[:3] == pytest.approx([1.0, 2.0, 2.0])
    assert np.isnan(held[3:]).all()


def test_the_interval_is_the_usual_one() -> None:
    assert rates.interval_of([np.arange(0.0, 50, 2), np.array([1.0])]) == 2
    assert rates.interval_of([np.array([1.0])]) is None


def test_a_grid_never_has_more_cells_than_allowed() -> None:
    assert len(rates.grid(0, 10_000, 1, most=100)) == 101


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=30))
def test_a_counter_never_has_a_negative_rate(values: list[float]) -> None:
    times = 7.0 * np.arange(float(len(values)), dtype=np.float64)

    rate = rates.increase(times, np.array(values), np.arange(0.0, times[-1] + 7, 7.0), born=True)

    assert (rate[np.isfinite(rate)] >= 0).all()


def test_a_gauge_that_is_scraped_less_often_has_no_holes() -> None:
    times = np.arange(0.0, 101.0, 40.0)

    assert np.isfinite(rates.held(times, times, EDGES)).all()


def test_a_slow_gauge_that_is_gone_is_not_held_for_long() -> None:
    edges = np.arange(0.0, 310.0, 10.0)
    times = np.array([5.0, 45.0, 85.0])

    held = rates.held(times, np.ones(3), edges)

    assert np.isfinite(held[:9]).all()
    assert np.isnan(held[14:]).all()


def test_a_counter_that_is_scraped_far_less_often_than_the_grid_still_has_a_rate() -> None:
    edges = np.arange(0.0, 601.0, 10.0)
    times = np.arange(0.0, 601.0, 120.0)

    rate = rates.increase(times, times * 3, edges, born=False)

    assert rate[np.isfinite(rate)] == pytest.approx(3.0)
    assert np.isfinite(rate[:-1]).all()


def test_a_slow_target_is_alive_between_its_scrapes() -> None:
    assert rates.alive(np.arange(0.0, 101.0, 40.0), EDGES).all()
