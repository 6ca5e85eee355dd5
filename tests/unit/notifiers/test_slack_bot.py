import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from aiops_processor.errors import DeliveryRefused, DeliveryUnavailable
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers.slack_bot import SlackBotNotifier, SlackBotOptions

pytestmark = pytest.mark.anyio

STORED = Receipt(data={"channel": "C1", "ts": "1.1"})
Said = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def slack(said: Said) -> Callable[..., SlackBotNotifier]:
    """The bot on a Slack that answers its methods with these errors."""

    def make(**errors: str) -> SlackBotNotifier:
        def answer(request: httpx2.Request) -> httpx2.Response:
            method = request.url.path.rpartition("/")[2]
            said.append((method, json.loads(request.content or b"{}")))
            if error := errors.get(method.rpartition(".")[2]):
                return httpx2.Response(200, json={"ok": False, "error": error})
            return httpx2.Response(200, json={"ok": True, "channel": "C1", "ts": "2.2"})

        options = SlackBotOptions.model_validate({"token": "xoxb-1", "channel": "C1"})
        return SlackBotNotifier(options, httpx2.MockTransport(answer))

    return make


async def test_the_first_message_is_posted_and_the_receipt_says_where_it_stands(
    slack: Any, said: Said, message: Message
) -> None:
    receipt = await slack().send(message, "k", None)
    assert receipt.data == {"channel": "C1", "ts": "2.2"}
    assert [method for method, _ in said] == ["chat.postMessage"]


async def test_the_analysis_becomes_the_message(slack: Any, said: Said, message: Message) -> None:
    assert (await slack().send(message, "k", STORED)).data == STORED.data
    ((method, body),) = said
    assert (method, body["channel"], body["ts"]) == ("chat.update", "C1", "1.1")
    assert body["blocks"][0]["text"]["text"].startswith("🔎")


@pytest.mark.parametrize(
    ("occasion", "update", "broadcast"),
    [(Occasion.ANALYSED, True, False), (Occasion.RESOLVED, False, False), (Occasion.REMINDED, False, True)],
)
async def test_news_stand_in_the_message_and_in_its_thread(
    slack: Any, said: Said, message: Message, occasion: Occasion, update: bool, broadcast: bool
) -> None:
    await slack().send(message.model_copy(update={"occasion": occasion, "update": update}), "k", STORED)
    (edit, _), (reply, body) = said
    assert (edit, reply) == ("chat.update", "chat.postMessage")
    assert (body["thread_ts"], body["reply_broadcast"]) == ("1.1", broadcast)


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed"])
async def test_a_message_that_is_gone_is_posted_anew(slack: Any, said: Said, message: Message, error: str) -> None:
    receipt = await slack(update=error).send(message, "k", STORED)
    assert [method for method, _ in said] == ["chat.update", "chat.postMessage"]
    assert receipt.data["ts"] == "2.2"


@pytest.mark.parametrize("error", ["ratelimited", "service_unavailable", "internal_error", "fatal_error"])
async def test_what_may_pass_is_worth_a_retry(slack: Any, message: Message, error: str) -> None:
    with pytest.raises(DeliveryUnavailable, match=error):
        await slack(postMessage=error).send(message, "k", None)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("invalid_auth", "set SLACK_BOT_TOKEN"),
        ("channel_not_found", "set SLACK_CHANNEL"),
        ("not_in_channel", "invite the bot"),
        ("missing_scope", "chat:write"),
        ("some_new_error", "some_new_error"),
    ],
)
async def test_what_a_person_has_to_mend_is_final_and_says_how(
    slack: Any, message: Message, error: str, remedy: str
) -> None:
    with pytest.raises(DeliveryRefused, match=remedy):
        await slack(postMessage=error).send(message, "k", None)
    with pytest.raises(DeliveryRefused, match=remedy):
        await slack(update=error).send(message, "k", STORED)


async def test_a_text_that_would_call_people_is_shown_as_it_is(slack: Any, said: Said, message: Message) -> None:
    hostile = message.model_copy(
        update={"incident": message.incident.model_copy(update={"title": "<!channel> <@U1> http://evil.example"})}
    )
    await slack().send(hostile.model_copy(update={"occasion": Occasion.RESOLVED}), "k", STORED)
    for _, body in said:
        assert "<!channel>" not in body["text"]
        assert "http://evil" not in json.dumps(body["text"])
        assert "&lt;!channel&gt;" in body["text"]


async def test_where_presses_reach_us_every_message_ends_with_buttons(said: Said, message: Message) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        said.append((request.url.path.rpartition("/")[2], json.loads(request.content)))
        return httpx2.Response(200, json={"ok": True, "channel": "C1", "ts": "2.2"})

    for buttons in (False, True):
        options = SlackBotOptions.model_validate({"token": "xoxb-1", "channel": "C1", "buttons": buttons})
        bot = SlackBotNotifier(options, httpx2.MockTransport(answer))
        assert bot.approves is buttons
        await bot.send(message, "k", None)
        await bot.send(message, "k", STORED)
    last = [body["blocks"][-1]["type"] for _, body in said]
    assert last == ["section", "section", "actions", "actions"]


def files(said: Said, **answers: Any) -> SlackBotNotifier:
    """The bot with charts, on a Slack that answers the methods for files as told."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        said.append((str(request.url.copy_with(query=None)), {}))
        method = request.url.path.rpartition("/")[2]
        given = {
            "ok": True,
            "channel": "C1",
            "ts": "2.2",
            "file_id": "F1",
            **answers.get(method.rpartition(".")[2], {}),
        }
        return httpx2.Response(200, json=given)

    options = SlackBotOptions.model_validate({"token": "xoxb-1", "channel": "C1", "charts": True})
    return SlackBotNotifier(options, httpx2.MockTransport(answer))


@pytest.mark.parametrize(
    "answers",
    [
        {"getUploadURLExternal": {"ok": False, "error": "missing_scope"}},
        {"getUploadURLExternal": {"upload_url": "https://evil.example/upload"}},
        {"getUploadURLExternal": {"upload_url": "http://["}},
        {"completeUploadExternal": {"ok": False, "error": "channel_not_found"}},
    ],
)
async def test_a_chart_that_cannot_be_shown_does_not_keep_back_the_message(
    said: Said, message: Message, answers: dict[str, Any]
) -> None:
    pytest.importorskip("PIL", reason="needs the extra [charts]")
    usual = {"getUploadURLExternal": {"upload_url": "https://files.slack.com/upload/v1/abc"}}
    receipt = await files(said, **{**usual, **answers}).send(message, "k", None)
    assert receipt.data == {"channel": "C1", "ts": "2.2"}
    assert not any("evil" in url for url, _ in said), "a picture goes to Slack alone"
