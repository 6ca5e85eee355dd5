"""The settings of channels and of the heartbeat do what they say; a name without a proof fails."""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from typing import Any

import pytest

from aiops_processor import config, parts
from aiops_processor.clock import SystemClock
from aiops_processor.errors import ConfigError, DeliveryError, PluginError
from aiops_processor.services.upkeep.pulse import Pulse
from aiops_processor.telemetry import Metrics

pytestmark = pytest.mark.anyio

Lab = Any
"""What a proof may use: the class of that name in conftest.py, which no test module can import."""
OURS = re.compile(r"SLACK|PAGERDUTY|SMTP|GENERIC|TEAMS|DISCORD|TELEGRAM|MATTERMOST|APPRISE|HEARTBEAT")


async def told(lab: Lab, **variables: str) -> None:
    """One message, to every channel of these settings."""
    made = parts.channels(lab.settings(**variables))
    for channel in made.values():
        try:
            await channel.send(lab.fixture("message"), "key", None)
        finally:
            await channel.aclose()


async def proves_hook(name: str, lab: Lab) -> None:
    await told(lab, **{name: f"{lab.recorder.url}/channel/secret"})
    assert [asked.path for asked in lab.recorder.asked] == ["/channel/secret"]


async def proves_slack_bot(name: str, lab: Lab) -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_API_URL": f"{lab.recorder.url}/slack"}
    with pytest.raises(ConfigError, match="SLACK_CHANNEL is not: set it"):
        parts.channels(lab.settings(**given))
    lab.recorder.answers["/slack"] = {"ok": True, "channel": "C1", "ts": "1.2"}
    await told(lab, **given, SLACK_CHANNEL="C1")
    (asked,) = lab.recorder.of("/slack/chat.postMessage")
    assert not lab.recorder.of("/slack/files.")
    assert asked.headers["Authorization"] == "Bearer xoxb-1"
    assert asked.json()["channel"] == "C1"


async def proves_slack_buttons(name: str, lab: Lab) -> None:
    """Only where what is pressed can reach us there is something to press."""
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_API_URL": f"{lab.recorder.url}/slack", "SLACK_CHANNEL": "C1"}
    lab.recorder.answers["/slack"] = {"ok": True, "channel": "C1", "ts": "1.2"}
    for more in ({}, {"SLACK_SIGNING_SECRET": "s"}, {"SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": "x"}):
        await told(lab, **given, **more)
    last = [asked.json()["blocks"][-1]["type"] for asked in lab.recorder.of("/slack/chat.postMessage")]
    assert last == ["section", "actions", "actions"]


async def proves_slack_charts(name: str, lab: Lab) -> None:
    where = f"{lab.recorder.url}/slack"
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_API_URL": where, "SLACK_CHANNEL": "C1"}
    lab.recorder.answers["/slack/chat"] = {"ok": True, "channel": "C1", "ts": "1.2"}
    lab.recorder.answers["/slack/files"] = {"ok": True, "upload_url": f"{where}/upload", "file_id": "F1"}
    await told(lab, **given, **{name: "true"})
    (wanted,), (upload,) = lab.recorder.of("files.getUploadURLExternal"), lab.recorder.of("/slack/upload")
    assert upload.body.startswith(b"\x89PNG")
    assert wanted.fields["length"] == [str(len(upload.body))]
    shown = lab.recorder.of("files.completeUploadExternal")[0].json()
    assert (shown["channel_id"], shown["thread_ts"], shown["files"][0]["id"]) == ("C1", "1.2", "F1")


async def proves_pagerduty(name: str, lab: Lab) -> None:
    await told(lab, PAGERDUTY_ROUTING_KEY="k" * 32, PAGERDUTY_URL=lab.recorder.url)
    (asked,) = lab.recorder.of("/v2/enqueue")
    assert asked.json()["routing_key"] == "k" * 32


async def proves_generic(name: str, lab: Lab) -> None:
    headers = json.dumps({"X-Team": "shop"})
    url = f"{lab.recorder.url}/hook"
    await told(lab, GENERIC_WEBHOOK_URL=url, GENERIC_WEBHOOK_SECRET="s3cret", GENERIC_WEBHOOK_HEADERS=headers)
    (asked,) = lab.recorder.of("/hook")
    assert asked.headers["X-Team"] == "shop"
    expected = hmac.new(b"s3cret", asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["X-Signature-256"] == f"sha256={expected}"


async def proves_telegram(name: str, lab: Lab) -> None:
    lab.recorder.answers["/tg"] = {"ok": True, "result": {"message_id": 7}}
    url = f"{lab.recorder.url}/tg"
    await told(lab, TELEGRAM_BOT_TOKEN="1:abc", TELEGRAM_CHAT_ID="-100", TELEGRAM_API_URL=url)
    (asked,) = lab.recorder.of("/tg/bot1:abc/sendMessage")
    assert asked.json()["chat_id"] == "-100"


async def proves_apprise(name: str, lab: Lab) -> None:
    await told(lab, **{name: lab.recorder.url.replace("http", "json") + "/apprise"})
    assert lab.recorder.of("/apprise")
    with pytest.raises(PluginError, match=r"the 2\. of its addresses is none that Apprise knows"):
        parts.channels(lab.settings(**{name: "json://127.0.0.1 nothing-known"}))


async def proves_mail(name: str, lab: Lab) -> None:
    certificates = lab.fixture("certificates")
    server = lab.fixture("mail_server")(certificates.server_context())
    given = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(server.port),
        "SMTP_USERNAME": "us",
        "SMTP_PASSWORD": "p4ss",
        "SMTP_SENDER": "AIOps <us@example.com>",
        "SMTP_TO": "a@example.com, b@example.com",
    }
    with pytest.raises(DeliveryError, match="SMTP_CA_FILE"):
        await told(lab, **given)
    await told(lab, **given, SMTP_CA_FILE=str(certificates.authority))
    assert server.logins == [(b"us", b"p4ss")]
    assert server.envelopes == [("us@example.com", ["a@example.com", "b@example.com"])]
    within = lab.fixture("mail_server")(certificates.server_context(), implicit=True)
    await told(lab, SMTP_TLS="tls", SMTP_PORT=str(within.port), SMTP_CHARTS="true")
    pictures = [
        part
        for mail in (server.mails[0], within.mails[0])
        for part in mail.walk()
        if "image" in str(part.get_content_type())
    ]
    assert [part["Content-ID"] for part in pictures] == ["<chart@aiops-processor>"]


async def proves_heartbeat(name: str, lab: Lab) -> None:
    settings = lab.settings(HEARTBEAT_URL=f"{lab.recorder.url}/ping", HEARTBEAT_SECONDS="7")
    made = parts.Parts.of(settings, SystemClock(), Metrics())
    assert made.heartbeat.seconds == 7

    async def well() -> bool:
        return True

    async def ill() -> bool:
        return False

    await Pulse(ill, SystemClock(), made.heartbeat).beat()
    assert not lab.recorder.asked
    await Pulse(well, SystemClock(), made.heartbeat).beat()
    assert [asked.path for asked in lab.recorder.asked] == ["/ping"]
    await made.aclose()


Proof = Callable[[str, Lab], Awaitable[None]]
PROOFS: dict[str, Proof] = {
    "SLACK_WEBHOOK_URL": proves_hook,
    **dict.fromkeys(("SLACK_BOT_TOKEN", "SLACK_CHANNEL", "SLACK_API_URL"), proves_slack_bot),
    **dict.fromkeys(("SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"), proves_slack_buttons),
    "SLACK_CHARTS": proves_slack_charts,
    **dict.fromkeys(("PAGERDUTY_ROUTING_KEY", "PAGERDUTY_URL"), proves_pagerduty),
    **{
        f"SMTP_{of}": proves_mail
        for of in ["HOST", "PORT", "TLS", "USERNAME", "PASSWORD", "SENDER", "TO", "CA_FILE", "CHARTS"]
    },
    **{f"GENERIC_WEBHOOK_{of}": proves_generic for of in ("URL", "SECRET", "HEADERS")},
    **{f"{of}_WEBHOOK_URL": proves_hook for of in ("TEAMS", "DISCORD", "MATTERMOST")},
    **dict.fromkeys(("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID", "TELEGRAM_API_URL"), proves_telegram),
    "APPRISE_URLS": proves_apprise,
    **dict.fromkeys(("HEARTBEAT_URL", "HEARTBEAT_SECONDS"), proves_heartbeat),
}
# One run proves what stands together; a hook is proved for each.
ONCE = {proof: name for name, proof in reversed(PROOFS.items())}
PROVED = [name for name, proof in PROOFS.items() if proof is proves_hook or ONCE[proof] == name]


def test_every_setting_has_a_proof_and_every_proof_a_setting() -> None:
    assert set(PROOFS) == {name for name, _ in config.variables() if OURS.match(name)}


@pytest.mark.parametrize("name", PROVED)
async def test_a_setting_does_what_it_says(name: str, lab: Lab) -> None:
    await PROOFS[name](name, lab)


FILE = """
channels:
  - {name: db-team, kind: slack_bot, options: {token_file: TOKEN, channel: C2, url: URL}}
  - {name: shop-team, kind: slack_bot, options: {token: xoxb-2, channel: C3, url: URL}}
"""


async def test_several_channels_of_one_kind_stand_in_the_file(lab: Lab) -> None:
    lab.recorder.answers["/slack"] = {"ok": True, "channel": "C", "ts": "1.2"}
    (lab.folder / "token").write_text("xoxb-1\n")
    text = FILE.replace("URL", f"{lab.recorder.url}/slack").replace("TOKEN", str(lab.folder / "token"))
    (lab.folder / "aiops.yaml").write_text(text)
    await told(lab, AIOPS_CONFIG=str(lab.folder / "aiops.yaml"))
    sent = [(asked.headers["Authorization"], asked.json()["channel"]) for asked in lab.recorder.asked]
    assert sent == [("Bearer xoxb-1", "C2"), ("Bearer xoxb-2", "C3")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channels: [{name: slack_bot2, kind: slack_bott}]", "no notifier is called 'slack_bott'; known: apprise, "),
        ("channels: [{name: a, kind: slack, options: {uri: x}}]", "known options: timeout_seconds, url"),
        ("channels: [{name: log, kind: log}]", "there are two that are called log"),
        ("channels: [{name: A b, kind: log}]", "channels.0.name"),
        ("channels: [{name: a, kind: log, of: x}]", "channels.0.of is no setting; known here: kind, name, options"),
    ],
)
def test_a_wrong_channel_is_an_error_that_names_the_known(lab: Lab, text: str, said: str) -> None:
    (lab.folder / "aiops.yaml").write_text(text)
    with pytest.raises((ConfigError, PluginError), match=re.escape(said)):
        parts.channels(lab.settings(AIOPS_CONFIG=str(lab.folder / "aiops.yaml")))


ROUTES = """
routes:
  - channels: [log]
    match: ['service="db"']
    on: [opened, resolved]
    min_severity: error
    min_confidence: 0.5
    remind_minutes: 30
    quiet: [{start: 22:00, end: 07:00, days: [fri, sat], zone: Europe/Berlin, unless: ['severity="critical"']}]
"""


def test_a_route_says_what_the_file_says(lab: Lab) -> None:
    """YAML reads the key `on` as true and 22:00 as a number: nobody who writes it has to know that."""
    (lab.folder / "aiops.yaml").write_text(ROUTES)
    made = parts.Parts.of(lab.settings(AIOPS_CONFIG=str(lab.folder / "aiops.yaml")), SystemClock(), Metrics())
    (route,) = made.routing.routes
    (quiet,) = route.quiet
    assert (route.channels, route.on, route.min_severity) == ({"log"}, {"opened", "resolved"}, "error")
    assert (route.min_confidence, route.remind_after) == (0.5, timedelta(minutes=30))
    assert (quiet.start, quiet.end, quiet.days) == (time(22), time(7), {"fri", "sat"})
    assert (str(quiet.zone), str(quiet.unless[0]), str(route.matchers[0])) == (
        "Europe/Berlin",
        'severity="critical"',
        'service="db"',
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("routes: [{channels: [slakc]}]", "routes: no channel is called slakc; known: log"),
        ("routes: [{channels: [log], when: x}]", "routes.0.when is no setting; known here: channels, match, "),
        ("routes: [{channels: [log], on: [closed]}]", "routes.0.on.0"),
        ("routes: [{channels: [log], match: ['no matcher']}]", "routes.0.match"),
        ("routes: [{channels: [log], quiet: [{start: '22:00', end: '7'}]}]", "routes.0.quiet.0.end"),
        ("routes: [{channels: [log], quiet: [{start: '22:00', end: '07:00', zone: Mars}]}]", "no such time zone"),
    ],
)
def test_a_wrong_route_is_an_error_that_names_the_known(lab: Lab, text: str, said: str) -> None:
    (lab.folder / "aiops.yaml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(said)):
        parts.Parts.of(lab.settings(AIOPS_CONFIG=str(lab.folder / "aiops.yaml")), SystemClock(), Metrics())
