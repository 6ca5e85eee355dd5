from datetime import UTC, datetime

import pytest

from aiops_processor.report.numbers import amount, change, duration, moment


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0, "/s", "0/s"),
        (12.3456, "/s", "12.3/s"),
        (0.9712, "ratio", "97.1 %"),
        (97.12, "%", "97.1 %"),
        (512 * 2**20, "bytes", "512 MiB"),
        (1.5e9, "bytes", "1.4 GiB"),
        (1.5e9, "bytes/s", "1.4 GiB/s"),
        (900, "bytes", "900 B"),
        (0.25, "seconds", "250 ms"),
        (0.00012, "s", "120 µs"),
        (3e-9, "s", "3 ns"),
        (1.5, "s", "1.5 s"),
        (500, "s", "8 min 20 s"),
        (1234, "", "1,230"),
        (12345, "", "12.3k"),
        (999_990, "", "1M"),
        (2.5, "cores", "2.5 cores"),
        (12345, "requests/s", "12.3k requests/s"),
        (-0.25, "s", "-250 ms"),
        (float("nan"), "bytes", "no value"),
        (float("inf"), "s", "∞"),
        (float("-inf"), "", "-∞"),
        (1e-9, "", "1e-09"),
    ],
)
def test_a_value_is_written_with_three_digits_and_the_unit_that_fits(value: float, unit: str, written: str) -> None:
    assert amount(value, unit) == written


@pytest.mark.parametrize(
    ("before", "after", "unit", "written"),
    [
        (0, 12, "/s", "0 → 12/s"),
        (0.2, 0.97, "ratio", "20 → 97 %"),
        (5e8, 1.5e9, "bytes", "477 MiB → 1.4 GiB"),
        (500, 560, "s", "8 min 20 s → 9 min 20 s"),
        (3, float("nan"), "", "3 → no value"),
    ],
)
def test_a_change_says_its_unit_once(before: float, after: float, unit: str, written: str) -> None:
    assert change(before, after, unit) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (500, "8 min 20 s"),
        (7500, "2 h 5 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_a_duration_has_its_two_largest_parts(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_a_moment_is_in_utc() -> None:
    assert moment(datetime.fromisoformat("2026-01-31T13:00:00+01:00")) == "2026-01-31 12:00:00 UTC"
    assert moment(datetime(2026, 1, 31, 12, tzinfo=UTC)) == "2026-01-31 12:00:00 UTC"


def test_the_last_hour_of_the_calendar_can_be_written() -> None:
    assert "9999-12-31" in moment(datetime.fromisoformat("9999-12-31T23:59:59-12:00"))
