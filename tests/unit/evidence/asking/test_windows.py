from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.evidence.asking import windows
from aiops_processor.models.evidence import Window


def test_the_baseline_ends_where_the_alert_started(noon: datetime) -> None:
    window = windows.window_for(noon - timedelta(minutes=2), noon, baseline_minutes=15)

    assert window.onset == noon - timedelta(minutes=2)
    assert window.start == window.onset - timedelta(minutes=15)
    assert window.end == noon


def test_a_long_incident_is_looked_at_for_a_while_only(noon: datetime) -> None:
    window = windows.window_for(noon - timedelta(days=3), noon)

    assert window.end == window.onset + windows.AFTER


@pytest.mark.parametrize(
    "absurd", [datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)]
)
def test_a_start_that_cannot_be_believed_counts_as_now_and_says_so(noon: datetime, absurd: datetime) -> None:
    assert windows.window_for(absurd, noon).onset == noon
    assert "startsAt" in (windows.implausible(absurd, noon) or "")


def test_a_clock_that_runs_a_little_ahead_is_believed(noon: datetime) -> None:
    soon = noon + timedelta(minutes=1)

    assert windows.implausible(soon, noon) is None
    assert windows.window_for(soon, noon).onset == noon


def test_several_alerts_share_the_window_of_the_first(noon: datetime) -> None:
    starts = [noon - timedelta(minutes=1), noon - timedelta(minutes=4), datetime(9999, 1, 1, tzinfo=UTC)]

    assert windows.window_over(starts, noon).onset == noon - timedelta(minutes=4)


def test_no_alert_at_all_is_a_window_until_now(noon: datetime) -> None:
    assert windows.window_over([], noon).onset == noon


def test_the_step_is_a_multiple_of_the_scrape_interval(noon: datetime) -> None:
    window = windows.window_for(noon - timedelta(minutes=60), noon, baseline_minutes=180)

    step = windows.step_for(window, 15)

    assert step % 15 == 0
    assert (window.end - window.start).total_seconds() / step <= windows.COLUMNS


def test_a_step_grows_until_all_of_them_cost_what_they_may(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=16), onset=noon - timedelta(minutes=1), end=noon)
    assert windows.widened(15, window, 1 / 64) == 15  # 64 steps: just as much as they may
    assert windows.widened(15, window, 1 / 32) == 30
    assert windows.widened(15, window, 0.5) == 480  # two steps are left
