from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiops_processor.evidence.events import posted
from aiops_processor.evidence.events.changes import REPLACED
from aiops_processor.models.alert import Alert
from aiops_processor.models.change import PostedChange

MakeAlert = Callable[..., Alert]
ONSET = datetime(2026, 1, 31, 12, tzinfo=UTC)


def change(seconds_before: float = 10, **fields: Any) -> PostedChange:
    at = ONSET - timedelta(seconds=seconds_before)
    return PostedChange.model_validate(
        {"source": "generic", "kind": "deployment", "title": "roll out", "at": at, **fields}
    )


def entities(*changes: PostedChange, known: tuple[str, ...] = ("cart", "db")) -> list[str]:
    return [each.entity for each in posted.events(changes, known, {"shop"}, ONSET.timestamp())]


def test_a_change_of_another_cluster_or_namespace_is_none_of_these_alerts(alert: MakeAlert) -> None:
    ours = change(service="cart", realm={"cluster": "eu"}, namespace="shop")
    others = [change(service="cart", realm={"cluster": "us"}), change(service="mail", namespace="office")]
    found = posted.near([ours, *others], [alert(service="cart", cluster="eu")])
    assert found == [ours]


def test_where_nothing_is_said_nothing_contradicts(alert: MakeAlert) -> None:
    found = [change(service="db"), change(service="cart", realm={"cluster": "us"})]
    assert posted.near(found, [alert(service="cart")]) == found


@pytest.mark.parametrize("service", ["cart", "shop-cart", "cart_service", "Cart.API"])
def test_a_service_is_found_by_the_name_that_its_sender_uses(service: str) -> None:
    assert entities(change(service=service)) == ["cart"]


def test_a_name_that_may_mean_two_is_nobody() -> None:
    assert entities(change(service="cart-mail"), known=("cart", "mail")) == []


def test_an_unmeasured_service_is_shown_only_in_a_namespace_of_the_alerts() -> None:
    assert entities(change(service="cron"), change(service="cron", namespace="shop")) == ["cron"]


def test_a_change_of_everything_is_shown() -> None:
    assert entities(change()) == [""]


def test_a_tag_may_name_the_service() -> None:
    assert entities(change(hints=("deploy", "db"))) == ["db"]


def test_changes_stand_in_the_order_of_time_and_weigh_less_the_older_they_are() -> None:
    old, new = change(600, service="cart"), change(0, service="db")
    found = posted.events([new, old], ["cart", "db"], set(), ONSET.timestamp())
    assert [each.entity for each in found] == ["cart", "db"]
    assert found[1].score == REPLACED
    assert found[0].score == pytest.approx(REPLACED / 4)


def test_what_came_after_the_onset_is_shown_but_is_no_cause() -> None:
    (event,) = posted.events([change(-60, service="cart")], ["cart"], set(), ONSET.timestamp())
    assert event.score == 0
    assert "60 s after it began" in event.text
