from datetime import datetime, timedelta

import numpy as np
import pytest

from aiops_processor.evidence.events import earlier
from aiops_processor.models.evidence import Window
from aiops_processor.models.samples import Series

ONSET = 10_000.0


def alerts(state: str, since: float, until: float, name: str = "Slow") -> Series:
    """An alert that was in this state from so many to so many seconds before the onset, evaluated every 15 s."""
    times = np.arange(ONSET - since, ONSET - until + 1, 15.0)
    return Series({"__name__": "ALERTS", "alertname": name, "alertstate": state}, [(float(at), 1.0) for at in times])


@pytest.fixture
def window(noon: datetime) -> Window:
    return Window(start=noon - timedelta(minutes=15), onset=noon, end=noon + timedelta(minutes=2))


def test_an_alert_that_fired_and_ended_is_left_out_from_when_it_pended() -> None:
    found = earlier.spans([alerts("pending", 900, 800), alerts("firing", 790, 600)], ONSET)

    assert found == ((ONSET - 900 - earlier.NOTICED, pytest.approx(ONSET - 600 + earlier.SETTLED, abs=15)),)


def test_what_only_pended_or_still_fires_is_not_earlier() -> None:
    assert earlier.spans([alerts("pending", 900, 800)], ONSET) == ()
    assert earlier.spans([alerts("firing", 900, 0)], ONSET) == ()
    assert earlier.spans([alerts("firing", 300, 30)], ONSET) == ()


def test_an_alert_that_fired_before_and_fires_again_is_left_out_only_then() -> None:
    both = [alerts("firing", 900, 600), alerts("firing", 60, 0)]
    one = Series(both[0].labels, [*both[0].points, *both[1].points])

    ((first, last),) = earlier.spans([one], ONSET)

    assert (first, last) == (ONSET - 900 - earlier.NOTICED, pytest.approx(ONSET - 600 + earlier.SETTLED, abs=15))


def test_times_that_overlap_are_one() -> None:
    assert len(earlier.spans([alerts("firing", 900, 700), alerts("firing", 800, 600, "Full")], ONSET)) == 1


def test_the_baseline_is_lengthened_by_what_is_left_out(window: Window) -> None:
    onset = window.onset.timestamp()

    longer = earlier.lengthened(window, [(onset - 600, onset - 300)])

    assert longer.start == window.start - timedelta(seconds=300)
    assert earlier.leaves_enough(longer, [(onset - 600, onset - 300)])
    assert earlier.lengthened(window, []) == window


def test_it_is_not_looked_back_for_ever(window: Window) -> None:
    onset = window.onset.timestamp()
    excluded = [(onset - 100_000, onset - 300)]

    longer = earlier.lengthened(window, excluded)

    assert longer.onset - longer.start == timedelta(minutes=45)
    assert not earlier.leaves_enough(longer, excluded)


def test_only_times_before_the_onset_are_left_out() -> None:
    times = np.array([10.0, 20.0, 30.0, 40.0])

    assert earlier.inside([(15, 100)], times, before=30).tolist() == [False, True, True, False]
