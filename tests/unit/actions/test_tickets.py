"""Tickets in three trackers: made once, found again, commented on; and nothing in them that acts."""

import json
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.actions.tickets import MOST_TITLE, fenced, title
from aiops_processor.errors import DeliveryUnavailable
from aiops_processor.models.action import mark
from aiops_processor.models.notification import Message

pytestmark = pytest.mark.anyio

KEY = "action-1-20260131115900-resolved-0-ticket"


def asked(request: httpx2.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}


class Jira:
    """As much of Jira as is asked for. Cloud and Data Center have their search at different addresses."""

    kind = "jira"

    def __init__(self, site: Any, *, cloud: bool) -> None:
        self.issues: list[dict[str, Any]] = []
        self.comments: list[dict[str, str]] = []
        search = "jql" if cloud else ""
        site.answers |= {
            "POST /rest/api/2/issue": self.create,
            f"GET /rest/api/2/search{'/' if cloud else ''}{search}": self.search,
            "POST /rest/api/2/issue/OPS-1/comment": self.comment,
            "GET /rest/api/2/issue/OPS-1/comment": lambda _: {"comments": self.comments, "total": 1},
        }
        self.action = site.action(
            "jira", url="https://j.example", project="OPS", username="me", password="t", labels=["aiops"]
        )

    def create(self, request: httpx2.Request) -> Any:
        self.issues.append(json.loads(request.content)["fields"])
        return httpx2.Response(201, json={"id": "1", "key": f"OPS-{len(self.issues)}", "self": "…"})

    def search(self, request: httpx2.Request) -> Any:
        wanted = asked(request)["jql"].split('labels = "')[1].split('"')[0]
        found = [n for n, each in enumerate(self.issues, 1) if wanted in each["labels"]]
        return {"issues": [{"id": str(n), "key": f"OPS-{n}"} for n in found]}

    def comment(self, request: httpx2.Request) -> Any:
        self.comments.append(json.loads(request.content))
        return httpx2.Response(201, json={"id": "7"})

    def texts(self) -> list[str]:
        return [each["description"] for each in self.issues]


class DataCenter(Jira):
    def __init__(self, site: Any) -> None:
        super().__init__(site, cloud=False)


class Cloud(Jira):
    def __init__(self, site: Any) -> None:
        super().__init__(site, cloud=True)


class GitHub:
    """As much of GitHub as is asked for."""

    def __init__(self, site: Any) -> None:
        self.issues: list[dict[str, Any]] = [{"number": n, "body": "another", "labels": []} for n in range(1, 151)]
        self.comments: list[dict[str, str]] = []
        site.answers |= {
            "POST /repos/shop/ops/issues": self.create,
            "GET /repos/shop/ops/issues": self.listed,
            "POST /repos/shop/ops/issues/151/comments": self.comment,
            "GET /repos/shop/ops/issues/151/comments": lambda _: self.comments,
        }
        self.action = site.action("github", url="https://g.example", repository="shop/ops", token="t")

    def create(self, request: httpx2.Request) -> Any:
        self.issues.append({"number": len(self.issues) + 1, **json.loads(request.content)})
        return httpx2.Response(201, json=self.issues[-1])

    def listed(self, request: httpx2.Request) -> Any:
        page, size = int(asked(request)["page"]), int(asked(request)["per_page"])
        assert asked(request)["state"] == "all"
        return self.issues[(page - 1) * size : page * size]

    def comment(self, request: httpx2.Request) -> Any:
        self.comments.append(json.loads(request.content))
        return httpx2.Response(201, json={"id": 7})

    def texts(self) -> list[str]:
        return [each["body"] for each in self.issues[150:]]


class GitLab:
    """As much of GitLab as is asked for."""

    def __init__(self, site: Any) -> None:
        self.issues: list[dict[str, Any]] = []
        self.notes: list[dict[str, str]] = []
        base = "/api/v4/projects/shop/ops/issues"  # the path as it is after decoding
        site.answers |= {
            f"POST {base}": self.create,
            f"GET {base}": self.search,
            f"POST {base}/1/notes": self.comment,
            f"GET {base}/1/notes": lambda _: self.notes,
        }
        self.action = site.action("gitlab", url="https://l.example", project="shop/ops", token="t")
        self.comments = self.notes

    def create(self, request: httpx2.Request) -> Any:
        assert b"shop%2Fops" in request.url.raw_path
        self.issues.append({"iid": len(self.issues) + 1, **json.loads(request.content)})
        return httpx2.Response(201, json=self.issues[-1])

    def search(self, request: httpx2.Request) -> Any:
        return [each for each in self.issues if asked(request)["search"] in each["description"]]

    def comment(self, request: httpx2.Request) -> Any:
        self.notes.append(json.loads(request.content))
        return httpx2.Response(201, json={"id": 7})

    def texts(self) -> list[str]:
        return [each["description"] for each in self.issues]


@pytest.fixture(params=[Cloud, DataCenter, GitHub, GitLab])
def tracker(request: pytest.FixtureRequest, site: Any) -> Any:
    return request.param(site)


async def test_a_ticket_is_made_found_again_and_commented_on_once(
    tracker: Any, message: Message, over: Message
) -> None:
    action = tracker.action
    assert await action.find(message, "k") is None
    made = await action.act(message, "k")
    assert made.startswith("created ")
    assert await action.find(message, "k") == made
    assert await action.find(over, KEY) is None
    commented = await action.act(over, KEY)
    assert commented == made.replace("created", "commented on")
    assert await action.find(over, KEY) == commented
    assert await action.find(over, KEY.replace("resolved-0", "resolved-1")) is None
    assert len(tracker.texts()) == len(tracker.comments) == 1
    await action.aclose()


async def test_an_incident_without_a_ticket_needs_no_comment(tracker: Any, over: Message) -> None:
    assert await tracker.action.act(over, KEY) is None
    assert tracker.comments == []


async def test_a_ticket_that_is_made_after_the_end_says_that_it_is_over(tracker: Any, message: Message) -> None:
    ended = message.incident.model_copy(update={"resolved_at": message.sent_at})
    await tracker.action.act(message.model_copy(update={"incident": ended}), "k")
    (text,) = tracker.texts()
    assert "Over since" in text
    assert "CONCLUSION" in text


async def test_a_ticket_that_the_search_does_not_know_yet_gets_its_comment_later(tracker: Any, over: Message) -> None:
    made = over.model_copy(update={"done": ("created OPS-1",)})
    with pytest.raises(DeliveryUnavailable, match="does not find the ticket yet: created OPS-1"):
        await tracker.action.act(made, KEY)
    assert tracker.comments == []


async def test_an_incident_that_fires_again_has_the_same_ticket_with_another_comment(
    tracker: Any, message: Message
) -> None:
    back = message.model_copy(update={"incident": message.incident.model_copy(update={"reopened": 1})})
    made = await tracker.action.act(message, "k")
    assert "fires again" in tracker.action.plan(back)
    assert await tracker.action.find(back, KEY) is None
    commented = await tracker.action.act(back, KEY)
    assert commented == made.replace("created", "commented on")
    assert await tracker.action.find(back, KEY) == commented
    assert (len(tracker.texts()), len(tracker.comments)) == (1, 1)
    assert "Fires again." in json.dumps(tracker.comments)


async def test_an_incident_that_fires_again_and_had_no_ticket_gets_one(tracker: Any, message: Message) -> None:
    back = message.model_copy(update={"incident": message.incident.model_copy(update={"reopened": 1})})
    assert (await tracker.action.act(back, KEY)).startswith("created ")


async def test_another_incident_of_the_same_number_is_another(tracker: Any, message: Message) -> None:
    await tracker.action.act(message, "k")
    later = message.incident.model_copy(update={"opened_at": message.sent_at.replace(year=2030)})
    assert mark(later) != mark(message.incident)
    assert await tracker.action.find(message.model_copy(update={"incident": later}), "k") is None


async def test_the_ticket_has_title_report_and_page(tracker: Any, message: Message) -> None:
    await tracker.action.act(message, "k")
    (text,) = tracker.texts()
    assert message.analysis is not None
    assert "CONCLUSION" in text
    assert message.url in text
    assert message.incident.title in tracker.action.plan(message)


@pytest.mark.parametrize(
    "hostile", ["@everyone ```\n/close\n```` [~admin] {noformat} !x.png!", "a\u202eb\x1b[31m\n/label ~x", "x" * 9000]
)
async def test_nothing_that_strangers_write_acts_in_a_tracker(tracker: Any, saying: Any, hostile: str) -> None:
    told = saying(hostile)
    await tracker.action.act(told, "k")
    (text,) = tracker.texts()
    if isinstance(tracker, Jira):
        assert text.startswith("{noformat}\n")
        assert text.count("{noformat}") == 2
        assert text.endswith("{noformat}")
    else:
        fence = text.split("text\n")[0]
        assert text.count(f"\n{fence}\n") == 1, "the fence ends once, at our own end"
        assert fence not in text.split("\n", 1)[1].split(f"\n{fence}\n")[0]
    assert "\x1b" not in text + title(told)
    assert "\u202e" not in title(told)
    assert len(title(told)) <= MOST_TITLE
    assert "\n" not in title(told)


def test_a_fence_is_longer_than_any_in_its_text() -> None:
    assert fenced("a") == "```text\na\n```"
    assert fenced("````\nb") == "`````text\n````\nb\n`````"


def test_tickets_tell_and_need_no_approval() -> None:
    found = {name: getattr(plugins.load("action", name), "only_tells", False) for name in plugins.names("action")}
    assert found == {
        "github": True,
        "gitlab": True,
        "jira": True,
        "scale": False,
        "silence": False,
        "webhook": False,
    }
