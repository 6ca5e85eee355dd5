"""What hostile text becomes in each chat, and what Discord and Telegram do with a message that is there already."""

import json
from html.parser import HTMLParser
from typing import Any

import httpx2
import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable
from aiops_processor.models.notification import Message, Occasion, Receipt

pytestmark = pytest.mark.anyio

HOSTILE = "@everyone @channel <!channel> [x](http://evil.example) <i>hi</i> https://evil.example *b* `c` ~d~ _e_ ||f||"
URL = "https://service.example/hook"
OPTIONS: dict[str, dict[str, Any]] = {
    "discord": {"url": URL},
    "mattermost": {"url": URL},
    "teams": {"url": URL},
    "telegram": {"token": "1:abc", "chat_id": "-100", "url": "https://service.example"},
}


def channel(name: str, asked: list[httpx2.Request], *answers: httpx2.Response) -> Any:
    plugin, left = plugins.load("notifier", name), list(answers)
    well = {"id": "8", "ok": True, "result": {"message_id": 8}}

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return left.pop(0) if left else httpx2.Response(200, json=well)

    return plugin(plugin.Options(**OPTIONS[name]), httpx2.MockTransport(answer))


def hostile(message: Message) -> Message:
    assert message.analysis
    alert = message.alerts[0].model_copy(update={"annotations": {"summary": HOSTILE}})
    return message.model_copy(
        update={
            "analysis": message.analysis.model_copy(update={"summary": HOSTILE, "root_cause": HOSTILE}),
            "alerts": (alert,),
            "incident": message.incident.model_copy(update={"title": HOSTILE}),
        }
    )


async def body(name: str, message: Message) -> Any:
    asked: list[httpx2.Request] = []
    await channel(name, asked).send(message, "k", None)
    return json.loads(asked[0].content)


@pytest.mark.parametrize("name", ["discord", "mattermost"])
async def test_markdown_of_others_is_no_markdown(name: str, message: Message) -> None:
    sent = await body(name, hostile(message))
    text = sent["embeds"][0]["description"] if name == "discord" else sent["text"]
    assert "@everyone" not in json.dumps(sent, ensure_ascii=False)
    assert "@channel" not in text
    assert "[x](http" not in text
    assert "://evil.example" not in text
    assert r"\[x\]\(http" in text
    assert r"\*b\* \`c\` \~d\~ \_e\_ \|\|f\|\|" in text
    assert "[Open the incident](<https://aiops.example/incidents/3>)" in text, "our own links are links"
    if name == "discord":
        assert sent["allowed_mentions"] == {"parse": []}


class Tags(HTMLParser):
    """The tags of a text, each with its address."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, str(dict(attrs).get("href", ""))))


async def test_telegram_is_told_no_html_but_ours(message: Message) -> None:
    sent = await body("telegram", hostile(message))
    parser = Tags()
    parser.feed(sent["text"])
    assert {tag for tag, _ in parser.found} <= {"b", "code", "a"}
    assert {host.split("/")[2] for _, host in parser.found if host} <= {"aiops.example", "grafana.example"}
    assert "@everyone" not in sent["text"]
    assert "://evil.example" not in sent["text"]
    assert len(sent["text"]) <= 4096


async def test_a_card_of_teams_knows_no_markup(message: Message) -> None:
    sent = await body("teams", hostile(message))
    card = sent["attachments"][0]["content"]
    assert {element["type"] for element in card["body"]} == {"RichTextBlock"}, "a TextBlock would read Markdown"
    assert "://evil.example" not in json.dumps(card["body"])
    assert card["actions"][0]["url"] == "https://aiops.example/incidents/3"


async def test_commands_can_be_copied_as_they_are(message: Message) -> None:
    text = (await body("mattermost", message))["text"]
    assert "`psql -c 'select * from pg_stat_activity'`" in text


async def test_discord_edits_its_message_and_posts_it_anew_where_it_is_gone(message: Message) -> None:
    asked: list[httpx2.Request] = []
    stored = Receipt(data={"id": "77"})
    assert (await channel("discord", asked).send(message, "k", stored)).data == {"id": "77"}
    assert (asked[0].method, asked[0].url.path) == ("PATCH", "/hook/messages/77")
    asked.clear()
    gone = httpx2.Response(404, json={"code": 10008})
    assert (await channel("discord", asked, gone).send(message, "k", stored)).data == {"id": "8"}
    assert (asked[1].method, str(asked[1].url)) == ("POST", f"{URL}?wait=true")


async def test_a_reminder_in_discord_is_a_message_of_its_own(message: Message) -> None:
    asked: list[httpx2.Request] = []
    again = message.model_copy(update={"occasion": Occasion.REMINDED})
    await channel("discord", asked).send(again, "k", Receipt(data={"id": "77"}))
    assert [request.method for request in asked] == ["POST"]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("Bad Request: message is not modified: specified new…", ["editMessageText"]),
        ("Bad Request: message to edit not found", ["editMessageText", "sendMessage"]),
        ("Bad Request: MESSAGE_ID_INVALID", ["editMessageText", "sendMessage"]),
    ],
)
async def test_telegram_goes_on_where_there_is_nothing_to_edit(message: Message, said: str, sent: list[str]) -> None:
    asked: list[httpx2.Request] = []
    refuses = httpx2.Response(400, json={"ok": False, "description": said})
    await channel("telegram", asked, refuses).send(message, "k", Receipt(data={"message_id": 7}))
    assert [request.url.path.rpartition("/")[2] for request in asked] == sent


async def test_the_end_is_a_reply_in_telegram(message: Message) -> None:
    asked: list[httpx2.Request] = []
    over = message.model_copy(update={"occasion": Occasion.RESOLVED})
    await channel("telegram", asked).send(over, "k", Receipt(data={"message_id": 7}))
    assert json.loads(asked[1].content)["reply_parameters"]["message_id"] == 7


async def test_telegram_says_in_the_text_how_long_to_wait(message: Message) -> None:
    busy = httpx2.Response(429, json={"ok": False, "parameters": {"retry_after": 17}})
    with pytest.raises(DeliveryUnavailable) as failure:
        await channel("telegram", [], busy).send(message, "k", None)
    assert failure.value.retry_after == 17


async def test_telegrams_reason_is_told_in_our_words(message: Message) -> None:
    refuses = httpx2.Response(400, json={"ok": False, "description": "Bad Request: chat not found"})
    with pytest.raises(DeliveryRefused, match="look at TELEGRAM_CHAT_ID"):
        await channel("telegram", [], refuses).send(message, "k", None)


async def test_telegram_names_the_new_number_of_a_group_that_became_a_supergroup(message: Message) -> None:
    said = {"ok": False, "description": "Bad Request: group chat was upgraded to a supergroup chat"}
    moved = httpx2.Response(400, json={**said, "parameters": {"migrate_to_chat_id": -1001234}})
    with pytest.raises(DeliveryRefused, match=r"TELEGRAM_CHAT_ID=-1001234"):
        await channel("telegram", [], moved).send(message, "k", None)


@pytest.mark.parametrize("name", sorted(OPTIONS))
async def test_what_turned_out_to_be_another_incident_is_not_said_to_be_over(name: str, message: Message) -> None:
    asked: list[httpx2.Request] = []
    incident = message.incident.model_copy(update={"merged_into": 7, "resolved_at": message.sent_at})
    merged = {"occasion": Occasion.RESOLVED, "incident": incident, "alerts": ()}
    await channel(name, asked).send(message.model_copy(update=merged), "k", None)
    said = asked[0].content.decode()
    assert "Part of incident 7" in said
    assert "goes on there" in said
    assert "Resolved" not in said


@pytest.mark.parametrize("name", sorted(OPTIONS))
async def test_what_joined_is_named_first(name: str, message: Message) -> None:
    asked: list[httpx2.Request] = []
    newest = message.alerts[0].model_copy(update={"labels": {"alertname": "DiskFull", "service": "checkout"}})
    joined = {"occasion": Occasion.JOINED, "alerts": (newest, *message.alerts)}
    await channel(name, asked).send(message.model_copy(update=joined), "k", None)
    said = asked[0].content.decode()
    assert "More" in said
    assert "DiskFull joined" in said


@pytest.mark.parametrize("name", OPTIONS)
async def test_fields_of_the_users_own_are_told(message: Message, name: str) -> None:
    assert message.analysis
    own = message.analysis.model_copy(update={"extra": {"team": "payments"}})
    asked: list[httpx2.Request] = []
    await channel(name, asked).send(message.model_copy(update={"analysis": own}), "key", None)
    assert "team: payments" in asked[0].content.decode().replace("\\", "")
