import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from aiops_processor.clients.endpoint import Endpoint
from aiops_processor.clients.grafana import Grafana
from aiops_processor.errors import SourceRefused, SourceUnreadable

pytestmark = pytest.mark.anyio

START, END = datetime(2026, 1, 31, 11, 45, tzinfo=UTC), datetime(2026, 1, 31, 12, tzinfo=UTC)


def grafana(answer: Any, status: int = 200, asked: list[httpx2.Request] | None = None) -> Grafana:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if asked is not None:
            asked.append(request)
        return httpx2.Response(status, content=json.dumps(answer))

    endpoint = Endpoint(url="http://grafana.example/g", token=SecretStr("t0ken"))
    return Grafana(endpoint, httpx2.MockTransport(handle))


async def test_annotations_of_people_are_changes_and_those_of_alert_rules_are_not() -> None:
    asked: list[httpx2.Request] = []
    deploy = {"id": 7, "time": 1769860680000, "text": "<b>deploy</b> 1.4.3", "tags": ["deploy", "service:cart"]}
    alert = {"id": 8, "time": 1769860690000, "text": "", "tags": None, "alertId": 3}
    found = await grafana([alert, {**deploy, "login": "ann"}], asked=asked).between(START, END)
    (change,) = found.data
    assert (change.title, change.service, change.author) == ("deploy 1.4.3", "cart", "ann")
    assert change.at == datetime(2026, 1, 31, 11, 58, tzinfo=UTC)
    assert change.hints == ("deploy",)
    assert asked[0].url.path == "/g/api/annotations"
    assert asked[0].url.params["from"] == str(int(START.timestamp() * 1000))
    assert asked[0].headers["authorization"] == "Bearer t0ken"


async def test_tags_say_where() -> None:
    tags = ["service=cart", "namespace:shop", "cluster:eu", "version:1.4.3"]
    (change,) = (await grafana([{"id": 1, "time": 1, "text": "x", "tags": tags}]).between(START, END)).data
    assert (change.service, change.namespace, change.realm, change.version) == (
        "cart",
        "shop",
        {"cluster": "eu"},
        "1.4.3",
    )


async def test_a_wrong_token_is_a_refusal_that_names_the_setting() -> None:
    with pytest.raises(SourceRefused, match="GRAFANA_TOKEN"):
        await grafana({"message": "Invalid API key"}, 401).between(START, END)


async def test_what_is_no_list_of_annotations_is_unreadable() -> None:
    with pytest.raises(SourceUnreadable):
        await grafana({"message": "hello"}).between(START, END)
