from aiops_processor.evidence.ranking import verdict


def test_little_known_of_quiet_times_asks_for_more() -> None:
    assert verdict.limit(5, [], False) > verdict.limit(20, [], False) > verdict.limit(500, [], False) > verdict.LIMIT


def test_what_quiet_times_show_is_the_least() -> None:
    assert verdict.limit(500, [30.0, 20.0, 90.0], False) == 30.0 * verdict.ABOVE_REPLAYS


def test_an_alert_whose_own_row_moved_asks_for_less() -> None:
    assert verdict.limit(50, [], True) == verdict.limit(50, [], False) / 2


def test_confidence_grows_with_the_lead_and_the_loudness() -> None:
    even, ahead = verdict.confidence([2.0, 1.9], 2.0, 1.0), verdict.confidence([2.0, 0.5], 2.0, 1.0)
    faint = verdict.confidence([2.0, 0.5], 1.0, 1.0)

    assert 0.4 < even < faint < ahead < 1
    assert verdict.confidence([], 0.0, 1.0) == verdict.confidence([0.0], 0.0, 1.0) == 0.0
