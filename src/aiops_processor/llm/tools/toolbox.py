"""The tools behind one door: what is offered, what may still be asked, and what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from aiops_processor.errors import AiopsError
from aiops_processor.llm.tools import logs, metrics
from aiops_processor.llm.tools.found import TITLE, Looked, refused
from aiops_processor.llm.tools.limits import ToolLimits
from aiops_processor.llm.tools.offered import ListMetrics, QueryLoki, QueryPrometheus, Runbook, Wanted, tool, wanted
from aiops_processor.llm.tools.runbooks import Runbooks
from aiops_processor.masking import Mask
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap, Outcome, Read
from aiops_processor.models.past import Past
from aiops_processor.plugins import Call, Tool
from aiops_processor.report.numbers import moment

log = structlog.get_logger(__name__)

PREFIX = "Q"


class Sources(NamedTuple):
    """Where the evidence of some alerts comes from; None where nothing is configured."""

    prometheus: metrics.AsksPrometheus | None = None
    loki: logs.AsksLoki | None = None


class Toolbox:
    """The tools of a configuration. `sources` are those of the given alerts."""

    def __init__(
        self,
        sources: Callable[[Sequence[Alert]], Sources],
        runbooks: Runbooks | None = None,
        limits: ToolLimits | None = None,
        mask: Mask | None = None,
    ) -> None:
        self._sources = sources
        self._runbooks = runbooks or Runbooks()
        self._limits = limits or ToolLimits()
        self._mask = mask

    def open(self, alerts: Sequence[Alert], evidence: EvidenceReport, past: Sequence[Past] = ()) -> "Inquiry":
        """The tools for one analysis."""
        return Inquiry(self._sources(alerts), self._runbooks, self._limits, self._mask, alerts, evidence, past)


class Inquiry:
    """The follow-up questions of one analysis. `evidence` grows by what they find, `notes` by what they say."""

    def __init__(
        self,
        sources: Sources,
        runbooks: Runbooks,
        limits: ToolLimits,
        mask: Mask | None,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        past: Sequence[Past] = (),
    ) -> None:
        self._sources = sources
        self._runbooks = runbooks
        self._limits = limits
        self._mask = mask
        self._alerts = alerts
        self._past = past
        self._calls = self._rounds = 0
        self.evidence = evidence
        self.notes: tuple[str, ...] = ()

    def offered(self) -> tuple[Tool, ...]:
        """What may still be asked; nothing once a limit is reached."""
        if self._calls >= self._limits.calls or self._rounds >= self._limits.rounds:
            return ()
        return tuple(map(tool, self._names()))

    async def look(self, calls: Sequence[Call], shown: Callable[[str], str] = str) -> None:
        """Make these calls, as many as are left, and keep what they find. `shown` gives hidden names back."""
        self._rounds += 1
        left = max(0, self._limits.calls - self._calls)
        for call in calls[:left]:
            self._calls += 1
            self._keep(await self._look(call.model_copy(update={"arguments": shown(call.arguments)})))
        if len(calls) > left:
            self.notes = (*self.notes, f"{len(calls) - left} more calls were not made: {self._limits.calls} at most")

    def _names(self) -> list[str]:
        runbook = self._runbooks.configured
        known = {
            "query_prometheus": self._sources.prometheus is not None,
            "query_loki": self._sources.loki is not None,
            "list_metrics": self._sources.prometheus is not None,
            "similar_incidents": bool(self._past),
            "runbook": runbook,
        }
        return [name for name, there in known.items() if there]

    async def _look(self, call: Call) -> Looked:
        try:
            asked = wanted(call, frozenset(self._names()))
            async with asyncio.timeout(self._limits.seconds):
                return await self._answered(asked)
        except TimeoutError:
            return refused(call.tool[:40], call.arguments[:300], f"no answer within {self._limits.seconds:g} s")
        except AiopsError as error:
            log.info("a model's question was not answered", tool=call.tool[:40], reason=str(error))
            return refused(call.tool[:40], call.arguments[:300], str(error))

    async def _answered(self, asked: Wanted) -> Looked:
        window, limits = self.evidence.window, self._limits
        prometheus, loki = self._sources
        match asked.arguments:
            case QueryPrometheus() as question if prometheus:
                return await metrics.query(prometheus, question, window, limits)
            case ListMetrics() as question if prometheus:
                return await metrics.names(prometheus, question, window, limits)
            case QueryLoki() as question if loki:
                return await logs.query(loki, question, window, limits)
            case Runbook(alert=alert):
                found = await self._runbooks.find(alert, self._alerts)
                lost = Gap(source="runbook", reason=found.gap) if found.gap else None
                return self._told("runbook", alert, found.text, lost)
            case _:
                return self._told("similar_incidents", "", " | ".join(map(told_whole, self._past)))

    def _told(self, name: str, query: str, text: str, lost: Gap | None = None) -> Looked:
        read = Read(source=name, title=TITLE, query=query, outcome=Outcome.DATA, octets=len(text.encode()))
        said = f"({lost.reason}) {text}" if lost else text
        return Looked(read=read, note=f"{name}({query}): {said[: self._limits.characters]}", gap=lost)

    def _keep(self, looked: Looked) -> None:
        """Masked before it is stored, shown or sent, as all evidence is."""
        made = self._mask.model(looked) if self._mask else looked
        report = self.evidence
        first = sum(item.asked for item in report.findings) + 1
        found = tuple(_numbered(item, number) for number, item in enumerate(made.findings, first))
        gaps = (*report.gaps, made.gap) if made.gap and made.gap not in report.gaps else report.gaps
        update = {"findings": (*report.findings, *found), "reads": (*report.reads, made.read), "gaps": gaps}
        self.evidence = report.model_copy(update=update)
        if made.note:
            self.notes = (*self.notes, made.note)


def told_whole(past: Past) -> str:
    """A past incident in one line, with what people said of it."""
    said = "; ".join(
        f"a person said {each.said}{f', the true cause: {each.cause}' if each.cause else ''}" for each in past.feedback
    )
    alike = f", alike in {', '.join(past.alike)}" if past.alike else ""
    head = f"incident {past.incident_id} of {moment(past.opened_at)} ({past.score:.0%}{alike}): {past.title}"
    return ". ".join(filter(None, (head, f"concluded: {past.concluded}" if past.concluded else "", said)))


def _numbered(item: Evidence, number: int) -> Evidence:
    return item.model_copy(update={"id": f"{PREFIX}{number}"})
