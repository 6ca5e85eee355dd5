"""`aiops estimate --days 7`: how many incidents, calls of the model and dollars the last days would have made."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from aiops_processor import config, parts
from aiops_processor.clock import SystemClock
from aiops_processor.errors import ConfigError
from aiops_processor.llm.lineup import Candidate
from aiops_processor.models.analysis import Usage
from aiops_processor.services.analysing.estimate import MOST_DAYS, Estimate, estimate, history
from aiops_processor.services.grouping.policy import Settling
from aiops_processor.services.watching.reconstructed import Run
from aiops_processor.settings import Settings

TOP_NAMES = 5


def forecast(
    days: Annotated[float, typer.Option(min=0.01, max=MOST_DAYS, help="How far back ALERTS are read.")] = 7,
    input_tokens: Annotated[
        int | None, typer.Option(min=1, help="Of one question; the most that a prompt may have unless given.")
    ] = None,
    output_tokens: Annotated[int | None, typer.Option(min=1, help="Of one answer; else LLM_MAX_TOKENS.")] = None,
    end: Annotated[datetime | None, typer.Option(help="Until when, in UTC; now unless given.")] = None,
) -> None:
    """Say from Prometheus' history what to expect: incidents, calls of the model, money."""
    settings = config.load()
    if not settings.prometheus.url:
        raise ConfigError("PROMETHEUS_URL is not set: the history of alerts is read there")
    until = end.replace(tzinfo=UTC) if end else SystemClock().now()
    found = estimate(asyncio.run(_history(settings, until, days)), days, parts.policy(settings), _settling(settings))
    for line in _words(found, settings, input_tokens, output_tokens):
        typer.echo(line)


async def _history(settings: Settings, end: datetime, days: float) -> list[Run]:
    sources = parts.Sources.of(settings)
    assert sources.prometheus, "its address is set"  # noqa: S101 - asked above
    try:
        return await history(sources.prometheus, end, days)
    finally:
        await sources.aclose()


def _settling(settings: Settings) -> Settling:
    return Settling(settings.aiops.settle_seconds, settings.aiops.settle_max_seconds)


def _words(found: Estimate, settings: Settings, asked: int | None, answered: int | None) -> Iterator[str]:
    yield f"{found.days:g} days: {found.episodes} firings, {found.incidents} incidents, {found.analyses} analyses"
    if not found.incidents:
        return
    yield f"the largest incident has {found.largest} alerts; {found.incidents / found.days:.3g} incidents a day"
    yield "most often: " + ", ".join(f"{name} ({count})" for name, count in found.names[:TOP_NAMES])
    lineup = parts.model(settings)
    if lineup is None:
        yield "no model is configured: nothing is paid"
        return
    yield from _paid(found, settings, lineup.candidates[0], asked, answered)
    yield "Prometheus does not know Alertmanager's groups, by which there may be fewer incidents."


def _paid(
    found: Estimate, settings: Settings, model: Candidate, asked: int | None, answered: int | None
) -> Iterator[str]:
    rounds = settings.llm.tool_rounds if model.tools and settings.llm.tool_calls else 0
    usage = Usage(input_tokens=asked or model.token_budget, output_tokens=answered or settings.llm.max_tokens)
    least, most = found.analyses, found.analyses * (1 + rounds)
    yield f"calls of the model: {least}" + (f" to {most}, with what it may ask for itself" if rounds else "")
    bound = "" if asked and answered else "at most "
    yield f"tokens a call: {bound}{usage.input_tokens} of the question, {usage.output_tokens} of the answer"
    if model.price is None:
        yield f"no price of {model.called} is known: put it into LLM_PRICES"
        return
    each = model.price.of(usage)
    yield f"money: {bound}${each * least:.2f}" + (f" to ${each * most:.2f}" if rounds else "") + f", ${each:.4f} a call"
    if (limit := settings.llm.day_usd) is not None:
        yield f"the budget of a day ends it at ${limit:.2f} (LLM_DAY_USD)"
