"""Several sources: from which one an alert's evidence is taken, and the reports of several as one."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from aiops_processor.evidence.asking.plan import Question
from aiops_processor.evidence.words.findings import numbered
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap, Read, Standing, Window
from aiops_processor.query.matchers import Matcher, fit


class Gathers(Protocol):
    """Evidence from one Prometheus and one Loki, which its reads call `prometheus` and `loki`."""

    async def gather(
        self, alerts: Sequence[Alert], now: datetime | None = None, window: Window | None = None
    ) -> EvidenceReport: ...

    async def plan_only(self, alerts: Sequence[Alert], now: datetime | None = None) -> tuple[Question, ...]: ...


@dataclass(frozen=True)
class Choice:
    """Where the evidence of the alerts comes from that all matchers fit.

    `names` are the sources of its own, by what its reads call them: `{"prometheus": "prometheus/europe"}`; the others
    are the default's. The default itself has no matchers and no names.
    """

    gatherer: Gathers
    matchers: tuple[Matcher, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def source(self, kind: str) -> str:
        return self.names.get(kind, kind)


class Choosing:
    """Gathers for each alert from the first choice that fits it, else from the default; one report of all.

    Ids stay unique in it; reads, gaps and findings name a source that is not the default's.
    """

    def __init__(self, choices: Sequence[Choice], default: Choice) -> None:
        self._choices = tuple(choices)
        self._default = default

    async def gather(
        self, alerts: Sequence[Alert], now: datetime | None = None, window: Window | None = None
    ) -> EvidenceReport:
        """The evidence around these alerts; see `Gatherer.gather`."""
        chosen = self._chosen(alerts)
        reports = await asyncio.gather(*(choice.gatherer.gather(group, now, window) for choice, group in chosen))
        named = [_named(report, choice) for report, (choice, _) in zip(reports, chosen, strict=True)]
        return named[0] if len(named) == 1 else merged(named)

    async def plan_only(self, alerts: Sequence[Alert], now: datetime | None = None) -> tuple[Question, ...]:
        """What `gather` would ask for after discovery; see `Gatherer.plan_only`."""
        asked = await asyncio.gather(*(choice.gatherer.plan_only(group, now) for choice, group in self._chosen(alerts)))
        return tuple(question for questions in asked for question in questions)

    def _chosen(self, alerts: Sequence[Alert]) -> list[tuple[Choice, list[Alert]]]:
        """The choices that any alert falls on, with their alerts; the default where there is no alert at all."""
        groups: dict[int, list[Alert]] = {}
        every = (*self._choices, self._default)
        for alert in alerts:
            first = next(
                (i for i, each in enumerate(self._choices) if fit(each.matchers, alert.labels)), len(every) - 1
            )
            groups.setdefault(first, []).append(alert)
        return [(every[index], groups[index]) for index in sorted(groups)] or [(self._default, [])]


def merged(reports: Sequence[EvidenceReport]) -> EvidenceReport:
    """Several reports as one: over all of their time, findings strongest first with ids of their own."""
    windows = [report.window for report in reports]
    found = _once(finding for report in reports for finding in report.findings)
    return EvidenceReport(
        window=Window(
            start=min(window.start for window in windows),
            onset=min(window.onset for window in windows),
            end=max(window.end for window in windows),
        ),
        findings=numbered(sorted(found, key=lambda each: -each.score)),
        healthy=tuple(dict.fromkeys(text for report in reports for text in report.healthy)),
        gaps=tuple(dict.fromkeys(gap for report in reports for gap in report.gaps)),
        reads=tuple(read for report in reports for read in report.reads),
        order=_ordered(standing for report in reports for standing in report.order),
        unsure=any(report.unsure for report in reports),
    )


def _named(report: EvidenceReport, choice: Choice) -> EvidenceReport:
    """The report with the sources called by their names."""
    if not choice.names:
        return report
    where = _where(choice.source("prometheus"))
    return report.model_copy(
        update={
            "findings": tuple(_found_in(finding, choice) for finding in report.findings),
            "healthy": tuple(f"{text}{where}" for text in report.healthy),
            "gaps": tuple(_renamed(gap, choice) for gap in report.gaps),
            "reads": tuple(_read(read, choice) for read in report.reads),
        }
    )


def _found_in(finding: Evidence, choice: Choice) -> Evidence:
    if finding.source:
        return finding  # told of, not measured: it is the same wherever it is read
    where = _where(choice.source("loki" if finding.kind == "log" else "prometheus"))
    update = {"title": f"{finding.title}{where}", "statement": f"{finding.statement}{where}"}
    return finding.model_copy(update=update)


def _renamed(gap: Gap, choice: Choice) -> Gap:
    return gap.model_copy(update={"source": choice.source(gap.source)})


def _read(read: Read, choice: Choice) -> Read:
    return read.model_copy(update={"source": choice.source(read.source)})


def _where(source: str) -> str:
    _, _, name = source.partition("/")
    return f" (in {name})" if name else ""


def _once(found: Iterable[Evidence]) -> list[Evidence]:
    """Each once: two choices that share a source find the same there."""
    seen: dict[tuple[object, ...], Evidence] = {}
    for each in found:
        key = (each.kind, each.entity, each.title, each.query, tuple(sorted(each.labels.items())))
        if key not in seen or each.score > seen[key].score:
            seen[key] = each
    return list(seen.values())


def _ordered(standings: Iterable[Standing]) -> tuple[Standing, ...]:
    """Each entity once: scores of two systems are not alike, how rare they are in their quiet times is."""
    best: dict[str, Standing] = {}
    for each in sorted(standings, key=lambda each: (each.share, -each.score)):
        best.setdefault(each.entity, each)
    return tuple(best.values())
