from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

from aiops_processor.evidence.asking import logs
from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Window
from aiops_processor.models.samples import Series

MakeAlert = Callable[..., Alert]


def test_streams_are_found_by_value_whatever_the_label_is_called(alert: MakeAlert) -> None:
    streams = [{"k8s_ns": "shop", "component": name} for name in ("cart", "db")]

    selectors, gaps = logs.select([alert(service="cart")], streams, Limits())

    assert selectors == ['{k8s_ns=~"shop"}']
    assert gaps == []


def test_streams_outside_the_namespace_are_found_by_entity(alert: MakeAlert) -> None:
    streams = [{"namespace": "shop", "app": "db"}, {"unit": "cart"}]

    selectors, _ = logs.select([alert(service="cart")], streams, Limits())

    assert selectors == ['{namespace=~"shop"}', '{unit=~"cart",namespace!~"shop"}']


def test_a_namespace_with_too_many_streams_is_left_out_and_said_so(alert: MakeAlert) -> None:
    streams = [{"namespace": "shop", "app": "cart", "pod": f"p{n}"} for n in range(9)]

    selectors, (gap,) = logs.select([alert(service="cart")], streams, Limits(streams=3))

    assert selectors == ['{app=~"cart"}']
    assert "9 streams" in gap.reason


def test_label_values_cannot_change_a_selector(alert: MakeAlert) -> None:
    evil = 'x"} |= "" or {a=~".+'

    selectors, _ = logs.select([alert(namespace=evil)], [{"ns": evil}], Limits())

    assert selectors == ['{ns=~"x\\"\\\\} \\\\|= \\"\\" or \\\\{a=~\\"\\\\.\\\\+"}']


def test_lines_of_trouble_are_asked_apart_from_the_others(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=16), onset=noon - timedelta(minutes=1), end=noon)

    asked = logs.questions('{a="b"}', window)

    assert [each.trouble for each in asked] == [True, True, False, False]
    assert {(each.start, each.end) for each in asked if each.trouble} == {
        (window.start, asked[0].end),
        (asked[0].end, noon),
    }
    assert asked[0].end < window.onset


def counted(noon: datetime, per_minute: float, level: str = "") -> Series:
    points = [(noon.timestamp() - 60 * minute, per_minute) for minute in range(16)]
    return Series({"app": "b", **({"level": level} if level else {})}, points)


def test_a_slice_with_more_lines_than_an_answer_holds_is_read_in_pieces_over_all_of_it(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=16), onset=noon - timedelta(minutes=1), end=noon)
    question = logs.questions('{a="b"}', window)[2]

    pieces = logs.spread(question, [counted(noon, 200)], 60, Limits(log_lines=1000))

    assert [each.limit(Limits(log_lines=1000)) for each in pieces] == [333, 333, 333]
    assert (pieces[0].start, pieces[-1].end) == (question.start, question.end)
    assert all(one.end == next_.start for one, next_ in pairwise(pieces))
    assert len(logs.spread(question, [counted(noon, 5000)], 60, Limits(log_lines=1000))) == logs.MOST_PIECES


def test_what_fits_an_answer_is_asked_at_once(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=16), onset=noon - timedelta(minutes=1), end=noon)
    question = logs.questions('{a="b"}', window)[2]

    assert logs.spread(question, [counted(noon, 20)], 60, Limits(log_lines=1000)) == [question]
    assert logs.spread(question, [], 60, Limits(log_lines=1000)) == [question]


def test_lines_of_trouble_are_counted_by_their_levels_where_these_are_known(noon: datetime) -> None:
    window = Window(start=noon - timedelta(minutes=16), onset=noon - timedelta(minutes=1), end=noon)
    trouble = logs.questions('{a="b"}', window)[0]
    chatty, failing = counted(noon, 500, "info"), counted(noon, 5, "error")

    assert logs.spread(trouble, [chatty, failing], 60, Limits(log_lines=1000)) == [trouble]
    assert len(logs.spread(trouble, [counted(noon, 500)], 60, Limits(log_lines=1000))) > 1


def test_the_filter_and_the_check_agree_on_what_trouble_is() -> None:
    assert logs.is_trouble("Connection REFUSED")
    assert not logs.is_trouble("all is well")


def test_of_a_storm_only_so_many_are_looked_for_by_name(alert: MakeAlert) -> None:
    pods = [alert(pod=f"cart-{number}", namespace="shop") for number in range(400)]

    spaces, own = logs.wanted(pods)

    assert (spaces, len(own)) == (["shop"], 50)
