import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.evidence.ranking import verdict


def test_little_known_of_quiet_times_asks_for_more() -> None:
    assert verdict.limit(8, []) > verdict.limit(20, []) > verdict.limit(500, []) > verdict.LIMIT


def test_however_little_is_known_no_more_is_asked_for_than_quiet_times_show() -> None:
    assert verdict.limit(1, []) == verdict.limit(5, []) == verdict.MOST


def test_what_quiet_times_show_is_the_least() -> None:
    assert verdict.limit(500, [30.0, 20.0, 90.0]) == 30.0 * verdict.ABOVE_REPLAYS


def test_one_in_twenty_quiet_windows_reaches_the_limit() -> None:
    assert verdict.share(2.0, 2.0) == pytest.approx(verdict.AT_LIMIT)
    assert verdict.share(0.0, 2.0) == 1.0
    assert verdict.share(1e9, 2.0) == verdict.RAREST


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1e-3, 1e3))
def test_what_is_louder_is_rarer(one: float, other: float, limit: float) -> None:
    faint, loud = sorted((one, other))

    assert verdict.RAREST <= verdict.share(loud, limit) <= verdict.share(faint, limit) <= 1.0


def test_confidence_grows_with_the_lead_and_the_loudness() -> None:
    even, ahead = verdict.confidence([2.0, 1.9], 2.0, 1.0), verdict.confidence([2.0, 0.5], 2.0, 1.0)
    faint = verdict.confidence([2.0, 0.5], 1.0, 1.0)

    assert 0.4 < even < faint < ahead < 1
    assert verdict.confidence([], 0.0, 1.0) == verdict.confidence([0.0], 0.0, 1.0) == 0.0
