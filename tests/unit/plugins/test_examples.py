"""The shipped examples are small, load through the door, keep their kinds' promises, and stand in how-to pages."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aiops_processor.evidence.asking import packs
from aiops_processor.llm.own import Own
from aiops_processor.models.notification import Occasion
from aiops_processor.notifiers.http import HttpOptions
from aiops_processor.plugins import Door
from aiops_processor.plugins.folder import Folder
from aiops_processor.plugins.kinds import GIVES
from aiops_processor.testing import NOW, alert, case, conforms, message, window

pytestmark = pytest.mark.anyio

TOP = Path(__file__).resolve().parents[3]
EXAMPLES = TOP / "examples" / "plugins"
FILES = sorted(path for path in EXAMPLES.rglob("*") if path.suffix in {".py", ".yaml", ".md"})
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in (TOP / "docs" / "how-to").glob("*.md"))
MOST_LINES = 15


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """The examples as an operator has them: copied into a plugins folder."""
    return Door(Folder(shutil.copytree(EXAMPLES, tmp_path / "plugins")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_example_has_at_most_fifteen_lines(path: Path) -> None:
    assert len([line for line in path.read_text().splitlines() if line.strip()]) <= MOST_LINES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_example_stands_word_by_word_in_a_how_to_page(path: Path) -> None:
    fence = {".py": "python", ".yaml": "yaml", ".md": "markdown"}[path.suffix]
    assert f"`{path.relative_to(TOP)}`" in PAGES
    assert f"```{fence}\n{path.read_text()}```" in PAGES


def test_every_kind_that_is_a_function_has_an_example(door: Door) -> None:
    known = {each.mark.kind for each in door.own}
    assert {*GIVES, "router", "middleware", "model", "notifier", "action"} <= known


async def test_every_example_keeps_what_its_kind_promises(door: Door) -> None:
    for each in door.own:
        if each.mark.kind in GIVES:
            await conforms(each.mark.kind, door.make(each.mark.kind, each.mark.name, {}))


async def test_the_channel_and_the_message_keep_what_a_notifier_promises(door: Door) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200 if len(sent) % 2 else 503)

    sent: list[httpx2.Request] = []
    for name in ("ntfy", "slack"):
        made = door.make("notifier", name, {"url": "http://push.example/secret"})
        post = made.post if name == "ntfy" else made._post
        post._client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        await conforms("notifier", made)
    assert HttpOptions.model_fields.keys() >= {"url"}
    assert len(sent) == 2 * 3 * len(Occasion)


async def test_the_model_answers_with_what_the_gateway_says(door: Door) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"text": json.loads(request.content)["question"]})

    made = door.make("model", "gateway", {"url": "http://gateway.example/ask"})
    made.client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    assert (await made.ask("system", "why?")).text == "why?"
    await conforms("model", made)


async def test_the_action_tells_the_status_page_once_with_its_key(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200)

    sent: list[httpx2.Request] = []
    made = door.make("action", "status_page", {"url": "https://status.example/notices"})
    made.api._client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    told = message()
    assert made.plan(told) == "tell customers about HighErrorRate on payments"
    assert await made.act(told, "k") == "told customers"
    assert (str(sent[0].url), sent[0].headers["idempotency-key"]) == ("https://status.example/notices", "k")
    assert json.loads(sent[0].content) == {"title": "HighErrorRate on payments"}
    await conforms("action", made)


def test_the_filters_say_why(door: Door) -> None:
    def said(name: str, found: Any, options: dict[str, Any] | None = None, now: datetime = NOW) -> str | None:
        return door.make("filter", name, options or {})(found, now)

    assert said("skip_tests", alert(environment="test")) == "test environment"
    assert said("skip_tests", alert(environment="prod")) is None
    assert said("ignore_list", alert("NodeClockDrift")) == "on our ignore list"
    assert said("ignore_list", alert("DiskFull")) is None
    friday = datetime(2026, 1, 30, 8, 30, tzinfo=UTC)
    assert said("office_hours", alert(severity="info"), now=friday) == "info at Fri 09:30, office hours"
    assert said("office_hours", alert(severity="critical"), now=friday) is None
    assert said("office_hours", alert(severity="info"), now=friday + timedelta(days=1)) is None
    assert said("office_hours", alert(severity="info"), {"zone": "UTC"}, friday) is None


def test_window_order_and_source_do_what_they_say(door: Door) -> None:
    found = door.make("window", "batch_window", {})(alert(component="batch"), NOW)
    assert found.onset - found.start == timedelta(hours=6)
    assert door.make("window", "batch_window", {})(alert(), NOW) is None
    assert door.make("order", "customers_first", {})(case(alert(tier="customer"))) == -10
    flags = Path(door.own[0].file).with_name("flags.csv")
    flags.write_text(f"{(NOW - timedelta(minutes=2)).isoformat()},basket,shop\n2020-01-01T00:00:00Z,old,shop\n")
    (finding,) = door.make("source", "feature_flags", {})((alert(),), window())
    assert (finding.statement, finding.entity) == ("flag basket was switched at 11:58:00 UTC", "shop")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"service": "my-api"}, ["my_api"]),
        ({"alertname": "TransactionsLow"}, ["business"]),
        ({"service": "payment-service"}, ["payments"]),
        ({"component": "auth"}, ["security"]),
        ({"service": "cart"}, []),
    ],
)
def test_the_packs_are_for_the_alerts_that_they_name(door: Door, labels: dict[str, str], expected: list[str]) -> None:
    assert door.folder
    own = packs.of_files(door.folder.packs)
    assert [pack.pack for pack in packs.fitting(own, {"alertname": "A", **labels})] == expected


def test_the_texts_are_found_by_what_the_alert_is_about(door: Door) -> None:
    assert door.folder
    own = Own(door.folder.path / "prompts")
    assert set(own.extra) == {"jira_title", "runbook_url"}
    context = own.context(["HighErrorRate", "auth"], 3000)
    assert ["Example Shop" in context, "rotation of keys" in context, "wiki.example.com" in context] == [True] * 3
