from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

import pytest

from aiops_processor.evidence.words.summary import HIGHEST_CONFIDENCE, without_model
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.evidence import (
    Evidence,
    EvidenceReport,
    Gap,
    LogCount,
    LogLine,
    Outcome,
    Read,
    Standing,
    Window,
)

MakeAlert = Callable[..., Alert]
LOKI_GONE = Gap(source="loki", reason="refused")


def evidence(
    name: str, entity: str, score: float, kind: Literal["rule", "metric", "log", "change"] = "metric"
) -> Evidence:
    return Evidence(
        id=name, kind=kind, entity=entity, title=name, statement=f"{name} of {entity}", query="q", score=score
    )


@pytest.fixture
def report(noon: datetime) -> EvidenceReport:
    window = Window(start=noon - timedelta(minutes=15), onset=noon - timedelta(minutes=1), end=noon)
    found = (evidence("M1", "db", 1), evidence("C1", "db", 0.9, "change"), evidence("M2", "cart", 0.4))
    return EvidenceReport(window=window, findings=found, healthy=("mail: 3 measures as usual",))


def test_the_strongest_change_is_named_as_a_hypothesis(
    alert: MakeAlert, report: EvidenceReport, noon: datetime
) -> None:
    result = without_model([alert(severity="warning"), alert(severity="critical")], report, noon)

    assert result.outcome is Verdict.FOUND
    assert result.root_cause.startswith("Hypothesis")
    assert "strongest change at db: M1 of db [M1]; C1 of db [C1]" in result.root_cause
    assert result.affected == ("db", "cart")
    assert result.checked_healthy == report.healthy
    assert (result.severity, result.model, result.alert_name) == ("critical", "", "HighErrorRate")
    assert [each.id for each in result.evidence] == ["M1", "C1", "M2"]
    assert result.hypotheses[0].supports == ("M1", "C1")


def test_confidence_is_the_rankings_and_falls_with_gaps(
    alert: MakeAlert, report: EvidenceReport, noon: datetime
) -> None:
    likely = report.model_copy(update={"confidence": 0.7})
    gappy = likely.model_copy(update={"gaps": (LOKI_GONE,)})
    certain = report.model_copy(update={"confidence": 0.999})

    confidence = [without_model([alert()], each, noon).confidence for each in (report, gappy, likely, certain)]

    assert confidence == [0.3, 0.6, 0.7, HIGHEST_CONFIDENCE]


def test_a_rule_alone_leaves_the_question_open(alert: MakeAlert, report: EvidenceReport, noon: datetime) -> None:
    rule = report.model_copy(update={"findings": (evidence("A1", "db", 0, "rule"),)})

    assert without_model([alert()], rule, noon).outcome is Verdict.INCONCLUSIVE


def test_nothing_unusual_is_an_answer_only_where_all_was_seen(
    alert: MakeAlert, report: EvidenceReport, noon: datetime
) -> None:
    quiet = report.model_copy(update={"findings": ()})
    blind = quiet.model_copy(update={"gaps": (LOKI_GONE,)})

    assert without_model([alert()], quiet, noon).outcome is Verdict.NOT_AN_INCIDENT
    assert without_model([alert()], blind, noon).outcome is Verdict.INCONCLUSIVE


def test_where_nothing_is_unusual_the_most_changed_are_still_named(
    alert: MakeAlert, report: EvidenceReport, noon: datetime
) -> None:
    order = tuple(Standing(entity=name, score=0.4, share=0.31) for name in ("db", "cart", "web", "mail"))
    result = without_model([alert()], report.model_copy(update={"findings": (), "order": order}), noon)

    assert result.outcome is Verdict.NOT_AN_INCIDENT
    assert result.affected == ()
    assert result.summary.endswith("Most changed: db, cart, web; in 31% of quiet times somebody changes as much.")


def test_what_changed_is_told_but_no_cause_is_found_where_nobody_knows_what_is_usual(
    alert: MakeAlert, report: EvidenceReport, noon: datetime
) -> None:
    unsure = report.model_copy(update={"unsure": True, "confidence": 0.9})
    result = without_model([alert()], unsure, noon)

    assert result.outcome is Verdict.INCONCLUSIVE
    assert result.confidence <= 0.3
    assert "db changed most" in result.summary
    assert result.summary.endswith("But too little was seen of the time before to know what is usual.")
    assert "strongest change at db" in result.root_cause


def test_a_log_finding_is_told_by_what_its_line_says(alert: MakeAlert, report: EvidenceReport, noon: datetime) -> None:
    line = LogLine(at=noon, labels={}, line='{"ts": 1, "msg": "pool exhausted"}', message="pool exhausted")
    counts = LogCount(before=0, after=63, before_seconds=302, after_seconds=30)
    log = evidence("L1", "db", 1, "log").model_copy(
        update={"title": "new error line of db", "logs": counts, "lines": (line,)}
    )
    result = without_model([alert()], report.model_copy(update={"findings": (log, *report.findings)}), noon)

    assert "new error line of db (63 in 30 s): “pool exhausted” [L1]" in result.root_cause
    assert result.summary == "Since 11:59:00 UTC db changed most, then cart."


def asked(source: str, outcome: Outcome, query: str = '{app=~".+"}') -> Read:
    return Read(source=source, title="t", query=query, outcome=outcome)


DEAD = asked("prometheus", Outcome.FAILED, "up")
SILENT = asked("loki", Outcome.FAILED, "/labels")
LINES = evidence("L1", "cart", 1, "log")
RULE = evidence("A1", "cart", 0, "rule")


@pytest.mark.parametrize(
    ("reads", "findings", "healthy", "said"),
    [
        ((DEAD,), (LINES,), (), "cart changed most. But no metric could be compared."),
        ((DEAD,), (LINES, RULE), (), "cart changed most. But no metric but the rule could be compared."),
        ((DEAD,), (LINES,), ("mail: 3 measures as usual",), "cart changed most."),
        ((DEAD, SILENT), (evidence("M1", "cart", 1),), (), "cart changed most. But no log line could be read."),
        ((SILENT, asked("loki", Outcome.EMPTY)), (evidence("M1", "cart", 1),), (), "cart changed most."),
        ((DEAD, asked("loki", Outcome.EMPTY)), (), (), "looked at. But no metric could be compared."),
    ],
)
def test_what_was_not_seen_at_all_is_said_beside_the_conclusion(
    alert: MakeAlert,
    report: EvidenceReport,
    noon: datetime,
    reads: tuple[Read, ...],
    findings: tuple[Evidence, ...],
    healthy: tuple[str, ...],
    said: str,
) -> None:
    seen = {"reads": reads, "findings": findings, "healthy": healthy, "gaps": (LOKI_GONE,)}
    assert without_model([alert()], report.model_copy(update=seen), noon).summary.endswith(said)


@pytest.mark.parametrize("reads", [(DEAD, SILENT), (DEAD,), (SILENT,), ()])
def test_where_nobody_answered_nothing_is_known_not_even_that_nothing_is_unusual(
    alert: MakeAlert, report: EvidenceReport, noon: datetime, reads: tuple[Read, ...]
) -> None:
    blind = report.model_copy(update={"findings": (), "healthy": (), "gaps": (LOKI_GONE,), "reads": reads})
    result = without_model([alert()], blind, noon)
    assert (result.outcome, result.confidence) == (Verdict.INCONCLUSIVE, 0.0)
    assert "nothing could be looked at" in result.summary
    assert "unusual" not in result.summary + result.root_cause + result.severity_assessment


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (("firing",), "the alert fires with severity warning; "),
        (("resolved",), "the alert has ended, it fired with severity warning; "),
        (("firing", "firing"), "all 2 alerts fire, the worst with severity warning; "),
        (("firing", "resolved"), "1 of 2 alerts fire, the worst with severity warning; "),
        (("resolved", "resolved"), "none of 2 alerts fires any more, the worst had severity warning; "),
    ],
)
def test_how_many_fire_is_said_as_one_says_it(
    alert: MakeAlert, report: EvidenceReport, noon: datetime, states: tuple[str, ...], said: str
) -> None:
    alerts = [alert(severity="warning").model_copy(update={"status": state}) for state in states]
    assert without_model(alerts, report, noon).severity_assessment.startswith(said)
