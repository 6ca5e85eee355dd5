from collections.abc import Callable
from datetime import datetime, timedelta

from aiops_processor.evidence import logs
from aiops_processor.evidence.limits import Limits
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Window

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


def test_the_filter_and_the_check_agree_on_what_trouble_is() -> None:
    assert logs.is_trouble("Connection REFUSED")
    assert not logs.is_trouble("all is well")
