from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from aiops_processor.demo import score
from aiops_processor.demo.score import Failure, Found
from aiops_processor.models.analysis import AnalysisResult, Verdict
from aiops_processor.models.evidence import Evidence, EvidenceReport, Gap, Outcome, Read, Window
from aiops_processor.models.incident import Incident, IncidentState

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FAILED = Read(source="loki", title="lines", query="{}", outcome=Outcome.FAILED, error="no answer within 10 s")


@pytest.fixture
def found() -> Callable[..., Found]:
    def found(*entities: str, reads: tuple[Read, ...] = (), merged_into: int | None = None) -> Found:
        incident = Incident(
            id=1, title="", severity="", state=IncidentState.ANALYSED, source="", group_key="", reason="",
            opened_at=NOW, updated_at=NOW, merged_into=merged_into,
        )  # fmt: skip
        findings = tuple(
            Evidence(id=f"M{n}", kind="metric", entity=each, title="", statement=f"{each} rose", query="", score=1)
            for n, each in enumerate(entities)
        )
        report = EvidenceReport(
            window=Window(start=NOW, onset=NOW, end=NOW),
            findings=findings,
            reads=reads,
            gaps=(Gap(source="loki", reason="down"),) if reads else (),
        )
        analysis = AnalysisResult(
            alert_name="",
            severity="",
            summary="",
            root_cause="",
            outcome=Verdict.FOUND,
            confidence=0.5,
            analyzed_at=NOW,
        )
        return Found(incident=incident, evidence=report, analysis=analysis)

    return found


def test_a_case_ranks_the_broken_entity_among_those_of_the_evidence(found: Callable[..., Found]) -> None:
    case = score.case("a", [found("web", "web", "db")], "db", 1.234)
    assert (case.entities, case.truth, case.rank, case.seconds) == (("web", "db"), "db", 2, 1.23)
    assert case.evidence == ("web rose", "web rose", "db rose")


def test_what_the_evidence_does_not_name_has_no_rank(found: Callable[..., Found]) -> None:
    assert score.case("a", [found("web")], "db", 1).rank is None


def test_with_several_incidents_the_first_of_each_comes_before_the_second_of_any(found: Callable[..., Found]) -> None:
    case = score.case("a", [found("web", "db"), found("cache", "web")], "cache", 1)
    assert case.entities == ("web", "cache", "db")


def test_an_incident_that_was_merged_into_another_is_not_counted(found: Callable[..., Found]) -> None:
    case = score.case("a", [found("web"), found("db", merged_into=1)], "web", 1)
    assert (case.incidents, case.entities) == (1, ("web",))


def test_a_source_that_failed_is_a_failure_of_the_machinery(found: Callable[..., Found]) -> None:
    case = score.case("a", [found("web", reads=(FAILED,))], "db", 1)
    assert case.failures == ("loki did not answer lines: no answer within 10 s",)
    assert case.gaps == ("loki: down",)
    assert score.summarise([case], []).failures == (Failure(case="a", error=case.failures[0]),)


def test_an_incident_without_an_analysis_is_a_failure(found: Callable[..., Found]) -> None:
    bare = found("web").model_copy(update={"analysis": None, "evidence": None})
    assert score.case("a", [bare], None, 1).failures == ("incident 1 has no analysis",)


def test_the_summary_takes_shares_of_the_cases_with_a_fault_alone(found: Callable[..., Found]) -> None:
    cases = [
        score.case("first", [found("db", "web")], "db", 1),
        score.case("fourth", [found("a", "b", "c", "db")], "db", 2),
        score.case("quiet", [], None, 3),
        score.case("false alarm", [found("web")], None, 4),
    ]
    summary = score.summarise(cases, [Failure(case="broken", error="no info.json")])
    assert (summary.cases, summary.faults, summary.quiet, summary.quiet_right) == (4, 2, 2, 1)
    assert (summary.top1, summary.top3, summary.mean_reciprocal_rank) == (0.5, 0.5, 0.625)
    assert (summary.seconds, summary.incidents) == (10, 3)
    assert [each.case for each in summary.failures] == ["broken"]


def test_without_a_fault_there_are_no_shares() -> None:
    assert score.summarise([], []).top1 is None
