"""What the pages show, before it is markup."""

from collections.abc import Callable

import pytest

from aiops_processor.models.analysis import Statement, Verdict
from aiops_processor.models.incident import Episode, IncidentState, TimelineEntry
from aiops_processor.models.notification import Message
from aiops_processor.web.api import IncidentDetail
from aiops_processor.web.console import view

Detail = Callable[..., IncidentDetail]


@pytest.fixture
def detail(message: Message) -> Detail:
    """The message's incident as it is loaded, with changes to the incident."""

    def make(
        *, alerts: int = 1, analysed: bool = True, timeline: tuple[str, ...] = (), **changes: object
    ) -> IncidentDetail:
        episode = Episode(
            id=1,
            source="default",
            receiver="aiops",
            group_key="",
            alert=message.alerts[0],
            first_seen=message.sent_at,
            last_seen=message.sent_at,
        )
        return IncidentDetail(
            incident=message.incident.model_copy(update=changes),
            episodes=(episode,) * alerts,
            timeline=tuple(TimelineEntry(at=message.sent_at, kind="failed", text=text) for text in timeline),
            deliveries=(),
            evidence=message.evidence if analysed else None,
            analysis=message.analysis if analysed else None,
        )

    return make


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://prometheus.example/graph?g0.expr=up", True),
        ("http://127.0.0.1:9090/graph", True),
        ("http://[::1]:9090", True),
        ("HTTPS://Grafana.example#a", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example", False),
        ("/etc/passwd", False),
        ("https://", False),
        ("https://grafana.example@evil.example/", False),
        ('https://a.example/" onmouseover="alert(1)', False),
        ("https://a.example/<script>", False),
        ("https://[", True),  # a browser goes nowhere with it
        ("https://a.example/\u202egnp.exe", False),
        (f"https://a.example/{'a' * 20_000}", False),  # cut, it would lead elsewhere
        ("", False),
    ],
)
def test_only_plain_http_addresses_become_links(url: str, link: bool) -> None:
    assert bool(view.address(url)) is link


@pytest.mark.parametrize("url", ["https://prometheus.example:9090/graph?a=b", "https://prometheus.example:9090"])
def test_a_link_says_where_it_leads(url: str) -> None:
    assert view.host(url) == "prometheus.example:9090"


@pytest.mark.parametrize(
    ("name", "tone"), [("critical", "bad"), ("Page", "bad"), ("warning", "warn"), ("info", "info"), ("P3 <b>", "quiet")]
)
def test_a_severity_keeps_its_name_and_is_coloured_where_it_is_known(name: str, tone: view.Tone) -> None:
    assert view.severity(name) == view.Word(name, tone)


def test_an_analysed_incident_has_its_answer_and_no_notice(message: Message, detail: Detail) -> None:
    page = view.page(detail(), message.sent_at)
    assert page.notice is None
    assert page.answer is not None
    assert page.answer.cause == "Root cause"
    assert page.known == {"M1", "L1", "M2", "M3"}


def test_a_cause_that_was_not_found_is_only_possible(message: Message, detail: Detail) -> None:
    made = detail()
    assert made.analysis
    unsure = made.analysis.model_copy(update={"outcome": Verdict.INCONCLUSIVE})
    answer = view.page(made.model_copy(update={"analysis": unsure}), message.sent_at).answer
    assert answer is not None
    assert answer.cause == "Possible cause"
    assert answer.tone == "warn"
    ranked = view.page(
        made.model_copy(update={"analysis": made.analysis.model_copy(update={"model": ""})}), message.sent_at
    )
    assert ranked.answer is not None
    assert ranked.answer.cause == "Possible cause", "a ranking knows where, not why"


def test_statements_that_are_the_findings_own_are_not_said_twice(message: Message, detail: Detail) -> None:
    made = detail()
    assert made.analysis
    assert made.evidence
    own = Statement(id="M1", statement=made.evidence.findings[0].statement, verified=True)
    changed = made.analysis.model_copy(update={"evidence": (own, *made.analysis.evidence)})
    answer = view.page(made.model_copy(update={"analysis": changed}), message.sent_at).answer
    assert answer is not None
    assert answer.claims == made.analysis.evidence
    assert answer.unverified == 1


@pytest.mark.parametrize(
    ("state", "notice"),
    [
        (IncidentState.ANALYSING, "A newer analysis is under way; this is the one before it."),
        (IncidentState.FAILED, "The newest analysis failed; this is the one before it. the disk was full"),
    ],
)
def test_an_answer_that_is_not_the_newest_says_so(
    message: Message, detail: Detail, state: IncidentState, notice: str
) -> None:
    page = view.page(detail(state=state, timeline=("the disk was full",)), message.sent_at)
    assert page.notice is not None
    assert page.notice.text == notice
    assert page.answer is not None
    assert not page.waiting


def test_without_an_analysis_the_page_waits_for_it(message: Message, detail: Detail) -> None:
    page = view.page(detail(analysed=False, state=IncidentState.ANALYSING), message.sent_at)
    assert page.waiting
    assert page.notice is not None
    assert page.notice.text.startswith("Being analysed")


def test_gaps_of_evidence_and_analysis_are_told_once(message: Message, detail: Detail) -> None:
    made = detail()
    assert made.analysis
    assert made.evidence
    assert made.analysis.gaps == made.evidence.gaps
    assert view.page(made, message.sent_at).gaps == ("Loki: timed out after 10 s",)


def test_an_incident_asked_for_by_hand_does_not_pretend_to_know_that_it_fires_on(
    message: Message, detail: Detail
) -> None:
    page = view.page(detail(manual=True), message.sent_at)
    assert page.standing.text == "Asked for by hand. Firing since 2026-01-31 12:01:00 UTC (5 s)"


def test_a_storm_shows_its_first_alerts_and_counts_the_others(message: Message, detail: Detail) -> None:
    page = view.page(detail(alerts=view.MOST_ALERTS + 7), message.sent_at)
    assert len(page.alerts) == view.MOST_ALERTS
    assert page.more_alerts == 7


def test_a_row_does_not_repeat_the_title_or_cite(message: Message) -> None:
    assert message.analysis
    summary = f"{message.incident.title}: since noon payments fails [M1, L2]. It is down [C1]."
    analysis = message.analysis.model_copy(update={"summary": summary})
    row = view.row(message.incident, 1, analysis, message.sent_at)
    assert row.about.text == "Since noon payments fails. It is down."
    assert row.lasted == "7 min 16 s"


def test_without_a_model_the_first_cause_is_the_answer_and_no_other_one(message: Message, detail: Detail) -> None:
    assert message.analysis
    ranked = message.analysis.model_copy(update={"model": "", "extra": {"jira_title": "t", "empty": ""}})
    answer = view.page(detail().model_copy(update={"analysis": ranked}), message.sent_at).answer
    assert answer
    assert answer.others == ranked.hypotheses[1:]
    assert answer.extra == (("jira title", "t"),)
