"""`aiops notify test`: does a message arrive? Each channel is told of the beginning and the end of nothing."""

import asyncio
from datetime import datetime
from typing import Annotated

import structlog
import typer

from aiops_processor import config, parts
from aiops_processor.clock import Clock, SystemClock
from aiops_processor.errors import ConfigError, DeliveryError, DeliveryUnavailable, PluginFault
from aiops_processor.models.alert import Alert
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.parts.closing import closed
from aiops_processor.plugins import Notifier
from aiops_processor.services.telling.notifier import SECONDS_FOR_ONE_TRY, reason

log = structlog.get_logger(__name__)
notify = typer.Typer(help="The channels.", no_args_is_help=True)
TITLE = "TEST of aiops-processor: nothing is wrong"


@notify.callback()
def channels() -> None:
    """Look after the channels."""


@notify.command("test")
def try_out(channel: Annotated[str, typer.Argument(help="The channel's name; without one all of them.")] = "") -> None:
    """Send a marked test message, as it begins and as it ends, and say what came of it."""
    found = asyncio.run(_tested(channel))
    if not all(found):
        raise typer.Exit(1)


async def _tested(channel: str) -> list[bool]:
    """Whether each took it. Raises ConfigError for a channel that there is not."""
    settings = config.load()
    made = parts.channels(settings)
    try:
        if channel and channel not in made:
            raise ConfigError(f"no channel is called {channel}; known: {', '.join(sorted(made))}")
        if settings.aiops.shadow:
            typer.echo("! AIOPS_SHADOW is on: there is no channel but the log")
        clock = SystemClock()
        chosen = {name: each for name, each in made.items() if channel in {"", name}}
        return [await _took(name, each, clock) for name, each in chosen.items()]
    finally:
        await asyncio.gather(*(closed(each) for each in made.values()))


async def _took(name: str, channel: Notifier, clock: Clock) -> bool:
    began = clock.now()
    receipt: Receipt | None = None
    try:
        for occasion in (Occasion.OPENED, Occasion.RESOLVED):
            key = f"test-{int(began.timestamp())}-{occasion}-{name}"
            async with asyncio.timeout(SECONDS_FOR_ONE_TRY):
                receipt = await channel.send(message(occasion, began, clock.now()), key, receipt)
    except Exception as error:  # a plugin may raise anything, and the other channels are to be tried
        if not isinstance(error, DeliveryError | PluginFault | TimeoutError):
            log.exception("a channel failed", channel=name)
        final = isinstance(error, DeliveryError) and not isinstance(error, DeliveryUnavailable)
        passing = "" if final else "; this may pass, the service would try again"
        typer.echo(f"✗ {name}: {reason(error)}{passing}")
        return False
    typer.echo(f"✓ {name} took the test message, and that it is over")
    return True


def message(occasion: Occasion, began: datetime, now: datetime) -> Message:
    """What is sent: an alert of the lowest severity that says of itself that it is a test."""
    over = occasion is Occasion.RESOLVED
    alert = Alert(
        status="resolved" if over else "firing",
        labels={"alertname": "AiopsTest", "severity": "info"},
        annotations={"summary": "Somebody ran `aiops notify test` to see whether this arrives."},
        starts_at=began,
        ends_at=now if over else None,
    )
    incident = Incident(
        id=0,
        title=TITLE,
        severity="info",
        state=IncidentState.RESOLVED if over else IncidentState.OPEN,
        source="default",
        group_key="",
        reason="a test",
        opened_at=began,
        updated_at=now,
        resolved_at=now if over else None,
    )
    return Message(occasion=occasion, incident=incident, alerts=(alert,), sent_at=now)
