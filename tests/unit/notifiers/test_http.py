import httpx2
import pytest

from aiops_processor.notifiers.http import retry_after

DATE = "Sat, 31 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, 86400.0),
        ({"retry-after": "99999999"}, 86400.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:45 GMT", "date": DATE}, 45.0),
        ({"retry-after": "Sat, 31 Jan 2026 11:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:45 -0000", "date": DATE}, 45.0),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:45 GMT"}, None),
    ],
)
def test_a_wait_is_read_in_seconds_or_as_a_date_of_the_servers_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(httpx2.Headers(headers)) == seconds
