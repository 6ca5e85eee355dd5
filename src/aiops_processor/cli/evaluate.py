"""`aiops eval FOLDER`: every recording through the whole product, and how well it named what was broken."""

import asyncio
import dataclasses
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx2
import structlog
import typer

from aiops_processor import config, parts
from aiops_processor.cli.model_table import model_table
from aiops_processor.cli.replaying import Player, ReplayFailed, player, replay_settings, started
from aiops_processor.clock import SteppedClock
from aiops_processor.demo import model_score, score
from aiops_processor.demo.model_score import ModelEvaluation
from aiops_processor.demo.recording import Recording
from aiops_processor.demo.replay import Replay
from aiops_processor.demo.score import Case, Evaluation, Failure, Found
from aiops_processor.errors import AiopsError, ConfigError
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.settings import Settings

log = structlog.get_logger(__name__)

HEAD_START = timedelta(seconds=2)  # of recorded time, before the first webhook
IDLE_POLL_SECONDS = 0.02
MOST_SECONDS = 120.0  # of real time, for one recording
MOST_ANALYSES = 5  # of one recording, each of which may take a model's whole deadline
FILES = ("info.json", "series.jsonl.gz", "logs.jsonl.gz", "webhooks.jsonl", "truth.json")


class EvalFormat(StrEnum):
    TABLE = "table"
    JSON = "json"


def evaluate(
    folder: Annotated[Path, typer.Argument(help="A recording, or a folder with recordings at any depth.")],
    output: Annotated[EvalFormat, typer.Option("--format", help="How the result is printed.")] = EvalFormat.TABLE,
    model: Annotated[
        bool, typer.Option("--model", help="Ask the configured model, which may cost money, and score its answers.")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="With --model: how often each is explained.")] = 1,
) -> None:
    """Replay recordings through the whole product and print how well it named what was broken."""
    if model:
        _evaluate_model(folder, output, repeats)
        return
    found = _all(_recordings(folder))
    typer.echo(found.model_dump_json(indent=2) if output is EvalFormat.JSON else _table(found))
    if found.summary.failures:
        sys.exit(1)


async def play(name: str, recording: Recording) -> Case:
    """One recording through the product, into a fresh data directory. Raises AiopsError where it cannot be played.

    Its truth is taken away first: what serves and analyses it does not have it.
    """
    truth = (recording.truth or {}).get("entity")
    began = time.perf_counter()
    found = await _found(dataclasses.replace(recording, truth=None))
    return score.case(name, found, truth, time.perf_counter() - began)


def _evaluate_model(folder: Path, output: EvalFormat, repeats: int) -> None:
    """Each recording so often, one after the other; what a budget of a day allows is for each run apart."""
    settings = config.load()
    asked = parts.model(settings)
    if asked is None:
        raise ConfigError("no model is configured: set DEEPSEEK_API_KEY, or LLM_PROVIDER and what it needs")
    runs = [_explained(name, each, settings) for name, each in _recordings(folder).items() for _ in range(repeats)]
    found = ModelEvaluation(runs=tuple(runs), summary=model_score.summarise(asked.name, runs))
    typer.echo(found.model_dump_json(indent=2) if output is EvalFormat.JSON else model_table(found))
    if found.summary.failed:
        sys.exit(1)


def _explained(name: str, folder: Path, settings: Settings) -> model_score.Run:
    """One run; what fails is a run too, with its reason."""
    began = time.perf_counter()

    async def explained() -> model_score.Run:
        recording = Recording.load(folder)
        found = await _found(dataclasses.replace(recording, truth=None), settings)
        return model_score.run(name, found, recording.truth, time.perf_counter() - began)

    try:
        return asyncio.run(asyncio.wait_for(explained(), MOST_SECONDS + settings.llm.deadline * MOST_ANALYSES))
    except TimeoutError:
        failure = "was not played to its end in time"
    except AiopsError as error:
        failure = str(error)
    except Exception as error:  # one recording that breaks something must not cost the others
        log.exception("a recording could not be played", case=name)
        failure = f"{type(error).__name__}: {error}"
    return model_score.Run(case=name, failure=failure, seconds=time.perf_counter() - began)


async def _found(recording: Recording, model: Settings | None = None) -> list[Found]:
    if not recording.webhooks:
        raise ReplayFailed("the recording has no webhooks: nothing to replay")
    clock = SteppedClock(datetime.fromtimestamp(recording.webhooks[0].received_at, UTC) - HEAD_START)
    replay = Replay(recording, clock)
    with tempfile.TemporaryDirectory(prefix="aiops-eval-") as folder:
        async with replay.servers() as urls, started(replay_settings(urls, folder, model), clock) as app:
            transport = httpx2.ASGITransport(app=app)
            async with player(base_url="http://127.0.0.1", transport=transport) as service:
                return await _Stepping(recording, clock, service).play()


class _Stepping:
    """Plays a recording event by event: time stands still while there is work, and then jumps to what comes next.

    So a case comes out the same on a fast machine and on a slow one.
    """

    def __init__(self, recording: Recording, clock: SteppedClock, service: Player) -> None:
        self._recording = recording
        self._clock = clock
        self._service = service

    async def play(self) -> list[Found]:
        await Replay(self._recording, self).post_webhooks(self._post)
        await self._pass(datetime.fromtimestamp(self._recording.end, UTC))
        while (first := await self._next(unanalysed=True)) is not None:
            await self._step(first)
        details = [await self._service.detail(each.id) for each in await self._service.incidents()]
        return [Found(incident=each.incident, evidence=each.evidence, analysis=each.analysis) for each in details]

    def now(self) -> datetime:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """What waits for recorded time makes it pass."""
        await self._pass(self.now() + timedelta(seconds=seconds))

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        await self._service.post(body, headers)
        await self._idle()

    async def _pass(self, until: datetime) -> None:
        while (due := await self._next()) is not None and due <= until:
            await self._step(due)
        await self._step(until)

    async def _step(self, to: datetime) -> None:
        self._clock.move(to)
        await self._idle()

    async def _next(self, *, unanalysed: bool = False) -> datetime | None:
        """When the next analysis is due; the recording's end puts off no first one, but nothing is looked at again."""
        incidents = await self._service.incidents()
        return min(
            (each.due_at for each in incidents if each.due_at and not (unanalysed and each.generation)), default=None
        )

    async def _idle(self) -> None:
        """Wait until everything is done that there is to do at this time."""
        while await self._at_work():
            self._clock.move(self.now())
            await asyncio.sleep(IDLE_POLL_SECONDS)

    async def _at_work(self) -> bool:
        queue = await self._service.queue()
        if queue.alerts_ungrouped or queue.deliveries_pending:
            return True
        return any([await self._unfinished(each) for each in await self._service.incidents()])

    async def _unfinished(self, incident: Incident) -> bool:
        if incident.state is IncidentState.ANALYSING or (incident.due_at and incident.due_at <= self.now()):
            return True
        if incident.resolved_at:
            return False
        return all(each.ended_at for each in (await self._service.detail(incident.id)).episodes)


def _all(folders: Mapping[str, Path]) -> Evaluation:
    cases: list[Case] = []
    failures: list[Failure] = []
    for name, folder in folders.items():
        played = _one(name, folder)
        cases.append(played) if isinstance(played, Case) else failures.append(played)
    return Evaluation(cases=tuple(cases), summary=score.summarise(cases, failures))


def _one(name: str, folder: Path) -> Case | Failure:
    """In an event loop of its own, for the workflow engine takes the loop's threads with it when it ends."""
    try:
        return asyncio.run(asyncio.wait_for(play(name, Recording.load(folder)), MOST_SECONDS))
    except TimeoutError:
        return Failure(case=name, error=f"was not played to its end within {MOST_SECONDS:g} s")
    except AiopsError as error:
        return Failure(case=name, error=str(error))
    except Exception as error:  # one recording that breaks something must not cost the others
        log.exception("a recording could not be played", case=name)
        return Failure(case=name, error=f"{type(error).__name__}: {error}")


def _recordings(folder: Path) -> dict[str, Path]:
    """The recordings below a folder by their place in it; a broken one is still one. Raises ConfigError for none."""
    if not folder.is_dir():
        raise ConfigError(f"recordings {folder}: no such folder")
    found = sorted({path.parent for file in FILES for path in folder.rglob(file)})
    if not found:
        raise ConfigError(f"recordings {folder}: no folder in it has one of {', '.join(FILES)}")
    return {each.relative_to(folder).as_posix() if each != folder else folder.resolve().name: each for each in found}


def _table(found: Evaluation) -> str:
    width = max((len(each.case) for each in found.cases), default=4)
    head = f"{'case':<{width}}  rank  incidents  seconds  queries  broken: first named"
    rows = [
        f"{each.case:<{width}}  {each.rank or '-':>4}  {each.incidents:>9}  {each.seconds:>7.2f}  {each.queries:>7}  "
        f"{each.truth or 'nothing'}: {', '.join(each.entities[:3]) or 'nothing'}"
        for each in found.cases
    ]
    return "\n".join([head, *rows, "", *_words(found.summary)])


def _words(summary: score.Summary) -> Sequence[str]:
    said = [f"{summary.cases} cases in {summary.seconds:g} s, {summary.incidents} incidents, {summary.queries} queries"]
    if summary.faults:
        said.append(
            f"{summary.faults} with a fault: first {summary.top1:.0%}, among the first three {summary.top3:.0%}, "
            f"mean reciprocal rank {summary.mean_reciprocal_rank:.2f}"
        )
    if summary.quiet:
        said.append(f"{summary.quiet} quiet: nothing named in {summary.quiet_right}")
    return [*said, *(f"FAILED {each.case}: {each.error}" for each in summary.failures)]
