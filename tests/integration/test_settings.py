"""Every setting of the reference does what it says: each name has a proof here, and a name without one fails."""

import base64
import hashlib
import hmac
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from aiops_processor import config, parts
from aiops_processor.cli.send_test_alert import AlertLost, send
from aiops_processor.clock import ReplayClock
from aiops_processor.demo.recording import Recording, bundled
from aiops_processor.demo.replay import Replay
from aiops_processor.errors import ConfigError, SourceError, SourceRefused, SourceUnavailable
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.services.analysing.completing import Completing

pytestmark = pytest.mark.anyio

Lab = Any
"""What a proof may use: the class of that name in conftest.py, which no test module can import."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def service_of(name: str) -> str:
    return name.partition("_")[0].lower()


def url_of(name: str) -> str:
    return f"{name.partition('_')[0]}_URL"


async def proves_url(name: str, lab: Lab) -> None:
    await lab.probe(service_of(name), **{name: f"{lab.recorder.url}/prefix"})
    assert lab.recorder.asked[0].path.startswith("/prefix/")


async def proves_token(name: str, lab: Lab) -> None:
    (lab.folder / "token").write_text("t0ken\n")
    variables = {url_of(name): lab.recorder.url, f"{name}_FILE": str(lab.folder / "token")}
    await lab.probe(service_of(name), **variables)
    assert lab.recorder.asked[0].headers["Authorization"] == "Bearer t0ken"


async def proves_user(name: str, lab: Lab) -> None:
    user, password = (f"{name.partition('_')[0]}_{field}" for field in ("USERNAME", "PASSWORD"))
    await lab.probe(service_of(name), **{url_of(name): lab.recorder.url, user: "me", password: "p4ss"})
    sent = lab.recorder.asked[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"me:p4ss"


async def proves_ca(name: str, lab: Lab) -> None:
    certificates = lab.fixture("certificates")
    url = lab.fixture("serve_tls")(certificates.server_context()).url
    with pytest.raises(SourceRefused, match=name):
        await lab.probe(service_of(name), **{url_of(name): url})
    await lab.probe(service_of(name), **{name: str(certificates.authority)})


async def proves_certificate(name: str, lab: Lab) -> None:
    certificates, service = lab.fixture("certificates"), name.partition("_")[0]
    server = lab.fixture("serve_tls")(certificates.server_context(ask_clients=True))
    trusted = {url_of(name): server.url, f"{service}_CA_FILE": str(certificates.authority), f"{service}_TIMEOUT": "2"}
    with pytest.raises(SourceError):
        await lab.probe(service.lower(), **trusted)
    ours = {f"{service}_CERT_FILE": str(certificates.client), f"{service}_KEY_FILE": str(certificates.client_key)}
    await lab.probe(service.lower(), **ours)
    lab.environment.delenv(f"{service}_KEY_FILE")
    with pytest.raises(ConfigError, match=f"{service}_CERT_FILE"):  # the key is not in the certificate's file
        await lab.probe(service.lower())


async def proves_tenant(name: str, lab: Lab) -> None:
    await lab.probe(service_of(name), **{url_of(name): lab.recorder.url, name: "team"})
    assert lab.recorder.asked[0].headers["X-Scope-OrgID"] == "team"


async def proves_headers(name: str, lab: Lab) -> None:
    await lab.probe(service_of(name), **{url_of(name): lab.recorder.url, name: '{"X-More": "more"}'})
    assert lab.recorder.asked[0].headers["X-More"] == "more"


async def proves_timeout(name: str, lab: Lab) -> None:
    lab.recorder.delays["/"] = 1.5
    with pytest.raises(SourceUnavailable, match=r"within 0\.3 seconds"):
        await lab.probe(service_of(name), **{url_of(name): lab.recorder.url, name: "0.3"})


@asynccontextmanager
async def replayed(lab: Lab, **variables: str) -> AsyncIterator[tuple[EvidenceReport, list[str]]]:
    """The evidence of the recorded incident, and the links in it."""
    recording = Recording.load(bundled())
    alerts = [Alert.model_validate(each) for each in recording.webhooks[0].body["alerts"]]
    clock = ReplayClock(max(alert.starts_at for alert in alerts) + timedelta(minutes=3))
    async with Replay(recording, clock).servers() as urls:
        settings = lab.settings(PROMETHEUS_URL=urls.prometheus, LOKI_URL=urls.loki, **variables)
        sources = parts.Sources.of(settings)
        report = await parts.gatherer(settings, sources, clock).gather(alerts, clock.now())
        await sources.aclose()
    yield report, [finding.link for finding in report.findings]


async def proves_links(name: str, lab: Lab) -> None:
    async with replayed(lab, **{name: "https://people.example/there"}) as (_, links):
        assert any(link.startswith("https://people.example/there/") for link in links)


async def proves_data_source(name: str, lab: Lab) -> None:
    async with replayed(lab, GRAFANA_URL="https://people.example", **{name: "uid-of-ours"}) as (report, _):
        links = [link for each in report.findings for link in (each.link, each.explore)]
        assert any("uid-of-ours" in link for link in links)


async def proves_alertmanager_page(name: str, lab: Lab) -> None:
    lab.recorder.answers = {"/api/v2/alerts": [], "/api/v1/incidents": []}
    port = lab.recorder.url.rpartition(":")[2]  # it stands for Alertmanager and for the service, where nothing arrives
    settings = lab.settings(ALERTMANAGER_URL=lab.recorder.url, API_PORT=port, **{name: "https://people.example/am"})
    with pytest.raises(AlertLost, match=r"https://people\.example/am/#/alerts\?"):
        await send(settings, 0.3)


async def proves_window(name: str, lab: Lab) -> None:
    async with replayed(lab, **{name: "7"}) as (report, _):
        assert timedelta(minutes=5) < report.window.onset - report.window.start <= timedelta(minutes=7)


async def proves_log_lines(name: str, lab: Lab) -> None:
    lab.recorder.answers |= {
        "/labels": {"status": "success", "data": ["app"]},
        "/series": {"status": "success", "data": [{"app": "cart"}]},
    }
    await lab.analyse(LOKI_URL=lab.recorder.url, **{name: "7"})
    limits = [asked.fields["limit"] for asked in lab.recorder.of("/loki/api/v1/query_range") if "limit" in asked.fields]
    assert limits
    assert all(limit == ["7"] for limit in limits)


def points(report: EvidenceReport) -> int:
    return sum(read.points for read in report.reads)


async def proves_points(name: str, lab: Lab) -> None:
    async with replayed(lab) as (usual, _), replayed(lab, **{name: "1000"}) as (narrow, _):
        assert points(narrow) < points(usual) / 2


# The model.


async def proves_base_url(name: str, lab: Lab) -> None:
    await lab.ask_model()
    assert lab.recorder.of("/v1/chat/completions")


async def proves_provider(name: str, lab: Lab) -> None:
    assert "thinking" in await lab.ask_model()
    assert "thinking" not in await lab.ask_model(**{name: "openai", "LLM_MODEL": "m"})


def sent(variable: str, value: str, key: str, expected: object) -> Callable[[str, Lab], Awaitable[None]]:
    """A setting that goes into the question as it is."""

    async def proves(name: str, lab: Lab) -> None:
        assert (await lab.ask_model(**{variable: value}))[key] == expected

    return proves


async def proves_key(name: str, lab: Lab) -> None:
    variables = {"LLM_PROVIDER": service_of(name), "LLM_MODEL": "m", name: "sk-1"}
    assert (await lab.ask_model(**variables))["headers"]["Authorization"] == "Bearer sk-1"


async def proves_anthropic_key(name: str, lab: Lab) -> None:
    with pytest.raises(ConfigError, match=name):
        parts.model(lab.settings(LLM_FALLBACKS="anthropic:m", DEEPSEEK_API_KEY="sk"))
    pytest.importorskip("anthropic", reason="needs the extra [anthropic]")
    here = {"LLM_PROVIDER": "anthropic", "LLM_MODEL": "m", "LLM_BASE_URL": lab.recorder.url, "LLM_FALLBACKS": ""}
    await lab.analyse(**here, **{name: "sk-3"})
    assert lab.recorder.of("/messages")[0].headers["Authorization"] == "Bearer sk-3"


async def proves_fallbacks(name: str, lab: Lab) -> None:
    lab.recorder.statuses["/first"] = 400
    variables = {"LLM_BASE_URL": f"{lab.recorder.url}/first", "DEEPSEEK_API_KEY": "sk", "OLLAMA_URL": lab.recorder.url}
    await lab.analyse(**variables, LLM_FALLBACKS="ollama:small")
    paths = [asked.path for asked in lab.recorder.asked]
    second = next(asked for asked in lab.recorder.asked if not asked.path.startswith("/first"))
    assert paths.index(second.path) > 0
    assert second.json()["model"] == "small"


async def proves_retries(name: str, lab: Lab) -> None:
    lab.recorder.statuses["/chat/completions"] = 500
    await lab.ask_model(**{name: "0"})
    assert len(lab.recorder.of("/chat/completions")) == 1


async def proves_model_timeout(name: str, lab: Lab) -> None:
    lab.recorder.delays["/chat/completions"] = 60
    began = time.monotonic()
    result = await lab.analyse(
        LLM_BASE_URL=lab.recorder.url, DEEPSEEK_API_KEY="sk", LLM_MAX_RETRIES="0", **{name: "0.5"}
    )
    assert time.monotonic() - began < 30
    assert "model" in {gap.source for gap in result.gaps}


async def proves_window_of_the_model(name: str, lab: Lab) -> None:
    def budget(tokens: str) -> int:
        made = parts.model(lab.settings(DEEPSEEK_API_KEY="sk", LLM_MAX_TOKENS="500", **{name: tokens}))
        assert made is not None
        return made.candidates[0].token_budget

    assert budget("4000") < budget("8000")


async def proves_prompts(name: str, lab: Lab) -> None:
    (lab.folder / "prompts").mkdir()
    (lab.folder / "prompts" / "company.md").write_text("We sell carts.")
    asked = await lab.ask_model(**{name: str(lab.folder / "prompts")})
    assert "We sell carts." in asked["messages"][0]["content"]


async def proves_language(name: str, lab: Lab) -> None:
    asked = await lab.ask_model(**{name: "Deutsch"})
    assert "Write every text value in Deutsch" in asked["messages"][0]["content"]


async def proves_prices(name: str, lab: Lab) -> None:
    lab.recorder.answers["/chat/completions"] = lab.COMPLETION
    where = {"LLM_BASE_URL": lab.recorder.url, "DEEPSEEK_API_KEY": "sk", "LLM_MODEL": "m"}
    assert (await lab.analyse(**where)).cost_usd is None
    price = '{"m": {"input_usd": 1000000, "output_usd": 2000000}}'
    assert (await lab.analyse(**where, **{name: price})).cost_usd == 10 + 2 * 5


async def proves_budget(name: str, lab: Lab) -> None:
    lab.recorder.answers["/chat/completions"] = lab.COMPLETION
    result = await lab.analyse(LLM_BASE_URL=lab.recorder.url, DEEPSEEK_API_KEY="sk", **{name: "0"})
    assert not lab.recorder.of("/chat/completions")
    assert any("budget" in gap.reason for gap in result.gaps)


async def proves_masking(name: str, lab: Lab) -> None:
    lab.labels["note"] = "password=hunter2hunter2"

    async def asked(value: str) -> str:
        lab.recorder.answers["/chat/completions"] = lab.COMPLETION
        await lab.analyse(LLM_BASE_URL=lab.recorder.url, DEEPSEEK_API_KEY="sk", **{name: value})
        return lab.recorder.of("/chat/completions")[-1].json()["messages"][1]["content"]

    assert "hunter2" in await asked("false")
    assert "hunter2" not in await asked("true")


async def proves_names(name: str, lab: Lab) -> None:
    asked = await lab.ask_model(**{name: "service, namespace"})
    assert "cart" not in asked["messages"][1]["content"]
    assert "service=name-" in asked["messages"][1]["content"]


async def proves_tools(name: str, lab: Lab) -> None:
    def offered(**given: str) -> bool:
        settings = lab.settings(DEEPSEEK_API_KEY="sk", PROMETHEUS_URL=lab.recorder.url, **given)
        made = parts.model(settings)
        inquiry = parts.toolbox(settings, parts.Sources.of(settings)).open([], lab.fixture("message").evidence)
        return bool(made and made.candidates[0].tools and inquiry.offered())

    assert offered()
    assert not offered(**{name: "off" if name == "LLM_TOOLS" else "0"})


async def proves_alert_budget(name: str, lab: Lab) -> None:
    for usd, offered in (("1", True), ("0.0001", False)):
        before = len(lab.recorder.of("/chat/completions"))
        await lab.ask_model(PROMETHEUS_URL=lab.recorder.url, **{name: usd})
        assert ("tools" in lab.recorder.of("/chat/completions")[before].json()) is offered


async def proves_tool_rounds(name: str, lab: Lab) -> None:
    settings = lab.settings(**{name: "2"}, PROMETHEUS_URL=lab.recorder.url)
    inquiry = parts.toolbox(settings, parts.Sources.of(settings)).open([], lab.fixture("message").evidence)
    for offered in (True, False):
        await inquiry.look([])
        assert bool(inquiry.offered()) is offered


async def proves_runbook(name: str, lab: Lab) -> None:
    (lab.folder / "A.md").write_text("# check the pool")
    value = str(lab.folder) if name == "RUNBOOK_FOLDER" else "wiki.example"
    for given, offered in (({}, False), ({name: value}, True)):
        settings = lab.settings(**given)
        inquiry = parts.toolbox(settings, parts.Sources.of(settings)).open([], lab.fixture("message").evidence)
        assert ("runbook" in [tool.name for tool in inquiry.offered()]) is offered


async def proves_rates(name: str, lab: Lab) -> None:
    made: Any = parts.model(lab.settings(DEEPSEEK_API_KEY="sk", **{name: '{"deepseek": {"requests": 7}}'}))
    assert made.candidates[0].rate.requests == 7


async def proves_completing(name: str, lab: Lab) -> None:
    made = Completing(timedelta(minutes=lab.settings(**{name: "3"}).llm.complete_minutes))
    now = datetime(2026, 1, 31, tzinfo=UTC)
    assert made.next_try(now, now + timedelta(minutes=2), 3) == now + timedelta(minutes=3)


# Channels and the service itself.


async def proves_listening(name: str, lab: Lab) -> None:
    host, port = "127.0.0.2", free_port()
    lab.start("serve", port, host, API_HOST=host, API_PORT=str(port))
    assert not lab.alive(f"http://127.0.0.1:{port}")


async def proves_access(name: str, lab: Lab) -> None:
    port = free_port()
    secrets = {"API_TOKEN": "t0ken", "API_USERNAME": "me", "API_PASSWORD": "p4ss"}
    url = f"{lab.start('serve', port, API_PORT=str(port), **secrets)}/queue/status"
    elsewhere = {"X-Forwarded-For": "192.0.2.1"}
    assert httpx2.get(url, headers=elsewhere).status_code == 401
    assert httpx2.get(url, headers={**elsewhere, "Authorization": "Bearer t0ken"}).status_code == 200
    assert httpx2.get(url, headers=elsewhere, auth=("me", "p4ss")).status_code == 200
    assert httpx2.get(url, headers=elsewhere, auth=("you", "p4ss")).status_code == 401


async def proves_changes_secret(name: str, lab: Lab) -> None:
    url = f"{lab.start('serve', port := free_port(), API_PORT=str(port), **{name: 's3cret'})}/webhook/changes"
    body = b'{"title": "Roll out"}'
    signed = {"X-Hub-Signature-256": f"sha256={hmac.new(b's3cret', body, hashlib.sha256).hexdigest()}"}
    elsewhere = {"X-Forwarded-For": "192.0.2.1"}
    assert httpx2.post(url, content=body, headers={**elsewhere, **signed}).status_code == 200
    assert httpx2.post(url, content=body + b" ", headers={**elsewhere, **signed}).status_code == 401


async def proves_data_dir(name: str, lab: Lab) -> None:
    lab.start("serve", port := free_port(), API_PORT=str(port), **{name: str(lab.folder / "elsewhere")})
    assert list((lab.folder / "elsewhere").glob("*.sqlite"))
    assert not (lab.folder / "data").exists()


async def proves_worker(name: str, lab: Lab) -> None:
    url = lab.start(
        "worker", port := free_port(), DATABASE_URL=lab.fixture("postgresql").database(), WORKER_PORT=str(port)
    )
    assert httpx2.get(f"{url}/health").json()["checks"]["store"]["status"] == "up"
    assert not (lab.folder / "data").exists()


def posted(lab: Lab, **variables: str) -> str:
    """The address of a running service that was sent an alert."""
    port = free_port()
    url = lab.start("serve", port, API_PORT=str(port), GENERIC_WEBHOOK_URL=f"{lab.recorder.url}/hook", **variables)
    alert = {"status": "firing", "labels": {"alertname": "A"}, "startsAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    assert httpx2.post(f"{url}/webhook/alerts", json={"alerts": [alert]}).status_code == 200
    return url


def told(lab: Lab, **variables: str) -> dict[str, Any]:
    """The first message about an alert, once a running service has told every channel: the webhook, and the log."""
    url = posted(lab, **variables)
    lab.until(lambda: lab.recorder.of("/hook"), "the alert is told")
    lab.until(
        lambda: httpx2.get(f"{url}/queue/status", verify=False).json()["queue_size"] == 0, "every channel is told"
    )
    return lab.recorder.of("/hook")[0].json()


async def proves_external_url(name: str, lab: Lab) -> None:
    assert told(lab, **{name: "https://aiops.example"})["url"].startswith("https://aiops.example/incidents/")
    assert '"level": "info"' in lab.log()  # for the proof of LOG_LEVEL


async def proves_log_level(name: str, lab: Lab) -> None:
    told(lab, **{name: "error"})
    assert '"level": "info"' not in lab.log()


async def proves_shadow(name: str, lab: Lab) -> None:
    url = f"{lab.recorder.url}/channel"
    assert list(parts.channels(lab.settings(GENERIC_WEBHOOK_URL=url))) == ["log", "webhook"]
    assert list(parts.channels(lab.settings(**{name: "true"}))) == ["log"]


async def proves_settling(name: str, lab: Lab) -> None:
    """The shorter of the two says when the incident is due. It is not waited for: the default would come, too."""
    url = posted(lab, **{"AIOPS_SETTLE_SECONDS": "7200", "AIOPS_SETTLE_MAX_SECONDS": "7200", name: "3600"})
    (incident,) = lab.until(lambda: httpx2.get(f"{url}/api/v1/incidents", verify=False).json(), "it is grouped")
    opened, due = (datetime.fromisoformat(incident[when]) for when in ("opened_at", "due_at"))
    assert abs((due - opened).total_seconds() - 3600) < 600


Proof = Callable[[str, Lab], Awaitable[None]]
OF_A_SOURCE: dict[str, Proof] = {
    "URL": proves_url,
    "TOKEN": proves_token,
    "USERNAME": proves_user,
    "PASSWORD": proves_user,
    "CA_FILE": proves_ca,
    "CERT_FILE": proves_certificate,
    "KEY_FILE": proves_certificate,
    "TENANT": proves_tenant,
    "HEADERS": proves_headers,
    "TIMEOUT": proves_timeout,
    "EXTERNAL_URL": proves_links,
}
PROOFS: dict[str, Proof] = {
    **{f"{service}_{name}": p for service in ("PROMETHEUS", "LOKI", "ALERTMANAGER") for name, p in OF_A_SOURCE.items()},
    "ALERTMANAGER_EXTERNAL_URL": proves_alertmanager_page,
    "LLM_PROVIDER": proves_provider,
    "LLM_MODEL": sent("LLM_MODEL", "some-model", "model", "some-model"),
    "LLM_BASE_URL": proves_base_url,
    "LLM_TIMEOUT": proves_model_timeout,
    "LLM_DEADLINE": proves_model_timeout,
    "LLM_MAX_RETRIES": proves_retries,
    "LLM_FALLBACKS": proves_fallbacks,
    "LLM_TEMPERATURE": sent("LLM_TEMPERATURE", "0.7", "temperature", 0.7),
    "LLM_TOP_P": sent("LLM_TOP_P", "0.5", "top_p", 0.5),
    "LLM_MAX_TOKENS": sent("LLM_MAX_TOKENS", "777", "max_tokens", 777),
    "LLM_CONTEXT_TOKENS": proves_window_of_the_model,
    "LLM_THINKING": sent("LLM_THINKING", "true", "thinking", {"type": "enabled"}),
    "LLM_PROMPTS": proves_prompts,
    "LLM_LANGUAGE": proves_language,
    "LLM_PRICES": proves_prices,
    "LLM_COMPLETE_MINUTES": proves_completing,
    "LLM_TOOLS": proves_tools,
    "LLM_ALERT_USD": proves_alert_budget,
    "LLM_TOOL_CALLS": proves_tools,
    "LLM_TOOL_ROUNDS": proves_tool_rounds,
    "LLM_RATES": proves_rates,
    "RUNBOOK_HOSTS": proves_runbook,
    "RUNBOOK_FOLDER": proves_runbook,
    **{f"LLM_{of}_{what}": proves_budget for of in ("INCIDENT", "DAY") for what in ("CALLS", "TOKENS", "USD")},
    "DEEPSEEK_API_KEY": proves_key,
    "OPENAI_API_KEY": proves_key,
    "ANTHROPIC_API_KEY": proves_anthropic_key,
    "OLLAMA_URL": proves_fallbacks,
    "REDACT_ENABLED": proves_masking,
    "REDACT_NAMES": proves_names,
    "TIME_WINDOW_MINUTES": proves_window,
    "MAX_LOG_LINES": proves_log_lines,
    "MAX_METRICS_POINTS": proves_points,
    **dict.fromkeys(("API_HOST", "API_PORT"), proves_listening),
    **dict.fromkeys(("API_TOKEN", "API_USERNAME", "API_PASSWORD"), proves_access),
    "CHANGES_SECRET": proves_changes_secret,
    "WORKER_PORT": proves_worker,
    "DATABASE_URL": proves_worker,
    "AIOPS_DATA_DIR": proves_data_dir,
    "AIOPS_EXTERNAL_URL": proves_external_url,
    **dict.fromkeys(("AIOPS_SETTLE_SECONDS", "AIOPS_SETTLE_MAX_SECONDS"), proves_settling),
    "AIOPS_SHADOW": proves_shadow,
    "GRAFANA_URL": proves_links,
    **dict.fromkeys(("GRAFANA_PROMETHEUS_UID", "GRAFANA_LOKI_UID"), proves_data_source),
    "GRAFANA_TOKEN": proves_token,
    "LOG_LEVEL": proves_log_level,
}
# One run proves what stands together.
TOGETHER = {
    **{f"{service}_PASSWORD": f"{service}_USERNAME" for service in ("PROMETHEUS", "LOKI", "ALERTMANAGER")},
    **{f"{service}_KEY_FILE": f"{service}_CERT_FILE" for service in ("PROMETHEUS", "LOKI", "ALERTMANAGER")},
    "API_PORT": "API_HOST",
    "API_USERNAME": "API_TOKEN",
    "API_PASSWORD": "API_TOKEN",
    "DATABASE_URL": "WORKER_PORT",
    "OLLAMA_URL": "LLM_FALLBACKS",
}


ELSEWHERE = re.compile(
    r"WATCHDOG|RETENTION|FILTER|PLUGINS|MAX_QUERIES|GROUPING|PRIORITY|ALERTMANAGER_(PEERS|RECEIVERS|[A-Z]+_SECONDS)"
    r"|OIDC|OUTBOUND|API_(SIGNING|TRUST|OPEN|SESSION|TLS)"
    r"|SLACK|PAGERDUTY|SMTP|GENERIC|TEAMS|DISCORD|TELEGRAM|MATTERMOST|APPRISE|HEARTBEAT"
)


def test_every_setting_has_a_proof_and_every_proof_a_setting() -> None:  # the others: test_settings_of_….py
    assert set(PROOFS) == {name for name, _ in config.variables() if not ELSEWHERE.match(name)}
    assert all(PROOFS[name] is PROOFS[other] for name, other in TOGETHER.items())


@pytest.mark.parametrize("name", [name for name in PROOFS if name not in TOGETHER])
async def test_a_setting_does_what_it_says(name: str, lab: Lab) -> None:
    await PROOFS[name](name, lab)
