import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.llm.verification.quantities import quantities, quantity


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("from 0 to 12.4/s", [0, 12.4]),
        ("p99 of M1 in v1.2 on node-3", []),
        ("1,234,567 requests", [1234567]),
        ("at 12:03:10 UTC on 2026-01-31T12:00:00Z 5 pods failed", [5]),
        ("-3.5e2 and +4", [-350, 4]),
        ("12k errors", [12000]),
        ("20 → 97 %", [20, 97]),
        ("pod db-142-4e570 ended with 1e999", []),
    ],
)
def test_numbers_are_found_but_for_ids_and_times(text: str, numbers: list[float]) -> None:
    assert [found.written for found in quantities(text)] == numbers


@pytest.mark.parametrize(
    ("claimed", "known"),
    [
        ("97 %", "0.97"),
        ("0.97", "97%"),
        ("250 ms", "0.25 s"),
        ("5m", "300s"),
        ("1.5 GB", "1500000000 bytes"),
        ("1.4 GiB", "1503238553 bytes"),
        ("512 MB", "512 MiB"),
        ("12.4", "12.44"),
        ("800", "793.4"),
        ("0.9 s", "868.7 ms"),
        ("228 requests per minute", "3.8/s"),
        ("0", "0"),
    ],
)
def test_the_same_amount_agrees_however_it_is_written(claimed: str, known: str) -> None:
    (one,), (other,) = quantities(claimed), quantities(known)
    assert one.agrees(other)


@pytest.mark.parametrize(
    ("claimed", "known"),
    [
        ("97 min", "97 %"),
        ("3 min", "3000 ms"),
        ("3 s", "3 bytes"),
        ("12.5", "12.4"),
        ("38 ms", "38"),
        ("5 s", "5/s"),
        ("3.8 per minute", "3.8/s"),
        ("1", "0"),
        ("0", "12"),
        ("1.5 TB", "1.5 GB"),
        ("-5", "5"),
    ],
)
def test_another_amount_or_another_unit_does_not_agree(claimed: str, known: str) -> None:
    (one,), (other,) = quantities(claimed), quantities(known)
    assert not one.agrees(other)


def test_a_rate_is_compared_by_what_it_counts() -> None:
    assert quantity(1.4, "GiB").agrees(quantity(1.4 * 2**30, "bytes/s"))


def test_no_number_agrees_with_none() -> None:
    assert not quantity(5).agrees(quantity(float("nan")))


@given(st.text())
def test_any_text_can_be_looked_through(text: str) -> None:
    assert all(found.sizes for found in quantities(text))
