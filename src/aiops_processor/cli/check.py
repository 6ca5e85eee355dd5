"""`aiops check`: is everything configured, and does it answer? One line for each thing that is not, with its remedy.

`✗` is wrong, and the exit code is 1; `!` is worth knowing, and may be meant so: no channel, no model, no Loki.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from aiops_processor import config, parts
from aiops_processor.app import access_policy
from aiops_processor.cli import send_test_alert as test_alert
from aiops_processor.cli.asking import base_url
from aiops_processor.clock import SystemClock
from aiops_processor.errors import AiopsError, ConfigError, StorageError
from aiops_processor.parts import plugging, telling
from aiops_processor.parts.acting import acts
from aiops_processor.parts.plugging import Plugged
from aiops_processor.plugins import Door
from aiops_processor.runtime import claimed_database
from aiops_processor.settings import Settings
from aiops_processor.storage.address import shown
from aiops_processor.storage.data_folder import is_claimed
from aiops_processor.telemetry import Metrics

SHORT = 20  # characters; of a random hexadecimal one that is 80 bits
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
OPTIONAL = {"loki"}
EXAMPLES = {"prometheus": "http://localhost:9090", "loki": "http://localhost:3100"}
RECEIVER = """\
receivers:
  - name: aiops
    webhook_configs:
      - url: {url}/webhook/alerts
        send_resolved: true{credentials}
route:                        # yours, as it is
  routes:
    - receiver: aiops         # the first of its routes
      continue: true          # and the others go on as before
      group_by: [alertname, namespace]
      group_wait: 10s
      group_interval: 1m
      repeat_interval: 4h
"""
CREDENTIALS = """
        http_config:
          authorization:
            credentials: <the value of API_TOKEN>"""


def check(
    send_test_alert: Annotated[
        bool,
        typer.Option("--send-test-alert", help="Send a test alert to the running service and wait for its analysis."),
    ] = False,
    wait: Annotated[
        float, typer.Option(min=1, help="Seconds that the test alert may take; more than the route's group_wait.")
    ] = test_alert.WAIT_SECONDS,
) -> None:
    """Check settings and connections; print the receiver to put into Alertmanager's configuration."""
    settings = config.load()
    found = [*_settings_problems(settings), *asyncio.run(_connection_problems(settings))]
    problems = list(dict.fromkeys(found))  # a folder of plugins is looked into for channels, and for models again
    for problem in problems:
        typer.echo(f"✗ {problem}")
    if send_test_alert:
        problems += asyncio.run(_test_alert(settings, wait))
    typer.echo(f"\nAlertmanager, in alertmanager.yml:\n\n{receiver(settings)}")
    if problems:
        raise typer.Exit(1)


def receiver(settings: Settings) -> str:
    """The part of Alertmanager's configuration that sends alerts here."""
    url = settings.aiops.external_url.rstrip("/") or base_url(settings)
    return RECEIVER.format(url=url, credentials=CREDENTIALS if settings.api.token else "")


def _settings_problems(settings: Settings) -> Iterator[str]:
    if settings.api.host not in LOOPBACK and not (settings.api.token or settings.api.password):
        yield (
            f"API_HOST is {settings.api.host} but no credentials are configured: requests from other machines are "
            "refused; set API_TOKEN, or make tokens and users (`aiops tokens create`, `aiops users add`)"
        )
    if settings.api.host not in LOOPBACK and not settings.api.tls_cert:
        typer.echo(
            f"! API_HOST is {settings.api.host} without TLS: tokens and passwords can be read on the way; set "
            "API_TLS_CERT and API_TLS_KEY, or put a proxy with TLS in front"
        )
    for name, length in _guessable(settings):
        typer.echo(
            f"! {name} has {length} characters, and nobody is stopped who guesses at it: `openssl rand -hex 32` "
            "makes a better one"
        )
    yield from _plugin_problems(settings)
    if not settings.database.url:
        yield from _data_dir_problems(settings)


def _guessable(settings: Settings) -> Iterator[tuple[str, int]]:
    """Short secrets, with their length, that may be tried as often as somebody likes.

    Wrong passwords are counted, these are not: a stranger could lock Alertmanager out, behind the same proxy.
    """
    ours = {
        "API_TOKEN": settings.api.token,
        "API_SIGNING_SECRET": settings.api.signing_secret,
        "CHANGES_SECRET": settings.changes.secret,
    }
    for name, secret in ours.items():
        if secret and len(secret.get_secret_value()) < SHORT:
            yield name, len(secret.get_secret_value())


def _plugin_problems(settings: Settings) -> Iterator[str]:
    """Plugins, the channels and actions among them, are made and not asked."""
    try:
        own = plugging.plugged(settings, plugging.door(settings))
    except AiopsError as error:
        yield str(error)
        return
    yield from _channel_problems(settings, own)
    yield from action_problems(settings, own.door)


def action_problems(settings: Settings, door: Door) -> Iterator[str]:
    """What is wrong with an action; of those that are right, how they come to happen is printed."""
    try:
        found = acts(settings, parts.outbound(settings), None, door).configured.values()
    except AiopsError as error:
        yield str(error)
        return
    for each in found:
        how = f"when {' or '.join(each.approvers)} approves" if each.approval or not each.on else "by itself"
        typer.echo(f"✓ action {each.name}: {'only says what it would do (dry_run)' if each.dry_run else how}")


def _channel_problems(settings: Settings, own: Plugged) -> Iterator[str]:
    """`aiops notify test` sends something."""
    try:
        made = parts.channels(settings, own)
        telling.routing(settings, made)
    except AiopsError as error:
        yield str(error)
        return
    for channel in made.values():
        asyncio.run(channel.aclose())
    if len(made) == 1:
        said = "no channel is configured: reports go to the log only; set SLACK_WEBHOOK_URL, SLACK_BOT_TOKEN or another"
        typer.echo(f"! {said}")
    else:
        typer.echo(f"✓ channels: {', '.join(made)} (nothing sent: try `aiops notify test`)")


def _data_dir_problems(settings: Settings) -> Iterator[str]:
    """Nothing is written there: whoever checks may be another user, and what they made the service could not write."""
    try:
        used = is_claimed(settings.data_dir)
    except ConfigError as error:
        yield str(error)
        return
    what = "is in use by a running service" if used else "can be written"
    typer.echo(f"✓ data directory {settings.data_dir} {what}")


async def _connection_problems(settings: Settings) -> list[str]:
    try:
        sources = parts.Sources.of(settings)
    except AiopsError as error:
        return [str(error)]
    try:
        found = [await _probe(name, probe) for name, probe in sources.probes.items()]
        others = [await _database(settings), *found, await _model(settings), await _whole(settings)]
        return [problem for problem in others if problem]
    finally:
        await sources.aclose()


async def _whole(settings: Settings) -> str | None:
    """What would keep the service from starting beyond that: query packs, prompts, rules, the doors."""
    async with AsyncExitStack() as opened:
        try:
            made = parts.Parts.of(settings, SystemClock(), Metrics(), opened=opened)
            access_policy(settings)
            _ = made.policy
        except AiopsError as error:
            return str(error)
    return None


async def _database(settings: Settings) -> str | None:
    """Does PostgreSQL answer, where one is configured?"""
    if not settings.database.url:
        return None
    try:
        async with claimed_database(settings) as database:
            typer.echo(f"✓ database {shown(database.url)} answers")
    except ConfigError as error:
        return str(error)  # names the setting itself
    except StorageError as error:
        return f"DATABASE_URL: {error}"
    return None


async def _probe(name: str, probe: parts.Probe | None) -> str | None:
    service, _, source = name.partition("/")
    setting = f"{service}.url of source {source}" if source else f"{service.upper()}_URL"
    if probe is None:
        said = f"{setting} is not set: no evidence from {name}; set it, for example {setting}={EXAMPLES[service]}"
        if name not in OPTIONAL:
            return said
        typer.echo(f"! {said}")
        return None
    try:
        await probe()
    except AiopsError as error:
        return f"{setting}: {error}"
    typer.echo(f"✓ {name} answers")
    return None


async def _model(settings: Settings) -> str | None:
    """Is the model configured? It is not asked anything: that may cost money."""
    try:
        model = parts.model(settings)
    except AiopsError as error:
        return str(error)
    if model is None:
        variable = f"{settings.llm.provider.upper()}_API_KEY"
        typer.echo(f"! {variable} is not set: reports are the ranked evidence, without a model's explanation")
        return None
    await model.aclose()
    typer.echo(f"✓ model {model.name} is configured (not asked: that may cost money)")
    return None


async def _test_alert(settings: Settings, wait_seconds: float) -> list[str]:
    """Send a test alert and wait for its analysis, through Alertmanager where one is configured."""
    try:
        typer.echo(f"✓ {await test_alert.send(settings, wait_seconds)}")
    except test_alert.AlertLost as error:
        typer.echo(f"✗ {error}")
        return [str(error)]
    return []
