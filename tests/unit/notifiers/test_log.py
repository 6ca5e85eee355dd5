import pytest
from structlog.testing import capture_logs

from aiops_processor import plugins
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.notifiers.log import LogNotifier

pytestmark = pytest.mark.anyio


async def test_a_message_is_one_line_with_what_matters_as_fields(message: Message) -> None:
    with capture_logs() as lines:
        await LogNotifier().send(message, "key-1", None)
    assert len(lines) == 1
    line = lines[0]
    assert (line["event"], line["log_level"], line["key"]) == ("incident", "info", "key-1")
    assert (line["occasion"], line["incident"], line["alerts"]) == ("analysed", 3, 1)
    assert line["verdict"] == "Cause found, confidence 82 % (explained by deepseek-v4-pro)"
    assert line["gaps"] == ["Loki: timed out after 10 s"]


async def test_a_first_message_has_no_verdict(message: Message) -> None:
    with capture_logs() as lines:
        await LogNotifier().send(
            message.model_copy(update={"occasion": Occasion.OPENED, "analysis": None}), "key-1", None
        )
    assert "verdict" not in lines[0]


async def test_the_log_comes_through_the_plugin_door() -> None:
    notifier: plugins.Notifier = plugins.make("notifier", "log", {})
    assert notifier.name == "log"
    await notifier.aclose()
