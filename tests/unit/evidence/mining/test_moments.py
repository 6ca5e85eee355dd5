import re

import pytest

from aiops_processor.evidence.mining.moments import DATE, TIME


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31 12:00:00,123",
        "2026-01-31T12:00:00.123456+01:00",
        "Jan 31 12:00:00",
        "Sat Jan 31 12:00:00 2026",
        "31/Jan/2026:12:00:00 +0000",
        "12:00:00.5",
        "1/31/26 3:04:05 PM",
        "20260131-12:00:00:606",
        "2026-01-31 12:00:00.123 CEST",
    ],
)
def test_times_of_the_usual_layouts(text: str) -> None:
    assert re.fullmatch(TIME, text)


@pytest.mark.parametrize("text", ["2026-01-31", "31 Jan 2026"])
def test_dates_that_stand_alone(text: str) -> None:
    assert re.fullmatch(DATE, text)


@pytest.mark.parametrize("text", ["10.0.0.7", "1:2", "12:00", "paid", "3.11.2"])
def test_what_is_no_time(text: str) -> None:
    assert not re.fullmatch(TIME, text)
