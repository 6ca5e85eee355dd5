"""`aiops demo`: the main job on a recorded real incident, without any server or key."""

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.status import Status

from aiops_processor.cli.listening import reason
from aiops_processor.cli.replaying import Player, ReplayFailed, player, replay_settings, started
from aiops_processor.clock import Clock, ReplayClock
from aiops_processor.demo.recording import Recording, Webhook, bundled
from aiops_processor.demo.replay import Replay
from aiops_processor.demo.serve import serve
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.report import as_text
from aiops_processor.settings import Settings
from aiops_processor.web.api import IncidentDetail

HEAD_START = timedelta(seconds=2)  # of recorded time, before the first webhook
IDLE_STATES = {IncidentState.ANALYSED, IncidentState.RESOLVED, IncidentState.FAILED}


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Exit when the incident is over.")] = False,
    recording: Annotated[Path | None, typer.Option(help="Folder of another recording.")] = None,
    speed: Annotated[float, typer.Option(min=0.1, help="How many times as fast as it was.")] = 20,
    port: Annotated[int, typer.Option(help="Port of the console; 0 is any free one.")] = 0,
) -> None:
    """Replay a recorded incident into the running service and print its report."""
    console = Console(highlight=False)
    loaded = Recording.load(recording or bundled())
    if not loaded.webhooks:
        raise ReplayFailed("this recording has no webhooks: nothing to replay")
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(_run(loaded, console, speed, port, once=once))


async def _run(recording: Recording, console: Console, speed: float, port: int, *, once: bool) -> None:
    first = datetime.fromtimestamp(recording.webhooks[0].received_at, UTC)
    clock = ReplayClock(first - HEAD_START, speed)
    replay = Replay(recording, clock)
    with tempfile.TemporaryDirectory(prefix="aiops-demo-") as folder:
        async with replay.servers() as urls, _service(replay_settings(urls, folder), clock, port) as url:
            show = _Show(console, clock, url)
            show.introduce(recording, speed)
            async with player(base_url=url) as service:
                await _play(replay, service, show)
            if not once:
                await _until_interrupted(console, url)


async def _play(replay: Replay, service: Player, show: "_Show") -> None:
    """Post the webhooks at their times; show each report as soon as it is there, and what is left at the end."""
    with show.progress():
        watching = asyncio.create_task(_watch(service, show))
        await replay.post_webhooks(service.post, show.posted)
        await _drained(service)
        watching.cancel()
    incidents = await service.incidents()
    for incident in incidents:
        if incident.id not in show.reported:
            show.report(await service.detail(incident.id))
    show.conclude(incidents)


async def _watch(service: Player, show: "_Show") -> None:
    while True:
        for incident in await service.incidents():
            if incident.state in IDLE_STATES and incident.id not in show.reported:
                show.report(await service.detail(incident.id))
        await asyncio.sleep(0.1)


async def _drained(service: Player) -> None:
    """Wait until everything is analysed and told."""
    try:
        async with asyncio.timeout(60):
            while True:
                if not (await service.queue()).queue_size:
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise ReplayFailed("the service did not finish its work within a minute") from None


async def _until_interrupted(console: Console, url: str) -> None:
    console.print(f"\nThe console stays at [link={url}]{url}[/link] until Ctrl-C.")
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()


@contextlib.asynccontextmanager
async def _service(settings: Settings, clock: Clock, port: int) -> AsyncIterator[str]:
    chosen = port or _usual_port(settings)
    async with contextlib.AsyncExitStack() as opened:
        app = await opened.enter_async_context(started(settings, clock))
        try:
            url = await opened.enter_async_context(serve(app, chosen))
        except (OSError, OverflowError) as error:
            raise ReplayFailed(
                f"port {chosen} cannot be listened on ({reason(error)}); name another with --port"
            ) from None
        yield url


def _usual_port(settings: Settings) -> int:
    """The service's own port where it is free, else any."""
    with socket.socket() as probe:
        return 0 if probe.connect_ex((settings.api.host, settings.api.port)) == 0 else settings.api.port


class _Show:
    """What the demo prints."""

    def __init__(self, console: Console, clock: Clock, url: str) -> None:
        self._console = console
        self._clock = clock
        self._url = url
        self._status = Status("", console=console)
        self.reported: set[int] = set()

    def introduce(self, recording: Recording, speed: float) -> None:
        seconds = recording.webhooks[-1].received_at - recording.webhooks[0].received_at
        self._console.print(
            f"Replaying a recorded incident, {speed:g} times as fast as it was: {len(recording.webhooks)} webhooks in "
            f"{seconds:.0f} s,\n{len(recording.series)} series from Prometheus, {len(recording.logs)} lines from Loki. "
            "No model: the ranked evidence is the report.\n"
        )

    def progress(self) -> contextlib.AbstractContextManager[Any]:
        self._status.update("waiting for the first alert")
        return self._status

    def posted(self, webhook: Webhook) -> None:
        alerts = webhook.body["alerts"]
        names = ", ".join(f"{a['labels'].get('alertname')} {a['labels'].get('service', '')}" for a in alerts)
        self._console.print(f"{self._time()}  Alertmanager posts {webhook.body['status']}: {names}")
        self._status.update("the service is at work")

    def report(self, detail: IncidentDetail) -> None:
        self.reported.add(detail.incident.id)
        if detail.analysis is None:
            self._console.print(f"{self._time()}  incident {detail.incident.id} could not be analysed")
            return
        alerts = [episode.alert for episode in detail.episodes]
        page = f"{self._url}/incidents/{detail.incident.id}"
        self._console.print(f"{self._time()}  incident {detail.incident.id} is analysed\n")
        self._console.print(as_text(detail.analysis, detail.evidence, alerts, page), markup=False, soft_wrap=True)

    def conclude(self, incidents: Sequence[Incident]) -> None:
        for incident in incidents:
            self._console.print(f"{self._time()}  incident {incident.id} is {incident.state}")

    def _time(self) -> str:
        return f"{self._clock.now():%H:%M:%S}"
