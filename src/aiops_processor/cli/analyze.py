"""`aiops analyze FILE`: the analysis of an alert from a file, without a running service."""

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from pydantic import ValidationError

from aiops_processor import config, parts
from aiops_processor.clock import SystemClock
from aiops_processor.errors import InputError
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.parts import explaining, plugging
from aiops_processor.report import as_json, as_markdown, as_text
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.settings import Settings
from aiops_processor.telemetry import Metrics, set_up_logging


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


RENDER = {Format.TEXT: as_text, Format.JSON: as_json, Format.MARKDOWN: as_markdown}


def analyze(
    file: Annotated[str, typer.Argument(help="An alert or an Alertmanager webhook as JSON; - for standard input.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print queries, evidence and prompt; ask no model.")
    ] = False,
    output: Annotated[Format, typer.Option("--format", help="How the report is printed.")] = Format.TEXT,
) -> None:
    """Analyse an alert now and print the report. Nothing is stored and nobody is told."""
    settings = config.load()
    set_up_logging(settings.log.level)
    alerts = read_alerts(sys.stdin.buffer.read() if file == "-" else _read(Path(file)))
    if dry_run:
        typer.echo(asyncio.run(_dry_run(settings, alerts)))
        return
    evidence, result = asyncio.run(_analyze(settings, alerts))
    typer.echo(RENDER[output](result, evidence, alerts))


def read_alerts(content: bytes) -> list[Alert]:
    """The alerts of a file: one alert, a list of them, or a webhook. Raises InputError, which names the field."""
    try:
        data = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise InputError("", f"the file is not JSON: {error}") from None
    if isinstance(data, dict):
        data = data.get("alerts", [data])
    if not isinstance(data, list) or not data:
        raise InputError("alerts", "expected an alert, a list of alerts or an Alertmanager webhook")
    return [_alert(index, item) for index, item in enumerate(data)]


def _alert(index: int, item: object) -> Alert:
    try:
        return Alert.model_validate(item)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise InputError(".".join(["alerts", str(index), *map(str, first["loc"])]), first["msg"]) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("", f"{path} cannot be read: {error.strerror}") from error


async def _analyze(settings: Settings, alerts: list[Alert]) -> tuple[EvidenceReport, AnalysisResult]:
    door = plugging.door(settings)
    clock, sources, model = SystemClock(), parts.Sources.of(settings), parts.model(settings, door)
    try:
        gatherer = parts.gatherer(settings, sources, clock, own=plugging.for_evidence(settings, door))
        explainer = parts.explainer(settings, model, clock, parts.toolbox(settings, sources))
        analyzer = Analyzer(gatherer, explainer, clock, Metrics(), parts.mask(settings))
        explained = await analyzer.explain(alerts, await analyzer.gather(alerts))
        return explained.evidence, explained.result
    finally:
        await sources.aclose()
        if model:
            await model.aclose()


async def _dry_run(settings: Settings, alerts: list[Alert]) -> str:
    """What would be asked of the model, and everything that leads there."""
    clock, sources = SystemClock(), parts.Sources.of(settings)
    try:
        gatherer, mask = parts.gatherer(settings, sources, clock), parts.mask(settings)
        evidence = await Analyzer(gatherer, None, clock, Metrics(), mask).gather(alerts)
        alerts = [mask.model(alert) for alert in alerts] if mask else alerts
    finally:
        await sources.aclose()
    model = parts.model(settings)
    explainer = parts.explainer(settings, model, clock, parts.toolbox(settings, sources))
    # Without a model the prompt is shown as the default one would get it.
    made = explainer.prompt if explainer else explaining.prompts(settings).build
    prompt = made(alerts, evidence)
    if model:
        await model.aclose()
    sections = {
        "QUERIES": _queries(evidence),
        "EVIDENCE": _evidence(evidence),
        "PROMPT": f"{prompt.system}\n\n{prompt.question}",
    }
    return "\n\n".join(f"=== {title} ===\n{text}" for title, text in sections.items())


def _queries(evidence: EvidenceReport) -> str:
    rows = [f"{read.source:<11}{read.outcome:<7}{read.seconds:6.3f} s  {read.query}" for read in evidence.reads]
    return "\n".join(rows) or "none"


def _evidence(evidence: EvidenceReport) -> str:
    found = [f"{item.id:<4}{item.entity}: {item.statement}" for item in evidence.findings]
    missing = [f"gap  {gap.source}: {gap.reason}" for gap in evidence.gaps]
    return "\n".join(found + missing) or "nothing unusual"
