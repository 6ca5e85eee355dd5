import pytest

from aiops_processor.demo.times import duration_seconds, rfc3339_nanoseconds, unix_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01T01:00:01.25+01:00", 1.25),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_a_number_or_rfc_3339(text: str, seconds: float | None) -> None:
    assert unix_seconds(text) == seconds


@pytest.mark.parametrize("text", ["nan", "inf", "1e300"])
def test_a_time_out_of_this_world_is_none(text: str) -> None:
    assert unix_seconds(text) is None


def test_nanoseconds_are_exact() -> None:
    assert rfc3339_nanoseconds("2026-11-23T05:48:18.774549615Z") == 1795412898774549615
    assert rfc3339_nanoseconds("2026-13-23T05:48:18Z") is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("15", 15), ("0.5", 0.5), ("1m30s", 90), ("1500ms", 1.5), ("soon", None)]
)
def test_a_duration_is_a_number_of_seconds_or_has_units(text: str, seconds: float | None) -> None:
    assert duration_seconds(text) == seconds
