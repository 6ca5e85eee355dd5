"""Mail over a real SMTP server."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from aiops_processor import plugins
from aiops_processor.errors import DeliveryError, DeliveryRefused, DeliveryUnavailable, PluginError
from aiops_processor.models.notification import Message, Occasion, Receipt

pytestmark = pytest.mark.anyio

Start = Callable[..., Any]


def channel(port: int, **options: Any) -> Any:
    usual = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "AIOps <us@example.com>", "timeout_seconds": 5}
    return plugins.make("notifier", "mail", {**usual, "to": ["a@example.com", "b@example.com"], **options})


async def test_a_mail_has_text_and_html_and_says_that_a_machine_wrote_it(mail_server: Start, message: Message) -> None:
    server = mail_server()
    await channel(server.port).send(message, "incident-3-analysed-1-mail", None)
    (mail,) = server.mails
    assert (mail["From"], mail["To"]) == ("AIOps <us@example.com>", "a@example.com, b@example.com")
    assert mail["Subject"] == "HighErrorRate on checkout [critical]"
    assert mail["Message-ID"] == "<incident-3-analysed-1-mail.1769860865@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for part in (text, html):
        assert "Checkout fails since 12:00:10 UTC" in part
        assert "https://aiops.example/incidents/3" in part


async def test_mails_of_an_incident_are_one_thread_across_a_restart(mail_server: Start, message: Message) -> None:
    server = mail_server()
    receipt: Receipt | None = None
    for number, occasion in enumerate((Occasion.OPENED, Occasion.ANALYSED, Occasion.RESOLVED)):
        told = message.model_copy(update={"occasion": occasion})
        given = await channel(server.port).send(told, f"key-{number}", receipt)  # each by a new instance
        receipt = Receipt.model_validate_json(given.model_dump_json())
    first, second, third = server.mails
    ids = [mail["Message-ID"] for mail in server.mails]
    assert (first["In-Reply-To"], second["In-Reply-To"], third["In-Reply-To"]) == (None, ids[0], ids[1])
    assert third["References"].split() == ids[:2]
    assert third["Subject"] == f"Re: {first['Subject']}"


async def test_a_repeat_is_the_same_mail(mail_server: Start, message: Message) -> None:
    server = mail_server()
    for _ in range(2):
        await channel(server.port).send(message, "key", None)
    assert server.mails[0]["Message-ID"] == server.mails[1]["Message-ID"]


async def test_a_receipt_of_another_kind_of_channel_begins_a_thread(mail_server: Start, message: Message) -> None:
    server = mail_server()
    await channel(server.port).send(message, "key", Receipt(data={"ts": "1.1"}))
    assert server.mails[0]["In-Reply-To"] is None


async def test_no_text_gets_into_the_headers_or_into_the_html(mail_server: Start, message: Message) -> None:
    server = mail_server()
    hostile = "x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script><img src=http://evil.example>"
    incident = message.incident.model_copy(update={"title": hostile, "severity": hostile})
    alert = message.alerts[0].model_copy(update={"annotations": {"summary": hostile}})
    told = message.model_copy(update={"incident": incident, "alerts": (alert,)})
    receipt = await channel(server.port).send(told, "key\r\nBcc: evil@example.com", None)
    await channel(server.port).send(told, "key", receipt)
    for mail in server.mails:
        assert mail["Bcc"] is None
        html = mail.get_body(("html",)).get_content()
        assert "<script" not in html
        assert "<img" not in html
    assert all(recipients == ["a@example.com", "b@example.com"] for _, recipients in server.envelopes)


@pytest.mark.parametrize(
    ("replies", "kind", "said"),
    [
        ({"DATA": "451 try later"}, DeliveryUnavailable, "answered 451"),
        ({"DATA": "554 no"}, DeliveryRefused, "answered 554"),
        ({"RCPT": "450 busy"}, DeliveryUnavailable, "answered 450: it takes none of the recipients"),
        ({"RCPT": "550 unknown"}, DeliveryRefused, "answered 550: it takes none of the recipients"),
        ({"RCPT a@example.com": "550 no", "RCPT b@example.com": "451 busy"}, DeliveryUnavailable, "answered 451"),
    ],
)
async def test_a_reply_code_says_whether_it_may_pass(
    mail_server: Start, message: Message, replies: dict[str, str], kind: type[DeliveryError], said: str
) -> None:
    server = mail_server()
    server.replies.update(replies)
    with pytest.raises(kind, match=said):
        await channel(server.port).send(message, "key", None)


async def test_one_recipient_that_is_refused_does_not_keep_it_from_the_others(
    mail_server: Start, message: Message
) -> None:
    server = mail_server()
    server.replies["RCPT a@example.com"] = "550 unknown"
    await channel(server.port).send(message, "key", None)
    assert [recipients for _, recipients in server.envelopes] == [["b@example.com"]]


async def test_a_wrong_password_is_final_and_is_not_shown(mail_server: Start, message: Message) -> None:
    server = mail_server()
    given = channel(server.port, username="us", password="wr0ng-s3cret")
    with pytest.raises(DeliveryRefused, match="answered 535: it wants other credentials") as failure:
        await given.send(message, "key", None)
    assert "wr0ng-s3cret" not in str(failure.value)
    assert failure.value.__cause__ is None


async def test_without_starttls_nothing_is_sent(mail_server: Start, message: Message) -> None:
    server = mail_server()
    with pytest.raises(DeliveryRefused, match="offers no STARTTLS"):
        await channel(server.port, tls="starttls").send(message, "key", None)
    assert server.mails == []


async def test_a_server_that_is_away_or_silent_is_worth_a_retry(message: Message) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DeliveryUnavailable, match="cannot be reached or broke off"):
            await channel(port, timeout_seconds=0.2).send(message, "key", None)
    with pytest.raises(DeliveryUnavailable, match="cannot be reached or broke off"):
        await channel(port).send(message, "key", None)


@pytest.mark.parametrize(
    "options",
    [
        {"sender": "nobody"},
        {"sender": "us@example.com\r\nBcc: evil@example.com"},
        {"to": []},
        {"to": ["a@example.com, b@example.com"]},
        {"to": ["<script>@example.com"]},
        {"host": "mail.example.com", "password": "s3cret"},
    ],
)
def test_wrong_options_are_errors(options: dict[str, Any]) -> None:
    with pytest.raises(PluginError) as failure:
        channel(25, **options)
    assert "s3cret" not in str(failure.value)
