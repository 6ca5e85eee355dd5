"""What was like this before, and what people said of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.past import Feedback, Said
from aiops_processor.services.analysing.past import score
from aiops_processor.services.by_hand import ByHand
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage.past import Trait

pytestmark = pytest.mark.anyio

DAY = 86_400


async def analysis(house: Any, incident_id: int) -> AnalysisResult:
    async with house.database.read() as connection:
        _, found = await incident_rows.latest_analysis(connection, incident_id)
    assert found is not None
    return found


async def again(house: Any, post: Any, name: str, day: int, hour: int = 12) -> None:
    at = datetime(2026, 1, 31, hour, tzinfo=UTC).timestamp() + day * DAY
    house.clock.advance(max(0, at - house.clock.now().timestamp()))
    starts = house.clock.now().isoformat()
    await post(name, starts=starts, group=f"{name}{day}")
    await house.pass_time(15)
    await post(name, status="resolved", starts=starts, group=f"{name}{day}")
    await house.pass_time(2)


async def test_the_same_alert_on_another_day_is_offered_with_what_a_person_said(house: Any, post: Any) -> None:
    await again(house, post, "PoolFull", 0)
    assert (await analysis(house, 1)).similar == ()
    said = Feedback(said=Said.WRONG, cause="a full disk", by="ada")
    assert await ByHand(house.database, house.clock).comment(1, said)
    await again(house, post, "PoolFull", 1)
    (past,) = (await analysis(house, 2)).similar
    assert (past.incident_id, past.score, past.feedback[0].cause) == (1, 1.0, "a full disk")
    assert past.concluded == "", "what a person called wrong is not said again"


async def test_another_alert_is_not_alike(house: Any, post: Any) -> None:
    await again(house, post, "PoolFull", 0)
    await again(house, post, "DiskFull", 1)
    assert (await analysis(house, 2)).similar == ()


async def test_of_an_unknown_incident_nothing_can_be_said(house: Any) -> None:
    assert await ByHand(house.database, house.clock).comment(99, Feedback(said=Said.RIGHT)) is None


@pytest.mark.parametrize(
    ("own", "other", "points"),
    [
        ("rule:a entity:x", "rule:a entity:x", 1.0),
        ("rule:a entity:x", "rule:a entity:y", 0.625),
        ("rule:a entity:x", "rule:b entity:x", 0.375),
        ("rule:a rule:b", "rule:a", 0.5),
        ("rule:a entity:x template:t", "rule:a entity:x", 0.8),
        ("", "", 0.0),
    ],
)
def test_alike_is_the_share_of_what_both_have(own: str, other: str, points: float) -> None:
    def traits(text: str) -> frozenset[Trait]:
        return frozenset(Trait(*each.split(":")) for each in text.split())

    assert score(traits(own), traits(other)) == points
