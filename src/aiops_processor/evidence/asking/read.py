"""Asking: everything at once, under one limit of concurrency and one deadline; every question leaves a record."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from aiops_processor.errors import AiopsError, QueryError, SourceError
from aiops_processor.models.evidence import Gap, Outcome, Read
from aiops_processor.models.samples import Answer, Series

T = TypeVar("T")

_REMARK = "PromQL "  # "PromQL info: metric might not be a counter": the numbers are all there


@dataclass(frozen=True)
class Reading(Generic[T]):
    """One question with its answer; `data` is None where the source failed."""

    read: Read
    data: T | None


class Reader:
    """Asks questions until its deadline, or until a limit is spent. Make one per gathering, inside the running loop."""

    def __init__(self, concurrency: int, seconds: float, questions: int = 1_000, octets: int = 1 << 30) -> None:
        self._questions = questions
        self._octets = octets
        self._slots = asyncio.Semaphore(concurrency)
        self._began = asyncio.get_running_loop().time()
        self._seconds = seconds

    async def ask(
        self,
        source: str,
        title: str,
        query: str,
        answer: Callable[[], Awaitable[Answer[T]]],
        share: float = 1.0,
    ) -> Reading[T]:
        """The answer as data, empty or failed; never raises what the source did wrong.

        `share` of all the time may be used.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout_at(self._began + self._seconds * share), self._slots:
                asked = loop.time()
                if spent := self._spent():
                    return Reading(_failed(source, title, query, 0.0, *spent), None)
                self._questions -= 1
                found = await answer()
        except TimeoutError:
            error = f"no answer within {self._seconds * share:g} s"
            return Reading(_failed(source, title, query, loop.time() - asked, error, "seconds"), None)
        except (SourceError, QueryError) as error:
            return Reading(_failed(source, title, query, loop.time() - asked, _words(error)), None)
        self._octets -= found.octets
        series, points = _size(found.data)
        read = Read(
            source=source,
            title=title,
            query=query,
            outcome=Outcome.DATA if found.data else Outcome.EMPTY,
            seconds=loop.time() - asked,
            warnings=tuple(found.warnings),
            series=series,
            points=points,
            octets=found.octets,
        )
        return Reading(read, found.data)

    def _spent(self) -> tuple[str, str] | None:
        """Why nothing more is asked, and the name of the limit."""
        if self._questions <= 0:
            return "not asked: the limit of questions for one incident is spent", "questions"
        if self._octets <= 0:
            return "not asked: the limit of bytes for one incident is spent", "octets"
        return None


def told_apart(reading: Reading[T], metrics: Collection[str], known: Collection[str] | None) -> Reading[T]:
    """An empty answer is `absent` where the source knows not all of the query's metrics. `known` None: nobody knows."""
    if reading.read.outcome is not Outcome.EMPTY or known is None or all(metric in known for metric in metrics):
        return reading
    return replace(reading, read=reading.read.model_copy(update={"outcome": Outcome.ABSENT}))


def gaps_of(reads: Iterable[Read]) -> list[Gap]:
    """What failed reads leave unknown: one gap for each source and reason, and one for a source that is dead."""
    by_source: dict[str, list[Read]] = {}
    for each in reads:
        by_source.setdefault(each.source, []).append(each)
    return [gap for group in by_source.values() for gap in _of_source(group)]


def _of_source(reads: Sequence[Read]) -> list[Gap]:
    failed: dict[str, list[Read]] = {}
    for each in reads:
        if each.outcome is Outcome.FAILED:
            failed.setdefault(each.error, []).append(each)
    if len(reads) > 1 and sum(map(len, failed.values())) == len(reads):
        return [_dead(reads)]
    return [_gap(group, len(reads)) for group in failed.values()]


def _dead(reads: Sequence[Read]) -> Gap:
    """Of a source that answered nothing. Of several time limits, each a share of the whole, the last says enough."""
    errors = list(dict.fromkeys(each.error for each in reads if each.limit != "seconds"))
    late = [each.error for each in reads if each.limit == "seconds"][-1:]
    reason = f"none of {len(reads)} questions was answered: {'; '.join((*errors, *late))}"
    return Gap(source=reads[0].source, reason=reason, limit="" if errors else "seconds")


def partial(reads: Iterable[Read]) -> list[Gap]:
    """What answers left out, in the source's own words: partial answers, native histograms. Remarks about PromQL are
    no gaps."""
    said: dict[tuple[str, str], list[Read]] = {}
    for each in reads:
        for warning in each.warnings:
            if not warning.startswith(_REMARK):
                said.setdefault((each.source, warning), []).append(each)
    return [_about(group, warning) for (_, warning), group in said.items()]


def _gap(group: Sequence[Read], asked: int) -> Gap:
    return _about(group, group[0].error, f" of {asked}").model_copy(update={"limit": group[0].limit})


def _about(group: Sequence[Read], what: str, of_all: str = "") -> Gap:
    first, others = group[0], len(group) - 1
    more = f" (and {others} more{of_all} question{'s' if others > 1 or of_all else ''})" if others else ""
    return Gap(source=first.source, reason=f"{first.title}{more}: {what}", query=first.query)


def _size(data: object) -> tuple[int, int]:
    """How many series, or label sets, or names; and how many points they have."""
    if not isinstance(data, list):
        return 0, 0
    return len(data), sum(len(each.points) for each in data if isinstance(each, Series))


def _failed(source: str, title: str, query: str, seconds: float, error: str, limit: str = "") -> Read:
    return Read(
        source=source, title=title, query=query, outcome=Outcome.FAILED, seconds=seconds, error=error, limit=limit
    )


def _words(error: AiopsError) -> str:
    return str(error) or type(error).__name__
