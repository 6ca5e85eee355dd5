"""`aiops check`: is everything configured, and does it answer? One line for each thing that is not, with its remedy."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx2
import typer

from aiops_processor import config, parts
from aiops_processor.config import Settings
from aiops_processor.errors import AiopsError, ConfigError
from aiops_processor.storage.data_folder import claim

RECEIVER = """\
receivers:
  - name: aiops
    webhook_configs:
      - url: {url}/webhook/alerts
        send_resolved: true{credentials}
route:
  receiver: aiops
  group_by: [alertname, namespace]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 4h
"""
CREDENTIALS = """
        http_config:
          authorization:
            credentials: <the value of API_TOKEN>"""
WAIT_SECONDS = 90


def check(
    send_test_alert: Annotated[
        bool,
        typer.Option("--send-test-alert", help="Send a test alert to the running service and wait for its analysis."),
    ] = False,
) -> None:
    """Check settings and connections; print the receiver to put into Alertmanager's configuration."""
    settings = config.load()
    problems = [*_settings_problems(settings), *asyncio.run(_connection_problems(settings))]
    for problem in problems:
        typer.echo(f"✗ {problem}")
    if send_test_alert:
        problems += asyncio.run(_test_alert(settings))
    typer.echo(f"\nAlertmanager, in alertmanager.yml:\n\n{receiver(settings)}")
    if problems:
        raise typer.Exit(1)


def receiver(settings: Settings) -> str:
    """The part of Alertmanager's configuration that sends alerts here."""
    url = settings.aiops.external_url.rstrip("/") or f"http://{settings.api.host}:{settings.api.port}"
    return RECEIVER.format(url=url, credentials=CREDENTIALS if settings.api.token else "")


def _settings_problems(settings: Settings) -> Iterator[str]:
    if settings.api.host not in {"127.0.0.1", "::1", "localhost"} and not (settings.api.token or settings.api.password):
        yield (
            f"API_HOST is {settings.api.host} but no credentials are configured: requests from other machines are "
            "refused; set API_TOKEN"
        )
    if not (settings.slack.webhook_url or settings.generic.webhook_url):
        yield "no channel is configured: reports go to the log only; set SLACK_WEBHOOK_URL or GENERIC_WEBHOOK_URL"
    try:
        with claim(settings.data_dir):
            typer.echo(f"✓ data directory {settings.data_dir} can be written")
    except ConfigError as error:
        if "in use" in str(error):
            typer.echo(f"✓ data directory {settings.data_dir} is in use by a running service")
        else:
            yield str(error)


async def _connection_problems(settings: Settings) -> list[str]:
    sources = parts.Sources.of(settings)
    try:
        found = [await _probe(name, f"{name.upper()}_URL", probe) for name, probe in sources.probes.items()]
        return [problem for problem in [*found, await _model(settings)] if problem]
    finally:
        await sources.aclose()


async def _probe(name: str, variable: str, probe: Callable[[], Awaitable[None]] | None) -> str | None:
    if probe is None:
        return f"{variable} is not set: no evidence from {name}; set it, for example {variable}=http://localhost:9090"
    try:
        await probe()
    except AiopsError as error:
        return f"{variable}: {error}"
    typer.echo(f"✓ {name} answers")
    return None


async def _model(settings: Settings) -> str | None:
    """Is the model configured? It is not asked anything: that may cost money."""
    model = parts.model(settings)
    if model is None:
        variable = f"{settings.llm.provider.upper()}_API_KEY"
        return f"{variable} is not set: reports are the ranked evidence, without a model's explanation"
    await model.aclose()
    typer.echo(f"✓ model {model.name} is configured (not asked: that may cost money)")
    return None


async def _test_alert(settings: Settings) -> list[str]:
    """Send a test alert to the running service and wait until it is analysed."""
    base = f"http://{settings.api.host}:{settings.api.port}"
    token = settings.api.token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=10) as client:
        try:
            sent = datetime.now(UTC)
            (await client.post("/webhook/alerts", json=_test_webhook(sent, "firing"))).raise_for_status()
            incident = await _wait_for(client, sent)
            (await client.post("/webhook/alerts", json=_test_webhook(sent, "resolved"))).raise_for_status()
        except (httpx2.HTTPError, TimeoutError) as error:
            typer.echo(f"✗ the test alert did not go through {base}: {error or 'no analysis in time'}")
            return ["test alert"]
    typer.echo(f"✓ the test alert became incident {incident['id']} ({incident['state']}), and was resolved")
    return []


async def _wait_for(client: httpx2.AsyncClient, sent: datetime) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            for incident in (await client.get("/api/v1/incidents")).json():
                if _ours(incident, sent) and incident["state"] in {"analysed", "resolved", "failed"}:
                    return incident
            await asyncio.sleep(0.5)


def _ours(incident: dict[str, Any], sent: datetime) -> bool:
    return incident["group_key"] == _group_key(sent)


def _group_key(sent: datetime) -> str:
    return f'{{}}:{{alertname="AiopsTestAlert", sent="{sent:%Y-%m-%dT%H:%M:%SZ}"}}'


def _test_webhook(sent: datetime, status: str) -> dict[str, Any]:
    alert = {
        "status": status,
        "labels": {"alertname": "AiopsTestAlert", "severity": "info", "sent": f"{sent:%Y-%m-%dT%H:%M:%SZ}"},
        "annotations": {"summary": "A test sent by `aiops check --send-test-alert`."},
        "startsAt": f"{sent:%Y-%m-%dT%H:%M:%SZ}",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "generatorURL": "",
    }
    return {"version": "4", "status": status, "receiver": "aiops", "groupKey": _group_key(sent), "alerts": [alert]}
