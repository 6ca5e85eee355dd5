"""Grafana's annotations in an analysis, and none without a token."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiops_processor import AlertAnalyzer
from aiops_processor.models.alert import Alert
from aiops_processor.settings import GrafanaSettings, Settings

pytestmark = pytest.mark.anyio


async def analysed(grafana: GrafanaSettings) -> list[str]:
    """What is said of an alert where nothing but Grafana is configured."""
    began = datetime.now(UTC) - timedelta(minutes=1)
    alert = Alert(status="firing", labels={"alertname": "Slow", "namespace": "shop"}, starts_at=began)
    async with AlertAnalyzer(Settings(grafana=grafana)) as analyzer:
        return [each.statement for each in (await analyzer.analyze_alert(alert)).evidence]


async def test_annotations_are_read_with_a_token_and_the_address_alone_is_for_links(recorder: Any) -> None:
    at = int((datetime.now(UTC) - timedelta(minutes=2)).timestamp() * 1000)
    annotation = {"id": 7, "time": at, "text": "new discounts", "tags": ["namespace:shop"]}
    recorder.answers["/api/annotations"] = [annotation]
    assert await analysed(GrafanaSettings(url=recorder.url)) == []
    assert recorder.of("/api/annotations") == []
    (said,) = await analysed(GrafanaSettings.model_validate({"url": recorder.url, "token": "t0ken"}))
    assert "new discounts" in said
