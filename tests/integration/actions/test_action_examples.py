"""The shipped examples of actions do what their page says, each from its own file, against a server."""

import re
from pathlib import Path
from typing import Any

import pytest

from aiops_processor import config
from aiops_processor.clients.outbound import Outbound
from aiops_processor.models.action import mark
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.notification import Message
from aiops_processor.parts.acting import acts
from aiops_processor.plugins import Door
from aiops_processor.services.acting.actions import Configured
from aiops_processor.settings import AlertmanagerSettings

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "actions"


def configured(name: str, folder: Path, url: str) -> Configured:
    """The one action of the example, its service at this address."""
    (folder / "secret").write_text(url)
    text = re.sub(r"/run/secrets/\w+", str(folder / "secret"), (EXAMPLES / name).read_text("utf-8"))
    (folder / "aiops.yaml").write_text(re.sub(r"https://example\.\S+", url, text))
    settings = config.load(str(folder / "aiops.yaml"))
    settings = settings.model_copy(update={"alertmanager": AlertmanagerSettings(url=url)})
    (made,) = acts(settings, Outbound(), None, Door()).configured.values()
    return made


def caused(message: Message, cause: str) -> Message:
    assert message.analysis is not None
    update = {"outcome": Verdict.FOUND, "confidence": 0.8, "root_cause": cause}
    alerts = tuple(
        each.model_copy(update={"labels": {**each.labels, "namespace": "shop", "severity": "critical"}})
        for each in message.alerts
    )
    return message.model_copy(update={"analysis": message.analysis.model_copy(update=update), "alerts": alerts})


async def test_a_critical_incident_gets_its_ticket(recorder: Any, tmp_path: Path, message: Message) -> None:
    recorder.answers |= {"/search": {"issues": []}, "/rest/api/2/issue": {"key": "OPS-1"}}
    ticket = configured("jira.yaml", tmp_path, recorder.url)
    told = caused(message, "The disk is broken.")
    assert (await ticket.plan(told) or "").endswith("in Jira project OPS")
    assert await ticket.action.act(told, "k") == "created OPS-1"
    fields = recorder.of("/rest/api/2/issue")[-1].json()["fields"]
    assert (fields["issuetype"], fields["labels"]) == ({"name": "Incident"}, [f"aiops-{mark(told.incident)}"])
    mild = told.model_copy(update={"alerts": tuple(_of(each, severity="warning") for each in told.alerts)})
    assert await ticket.plan(mild) is None, "only critical ones"
    await ticket.action.aclose()


async def test_a_lack_of_capacity_asks_to_scale_and_nothing_else_does(
    recorder: Any, tmp_path: Path, message: Message
) -> None:
    scale = configured("scale.yaml", tmp_path, f"{recorder.url}/scale")
    assert scale.approval, "it changes a system"
    assert await scale.plan(caused(message, "The disk is broken.")) is None
    told = caused(message, "The workers of checkout are at the limit of their capacity.")
    assert "to scale, because of “The workers of checkout are at the limit of their capacity.”" in (
        await scale.plan(told) or ""
    )
    assert await scale.action.act(told, "k") == f"asked {recorder.url.removeprefix('http://')} to scale"
    (post,) = recorder.of("/scale")
    assert post.json()["cause"] == "The workers of checkout are at the limit of their capacity."
    assert post.headers["idempotency-key"] == "k"
    await scale.action.aclose()


async def test_a_silence_is_at_hand_and_made_by_nobody_but_who_asks(tmp_path: Path, message: Message) -> None:
    silence = configured("silence.yaml", tmp_path, "http://127.0.0.1:9093")
    assert (silence.on, silence.approvers) == (frozenset(), ("ada", "slack:U012AB3CD"))
    assert (await silence.plan(message) or "").endswith("for 60 min")
    await silence.action.aclose()


def _of(alert: Any, **labels: str) -> Any:
    return alert.model_copy(update={"labels": {**alert.labels, **labels}})
