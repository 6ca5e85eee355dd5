"""The three forms of a report: text, Markdown, JSON."""

import json
import re
from collections.abc import Callable

import pytest

from aiops_processor.models.analysis import AnalysisResult, Step
from aiops_processor.models.evidence import Change
from aiops_processor.models.notification import Message
from aiops_processor.report import as_json, as_markdown, as_text

HOSTILE = "<!channel> [win](http://evil.example) <script>x</script> www.evil.example `rm` \x1b[31m *bold* @here"


@pytest.fixture
def analysis(message: Message) -> AnalysisResult:
    assert message.analysis
    return message.analysis


@pytest.mark.parametrize("write", [as_text, as_markdown, as_json])
def test_a_report_can_be_written_without_evidence_and_alerts(
    write: Callable[..., str], analysis: AnalysisResult
) -> None:
    assert "HighErrorRate" in write(analysis, None, [])


def test_a_text_begins_with_what_fires_and_since_when(message: Message, analysis: AnalysisResult) -> None:
    lines = as_text(analysis, message.evidence, message.alerts, message.url).splitlines()
    assert lines[0] == "HighErrorRate on checkout [critical]"
    assert lines[1] == "Firing since 2026-01-31 12:01:00 UTC (7 min 20 s)"


def test_a_text_has_100_columns_but_for_what_is_copied(message: Message, analysis: AnalysisResult) -> None:
    long = analysis.model_copy(update={"summary": "word " * 500})
    lines = as_text(long, message.evidence, message.alerts, message.url).splitlines()
    assert max(map(len, lines)) <= 100


def test_a_gap_is_loud_in_the_text(message: Message, analysis: AnalysisResult) -> None:
    assert "!!! NOT LOOKED AT !!!\n  Loki: timed out after 10 s\n" in as_text(
        analysis, message.evidence, message.alerts
    )


def test_a_command_stands_on_a_line_of_its_own(message: Message, analysis: AnalysisResult) -> None:
    assert "\n      kubectl rollout restart deploy/checkout\n" in as_text(analysis, message.evidence, message.alerts)


def test_a_text_holds_no_control_characters(message: Message, analysis: AnalysisResult) -> None:
    hostile = analysis.model_copy(update={"summary": HOSTILE, "root_cause": "\x1b]0;owned\x07"})
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", as_text(hostile, message.evidence, message.alerts))


def test_markdown_of_a_model_neither_links_nor_mentions_nor_runs(message: Message, analysis: AnalysisResult) -> None:
    step = Step(priority=1, action=HOSTILE, command=HOSTILE, risk="low")
    hostile = analysis.model_copy(update={"summary": HOSTILE, "severity": HOSTILE, "remediation_steps": (step,)})
    text = as_markdown(hostile, None, message.alerts, "https://aiops.example/incidents/3")
    shown = re.sub(r"(`+)[^\n]*\1", "", text)  # what stands in a code span is shown as it is
    assert re.findall(r"(?<!\\)\[[^\]]*\]\(([^)]*)\)", shown) == ["<https://aiops.example/incidents/3>"]
    assert "<script" not in shown
    assert "<!channel" not in shown
    assert not re.search(r"https?:(?!\u2060)//evil|www\.(?!\u2060)|@here", shown)


def test_a_code_span_cannot_be_left_with_a_backtick(message: Message, analysis: AnalysisResult) -> None:
    step = Step(priority=1, action="a", command="echo ``` <b> `", risk="low")
    text = as_markdown(analysis.model_copy(update={"remediation_steps": (step,)}), None, message.alerts)
    assert "  ```` echo ``` <b> ` ````\n" in text


def test_json_is_versioned_and_whole(message: Message, analysis: AnalysisResult) -> None:
    document = json.loads(as_json(analysis, message.evidence, message.alerts, message.url))
    assert document["schema_version"] == "1"
    assert document["analysis"]["confidence"] == 0.82
    assert document["alerts"][0]["startsAt"] == "2026-01-31T12:01:00Z"
    assert [item["id"] for item in document["evidence"]["findings"]] == ["M1", "L1", "M2", "M3"]


def test_json_has_no_nan(message: Message, analysis: AnalysisResult) -> None:
    assert message.evidence
    odd = message.evidence.findings[0].model_copy(
        update={"change": Change(before=float("nan"), after=float("inf"), score=1)}
    )
    report = message.evidence.model_copy(update={"findings": (odd,)})
    document = json.loads(as_json(analysis, report, []), parse_constant=pytest.fail)
    assert document["evidence"]["findings"][0]["change"]["before"] is None


def test_the_first_lines_of_a_text_hold_the_conclusion(message: Message, analysis: AnalysisResult) -> None:
    lines = as_text(analysis, message.evidence, message.alerts, message.url).splitlines()
    places = [lines.index(title) for title in ("ALERTS", "CONCLUSION", "!!! NOT LOOKED AT !!!", "CHANGED MOST")]
    assert places == sorted(places)
    assert places[1] < 10
    assert len(lines) < 60


def test_a_query_is_cut_in_the_text_and_whole_where_there_is_no_page(
    message: Message, analysis: AnalysisResult
) -> None:
    assert message.evidence
    long = "sum(rate(x{" + "a" * 200 + "}[1m]))"
    finding = message.evidence.findings[0].model_copy(update={"query": long, "link": ""})
    report = message.evidence.model_copy(update={"findings": (finding,)})
    with_page = as_text(analysis, report, message.alerts, "https://aiops.example/incidents/3")
    assert long not in with_page
    assert with_page.endswith("LINKS\n  This incident: https://aiops.example/incidents/3\n")
    assert long in as_text(analysis, report, message.alerts)
    assert long in as_markdown(analysis, report, message.alerts, "https://aiops.example/incidents/3")


def test_a_finding_is_linked_where_it_was_measured_and_in_grafana(message: Message, analysis: AnalysisResult) -> None:
    assert message.evidence
    links = {"link": "http://prom.example/graph?a", "explore": "http://grafana.example/explore?b"}
    finding = message.evidence.findings[0].model_copy(update=links)
    report = message.evidence.model_copy(update={"findings": (finding,)})
    assert f"[M1]: {links['link']}\n  [M1] in Grafana: {links['explore']}" in as_text(analysis, report, message.alerts)
    shown = as_markdown(analysis, report, message.alerts)
    assert all(f"](<{link}>)" in shown for link in links.values())
