from datetime import UTC, datetime, timedelta

from aiops_processor.services.analysing.completing import Completing

SINCE = datetime(2026, 1, 31, 12, tzinfo=UTC)


def tries(answered_in: float = 0.0, within: float = 15) -> list[float]:
    """Seconds after the first failure at which the model is asked again, each try taking so long."""
    completing, now, found = Completing(timedelta(minutes=within)), SINCE, list[float]()
    while (at := completing.next_try(SINCE, now, len(found))) is not None:
        found.append((at - SINCE).total_seconds())
        now = at + timedelta(seconds=answered_in)
    return found


def test_waits_double_and_the_last_try_is_at_the_very_end() -> None:
    assert tries() == [10, 30, 70, 150, 310, 490, 670, 850, 900]


def test_a_model_that_hangs_is_asked_less_often() -> None:
    found = tries(answered_in=120)
    assert len(found) <= 5
    assert found[-1] <= 900


def test_zero_minutes_are_never() -> None:
    assert tries(within=0) == []


def test_what_the_model_asked_for_is_waited_for_but_not_for_ever() -> None:
    completing = Completing()
    assert completing.next_try(SINCE, SINCE, 0, asked=60) == SINCE + timedelta(seconds=60)
    assert completing.next_try(SINCE, SINCE, 0, asked=86400) == SINCE + timedelta(minutes=10)
    assert completing.next_try(SINCE, SINCE, 5, asked=1) == SINCE + timedelta(seconds=180)
