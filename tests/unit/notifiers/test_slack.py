import httpx2
import pytest

from aiops_processor.errors import DeliveryRefused
from aiops_processor.models.notification import Message
from aiops_processor.notifiers.http import HttpOptions
from aiops_processor.notifiers.slack import SlackNotifier

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (404, "no_service", r"answered 404: no_service \(the webhook was removed; make a new one\)"),
        (410, "channel_is_archived", "channel_is_archived"),
        (403, "invalid_token", "revoked"),
        (400, "invalid_payload", "answered 400: invalid_payload$"),
        (400, "invalid_blocks: more than 50 blocks", "answered 400: invalid_blocks$"),
    ],
)
async def test_slacks_own_word_is_in_the_error(message: Message, status: int, text: str, said: str) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, text=text))
    notifier = SlackNotifier(HttpOptions(url="https://hooks.slack.com/services/T/B/X"), transport)
    with pytest.raises(DeliveryRefused, match=said):
        await notifier.send(message, "key-1", None)


async def test_any_other_text_is_not(message: Message) -> None:
    page = httpx2.Response(404, text="<html>T/B/X not found</html>")
    transport = httpx2.MockTransport(lambda _: page)
    notifier = SlackNotifier(HttpOptions(url="https://hooks.slack.com/services/T/B/X"), transport)
    with pytest.raises(DeliveryRefused) as failure:
        await notifier.send(message, "key-1", None)
    assert str(failure.value) == "slack (hooks.slack.com) answered 404: no such address; was the webhook removed?"
