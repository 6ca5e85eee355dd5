"""An incident of very many alerts: no answer carries all of them, and none is out of reach."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio


async def test_an_incident_is_told_with_some_of_its_alerts_and_how_many_more(client: Any, storm: int) -> None:
    detail = (await client.get("/api/v1/incidents/1")).json()
    assert 0 < len(detail["episodes"]) <= 500
    assert len(detail["episodes"]) + detail["more_episodes"] == storm


async def test_the_page_counts_all_of_them(read: Any, storm: int) -> None:
    assert f"Alerts {storm} " in (await read("/incidents/1")).text


async def test_all_of_them_are_read_page_by_page(client: Any, storm: int) -> None:
    found: list[int] = []
    address = "/api/v1/incidents/1/episodes?limit=200&after="
    while page := (await client.get(f"{address}{found[-1] if found else 0}")).json():
        found += [episode["id"] for episode in page]
    assert found == list(range(1, storm + 1))


async def test_an_incident_that_is_none_has_no_alerts_to_read(client: Any) -> None:
    assert (await client.get("/api/v1/incidents/7/episodes")).status_code == 404
