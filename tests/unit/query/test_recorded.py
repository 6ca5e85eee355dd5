from aiops_processor.query.condition import Side, take_apart
from aiops_processor.query.recorded import Recording, followed

SUM = Recording("sum by (job) (rate(errors_total[5m]))")


def exprs(expr: str, **recordings: Recording) -> list[str]:
    named = {name.replace("__", ":"): [each] for name, each in recordings.items()}
    return [side.expr for side in followed(take_apart(expr), named)]


def test_a_recorded_series_is_followed_to_its_expression_without_the_threshold() -> None:
    sides = followed(take_apart("job:errors:rate5m > 5"), {"job:errors:rate5m": [SUM]})

    assert sides == (
        Side("job:errors:rate5m", ">", 5.0, "gauge"),
        Side("sum by (job) (rate(errors_total[5m]))", "", None, "counter"),
    )


def test_what_the_alert_asks_for_narrows_what_is_below() -> None:
    asked = 'job:errors{job="web", le="+Inf"} > 5'

    # The sum drops `le`: nothing below can be narrowed by it.
    assert exprs(asked, job__errors=SUM)[1:] == ['sum by (job) (rate(errors_total{job="web"}[5m]))']


def test_a_label_that_the_recording_adds_is_not_asked_for_below() -> None:
    added = Recording("rate(errors_total[5m])", {"tier": "front"})

    assert exprs('a:errors{tier="front"} > 5', a__errors=added)[1:] == ["rate(errors_total[5m])"]
    assert exprs('a:errors{tier="back"} > 5', a__errors=added)[1:] == []


def test_recordings_of_recordings_are_followed_and_circles_end() -> None:
    above = Recording("sum(b:errors)")

    assert exprs("a:errors > 5", a__errors=above, b__errors=SUM)[1:] == ["sum(b:errors)", SUM.expr]
    assert exprs("a:errors > 5", a__errors=Recording("a:errors * 2"))[1:] == ["a:errors * 2"]


def test_a_recording_that_is_not_our_promql_is_left_alone() -> None:
    assert exprs("a:errors > 5", a__errors=Recording("rate(x[5m]) newer y")) == ["a:errors"]
