import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_processor.evidence import onset

TIMES = np.arange(1.0, 101.0)


def noise(rows: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(7).normal(0, 1, (rows, len(TIMES)))


def test_the_split_that_many_series_agree_on_is_found() -> None:
    values = noise(30)
    values[:5, 80:] += 6

    found = onset.find(values, TIMES, earliest=40, latest=95)

    assert found is not None
    assert abs(found - 80) <= 1


def test_an_alert_that_is_late_does_not_hide_the_onset() -> None:
    values = noise(30)
    values[:5, 60:] += 6

    assert onset.find(values, TIMES, earliest=40, latest=90) == 60


def test_noise_has_no_onset() -> None:
    assert onset.find(noise(3), TIMES, earliest=40, latest=90) is None


def test_nothing_at_all_has_no_onset() -> None:
    assert onset.find(np.empty((0, 100)), TIMES, 40, 90) is None
    assert onset.find(np.full((2, 100), np.nan), TIMES, 40, 90) is None


def test_one_exploding_series_does_not_outvote_the_others() -> None:
    values = noise(30)
    values[0, 50:] = 1e9
    values[1:12, 80:] += 5

    found = onset.find(values, TIMES, earliest=40, latest=95)

    assert found is not None
    assert abs(found - 80) <= 1


@settings(max_examples=20)
@given(scale=st.floats(0.01, 1000), offset=st.floats(-1e3, 1e3))
def test_the_onset_does_not_depend_on_units(scale: float, offset: float) -> None:
    values = noise(10)
    values[:4, 70:] += 8
    # An offset that dwarfs the noise is another series: 1 % of the level is the least noise that is believed.
    assert onset.find(values * scale, TIMES, 40, 95) == 70
    assert onset.find(values[:, ::1] + offset * 1e-3, TIMES, 40, 95) == 70


def test_of_two_onsets_alike_the_one_nearer_to_the_alert_is_believed() -> None:
    values = noise(30)
    values[:6, 60:] += 6
    values[6:12, 88:] += 9

    found = onset.find(values, 60 * TIMES, earliest=60 * 40.0, latest=60 * 90.0)

    assert found is not None
    assert abs(found / 60 - 88) <= 1


def test_a_burst_long_before_the_alert_is_another_story() -> None:
    values = noise(30)
    values[:, 45:] += 2
    values[:, 45:60] += 30

    found = onset.find(values, 25 * TIMES, earliest=25 * 35.0, latest=25 * 90.0)

    assert found is None or 25 * 90.0 - found < 900


def found_in(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], shift: float = 0.0) -> float | None:
    found = onset.find(values, TIMES + shift, 40 + shift, 95 + shift)
    return None if found is None else found - shift


def moved(rows: int = 12) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    values = noise(rows)
    values[: rows // 3, 70:] += 8
    return values


@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    assert found_in(moved()[order]) == found_in(moved()) == 70


@settings(max_examples=20)
@given(st.integers(2, 6))
def test_rows_that_come_several_times_move_the_onset_nowhere(times: int) -> None:
    assert found_in(np.vstack([moved()] * times)) == 70


@settings(max_examples=20)
@given(st.floats(0, 2e9))
def test_when_in_history_it_was_does_not_matter(shift: float) -> None:
    found = found_in(moved(), shift)

    assert found is not None
    assert abs(found - 70) < 0.01


def test_rows_that_are_constant_or_never_seen_have_no_say() -> None:
    dull = np.vstack([moved(), np.full((20, 100), 3.0), np.full((20, 100), np.nan)])

    assert found_in(dull) == 70
