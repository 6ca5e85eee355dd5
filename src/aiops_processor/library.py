"""The front door for programs: `AlertAnalyzer`, the analysis without the service around it."""

from collections.abc import Sequence

from aiops_processor import config, parts
from aiops_processor.clock import Clock, SystemClock
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.parts import plugging
from aiops_processor.services.analysing.analyzer import Analyzer
from aiops_processor.settings import Settings
from aiops_processor.telemetry import Metrics


class AlertAnalyzer:
    """Analyses alerts with the sources and the model of the settings; stores nothing and tells nobody.

    Without arguments the settings are read from the environment and the file, as the service does. Sources that are
    not configured or do not answer are gaps in the result. Close it with `aclose()`, or use it with `async with`.
    """

    def __init__(self, settings: Settings | None = None, clock: Clock | None = None) -> None:
        settings, clock = settings or config.load(), clock or SystemClock()
        metrics = Metrics()
        self._sources = parts.Sources.of(settings, parts.cache(clock, metrics))
        door = plugging.door(settings)
        self._model = parts.model(settings, door)
        own = plugging.for_evidence(settings, door)
        gatherer = parts.gatherer(settings, self._sources, clock, own=own)
        explainer = parts.explainer(settings, self._model, clock, parts.toolbox(settings, self._sources))
        self._analyzer = Analyzer(gatherer, explainer, clock, metrics, parts.mask(settings))

    async def analyze_alert(self, alert: Alert) -> AnalysisResult:
        """What changed around this alert, where, since when and why."""
        return await self._analyzer.analyze([alert])

    async def batch_analyze_alerts(self, alerts: Sequence[Alert]) -> list[AnalysisResult | BaseException]:
        """Each alert by itself, eight at a time: a result or an error for each, in the order given."""
        return await self._analyzer.analyze_each(alerts)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sources.aclose()
        if self._model:
            await self._model.aclose()

    async def __aenter__(self) -> "AlertAnalyzer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
