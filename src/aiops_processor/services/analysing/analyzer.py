"""The analysis itself: evidence first, then an explanation. Knows nothing of storage."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog

from aiops_processor.clock import Clock
from aiops_processor.errors import AiopsError, BudgetSpent, ModelError
from aiops_processor.evidence.words.summary import without_model
from aiops_processor.llm.memory import Journal
from aiops_processor.masking import Mask
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Exchange, Spent, Usage
from aiops_processor.models.evidence import EvidenceReport, Gap
from aiops_processor.models.past import Past
from aiops_processor.telemetry import Metrics

log = structlog.get_logger(__name__)

BATCH_AT_ONCE = 8
NOTHING = Spent()


class Gathers(Protocol):
    """Collects and ranks what changed around some alerts."""

    async def gather(self, alerts: Sequence[Alert], now: datetime) -> EvidenceReport: ...


class Explains(Protocol):
    """Writes the analysis with a language model. Raises ModelError."""

    async def explain(
        self,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        record: Callable[[Exchange], None],
        incident: Spent,
        day: Spent,
        past: Sequence[Past] = (),
        found: Callable[[EvidenceReport], None] = lambda _: None,
        *,
        journal: Journal | None = None,
        patient: bool = True,
    ) -> AnalysisResult: ...


class Explained(NamedTuple):
    """An analysis, and every question that it took.

    `evidence` is what was given and what the model's own questions added. `failure` is why no model explained it
    although one was asked and may answer later; None where nothing is missing.
    """

    result: AnalysisResult
    exchanges: tuple[Exchange, ...]
    evidence: EvidenceReport
    failure: ModelError | None = None


class Analyzer:
    """Gathers, then explains; where no model is configured or it fails, the ranked evidence is the report."""

    def __init__(
        self, gatherer: Gathers, explainer: Explains | None, clock: Clock, metrics: Metrics, mask: Mask | None = None
    ) -> None:
        self._gatherer = gatherer
        self._explainer = explainer
        self._clock = clock
        self._metrics = metrics
        self._mask = mask
        self._today, self._spent = clock.now().date(), NOTHING

    def use(self, gatherer: Gathers, explainer: Explains | None, mask: Mask | None = None) -> None:
        """From now on work with these; what is under way ends with those that it began with."""
        self._gatherer = gatherer
        self._explainer = explainer
        self._mask = mask

    @property
    def has_model(self) -> bool:
        return self._explainer is not None

    async def gather(self, alerts: Sequence[Alert]) -> EvidenceReport:
        """What changed around these alerts. A source that fails is a gap in the report, not an error."""
        report = await self._gatherer.gather(alerts, self._clock.now())
        self._count(report)
        # Before it is stored, shown or sent: a line that was never masked can leave by any door.
        return await asyncio.to_thread(self._mask.model, report) if self._mask else report

    async def explain(
        self,
        alerts: Sequence[Alert],
        evidence: EvidenceReport,
        incident: Spent = NOTHING,
        day: Spent = NOTHING,
        past: Sequence[Past] = (),
        *,
        journal: Journal | None = None,
        patient: bool = True,
    ) -> Explained:
        """The analysis of this evidence. A model that fails, or may not be asked, is a gap in it, not an error.

        `incident` and `day` are what was spent before, for the budgets; `past` are incidents that were alike. `journal`
        is where answers are kept until the analysis is. Not `patient`: a model that fails is not asked twice here.
        """
        exchanges: list[Exchange] = []
        reports = [evidence]
        if mask := self._mask:  # in a thread: hundreds of alerts take a good part of a second
            alerts = await asyncio.to_thread(lambda: [mask.model(alert) for alert in alerts])
            past = await asyncio.to_thread(lambda: [mask.model(each) for each in past])
        try:
            asked = self._explain(alerts, reports, exchanges, incident, day, past, journal, patient=patient)
            result, failure = await asked, None
        except ModelError as error:
            log.warning("model failed", error=str(error), kind=type(error).__name__)
            spent = isinstance(error, BudgetSpent)
            reason = str(error) if spent else f"no usable answer: {error}"
            result, failure = self._partial(alerts, reports[-1], exchanges, reason), None if spent else error
        except Exception as error:  # whatever broke, the evidence and what was paid for must not be lost with it
            log.exception("explaining failed")
            reason = str(error) if isinstance(error, AiopsError) else f"explaining failed ({type(error).__name__})"
            result, failure = self._partial(alerts, reports[-1], exchanges, reason), None
        self._metrics.analyses.labels(result.outcome).inc()
        for each in exchanges:
            self._metrics.model_calls.labels(_ended(each)).inc()
            self._metrics.model_calls.labels("failed").inc(max(0, each.requests - 1))
            self._metrics.model_tokens.labels("input").inc(each.input_tokens)
            self._metrics.model_tokens.labels("output").inc(each.output_tokens)
            self._metrics.model_cost.inc(each.cost_usd or 0.0)
        return Explained(result, tuple(exchanges), reports[-1], failure)

    async def analyze(self, alerts: Sequence[Alert]) -> AnalysisResult:
        """Both in one: what changed, where, since when and why. What the day may cost is counted in this process."""
        if (today := self._clock.now().date()) != self._today:
            self._today, self._spent = today, NOTHING
        with self._metrics.analysis_duration.time():
            explained = await self.explain(alerts, await self.gather(alerts), day=self._spent)
        paid = [each for each in explained.exchanges if not each.remembered]
        self._spent = Spent(
            calls=self._spent.calls + sum(each.requests for each in paid),
            tokens=self._spent.tokens + sum(each.input_tokens + each.output_tokens for each in paid),
            usd=self._spent.usd + sum(each.cost_usd or 0.0 for each in paid),
        )
        return explained.result

    async def analyze_each(self, alerts: Sequence[Alert]) -> list[AnalysisResult | BaseException]:
        """Each alert by itself, some at a time; a result or an error for each, in the order given."""
        places = asyncio.Semaphore(BATCH_AT_ONCE)

        async def one(alert: Alert) -> AnalysisResult:
            async with places:
                return await self.analyze([alert])

        return await asyncio.gather(*map(one, alerts), return_exceptions=True)

    def _count(self, report: EvidenceReport) -> None:
        """What the evidence cost its sources, and which limits it met."""
        metrics = self._metrics
        for read in report.reads:
            metrics.reads.labels(read.source, read.outcome).inc()
            metrics.read_seconds.labels(read.source).inc(read.seconds)
            metrics.read_series.labels(read.source).inc(read.series)
            metrics.read_points.labels(read.source).inc(read.points)
            metrics.read_bytes.labels(read.source).inc(read.octets)
        for gap in report.gaps:
            if gap.limit:
                metrics.read_limits.labels(gap.source, gap.limit).inc()

    async def _explain(
        self,
        alerts: Sequence[Alert],
        reports: list[EvidenceReport],
        exchanges: list[Exchange],
        incident: Spent,
        day: Spent,
        past: Sequence[Past],
        journal: Journal | None,
        *,
        patient: bool,
    ) -> AnalysisResult:
        """Raises ModelError. What the model finds by itself is added to `reports`."""
        evidence = reports[-1]
        if self._explainer is None:
            return without_model(alerts, evidence, self._clock.now())
        return await self._explainer.explain(
            alerts, evidence, exchanges.append, incident, day, past, reports.append, journal=journal, patient=patient
        )

    def _partial(
        self, alerts: Sequence[Alert], evidence: EvidenceReport, exchanges: Sequence[Exchange], reason: str
    ) -> AnalysisResult:
        """The ranked evidence alone, saying why."""
        gap = Gap(source="model", reason=self._mask.text(reason) if self._mask else reason)
        with_gap = evidence.model_copy(update={"gaps": (*evidence.gaps, gap)})
        return _with_costs(without_model(alerts, with_gap, self._clock.now()), exchanges)


def _with_costs(result: AnalysisResult, exchanges: Sequence[Exchange]) -> AnalysisResult:
    """What the questions took that led to no analysis: it was paid for all the same."""
    usage = Usage(
        requests=sum(each.requests for each in exchanges if not each.remembered),
        input_tokens=sum(each.input_tokens for each in exchanges),
        output_tokens=sum(each.output_tokens for each in exchanges),
    )
    known = [each.cost_usd for each in exchanges if each.cost_usd is not None]
    return result.model_copy(update={"usage": usage, "cost_usd": sum(known) if known else None})


def _ended(exchange: Exchange) -> str:
    if exchange.remembered:
        return "remembered"
    return "failed" if exchange.error else "answered"
