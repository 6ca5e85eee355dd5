"""Where the line of a finding's chart goes."""

from datetime import UTC, datetime, timedelta

import pytest

from aiops_processor.models.evidence import Window
from aiops_processor.report.charts import HEIGHT, MARGIN, WIDTH, Chart, chart

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
WINDOW = Window(start=START, onset=START + timedelta(seconds=300), end=START + timedelta(seconds=400))
FIRST = START.timestamp()
BOTTOM, TOP = HEIGHT - MARGIN, MARGIN


def drawn(*points: tuple[float, float], unit: str = "") -> Chart:
    made = chart([(FIRST + seconds, value) for seconds, value in points], WINDOW, unit)
    assert made is not None
    return made


def test_the_line_spans_the_window_from_zero_to_the_highest_value() -> None:
    made = drawn((0, 0), (200, 5), (400, 10))
    assert made.line == f"M0.0 {BOTTOM:.1f} L{WIDTH / 2:.1f} {HEIGHT / 2:.1f} L{WIDTH:.1f} {TOP:.1f}"
    assert (made.low, made.high) == ("0", "10")


def test_onset_and_end_are_where_their_times_are() -> None:
    made = drawn((0, 0), (400, 1))
    assert (made.onset, made.end) == (WIDTH * 0.75, WIDTH)
    assert (made.first_time, made.onset_time, made.last_time) == ("12:00:00", "12:05:00 UTC", "12:06:40")


def test_points_outside_the_window_widen_the_chart() -> None:
    made = drawn((-100, 1), (500, 2))
    assert made.onset == pytest.approx(WIDTH * 400 / 600, abs=0.1)
    assert made.end < WIDTH


def test_a_small_change_of_a_large_value_is_not_flattened_by_zero() -> None:
    made = drawn((0, 1000), (400, 1010))
    assert made.low == "1,000"
    assert made.line.endswith(f"{TOP:.1f}")


def test_negative_values_are_below() -> None:
    assert drawn((0, -5), (400, 5)).line == f"M0.0 {BOTTOM:.1f} L{WIDTH:.1f} {TOP:.1f}"


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0])
def test_a_flat_line_is_inside_the_chart(value: float) -> None:
    assert all(TOP <= float(part) <= BOTTOM for part in drawn((0, value), (400, value)).line.split(" ")[1::2])


def test_where_nothing_was_seen_the_line_is_broken_and_a_lonely_point_is_a_dot() -> None:
    made = drawn((0, 1), (10, 1), (20, 1), (200, 1), (380, 1), (390, 1))
    assert made.line.count("M") == 3
    assert made.line.count("h0") == 1


def test_nan_and_infinities_are_left_out() -> None:
    made = drawn((0, 1), (100, float("nan")), (200, float("inf")), (400, 2))
    assert made.high == "2"
    assert "nan" not in made.line


@pytest.mark.parametrize("points", [[], [(FIRST, 1.0)], [(FIRST, float("nan")), (FIRST + 1, 2.0)]])
def test_too_few_points_are_no_chart(points: list[tuple[float, float]]) -> None:
    assert chart(points, WINDOW) is None


def test_the_axis_speaks_the_unit() -> None:
    assert drawn((0, 0), (400, 0.44), unit="ratio").high == "44 %"
