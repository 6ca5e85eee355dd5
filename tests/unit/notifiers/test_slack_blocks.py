import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops_processor.models.analysis import Hypothesis, Statement, Step
from aiops_processor.models.evidence import Gap
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.notifiers.slack_blocks import MOST_HEADER, MOST_LINK, MOST_SECTION, body, plain

INCIDENT = "<https://aiops.example/incidents/3|Open the incident>"
OWN = {INCIDENT, "<https://grafana.example/explore?m1|M1 graph>"}
HOSTILE = "<!channel> <@U123> <http://evil.example|click> & https://evil.example www.evil.example mailto:a@b.c `x"


def test_a_message_leads_with_what_fires_and_why(message: Message) -> None:
    shown = _shown(message)
    order = ["HighErrorRate on checkout", "Firing since", "Cause found", "Not looked at", "0 → 12.4/s", "Do next"]
    places = [shown.index(words) for words in order]
    assert places == sorted(places)
    assert ":warning: Not looked at*\n• Loki: timed out after 10 s" in shown
    assert "`kubectl rollout restart deploy/checkout`" in shown
    assert "A deploy happened — NOT VERIFIED" in shown


def test_a_first_message_goes_out_without_an_analysis(message: Message) -> None:
    first = message.model_copy(update={"occasion": Occasion.OPENED, "analysis": None, "evidence": None})
    blocks = body(first)["blocks"]
    assert [block["type"] for block in blocks] == ["header", "section", "section"]
    assert blocks[0]["text"]["text"] == "🔴 HighErrorRate on checkout [critical]"


def test_the_last_message_is_short_and_says_how_long(message: Message) -> None:
    ended = message.alerts[0].model_copy(update={"status": "resolved", "ends_at": message.sent_at})
    last = message.model_copy(update={"occasion": Occasion.RESOLVED, "alerts": (ended,)})
    shown = _shown(last)
    assert "🟢 Resolved: HighErrorRate on checkout" in shown
    assert "(7 min 21 s)" in shown
    assert "Do next" not in shown


def test_only_our_own_links_are_links(message: Message) -> None:
    text = json.dumps(body(_hostile(message, HOSTILE)), ensure_ascii=False)
    assert set(re.findall(r"<[^>]*>", text)) == OWN
    assert not re.search(r"(?<!<)https?://|www\.|mailto:", text)
    assert "&lt;!channel&gt;" in text


def test_slack_is_told_to_link_and_mention_nothing_by_itself(message: Message) -> None:
    made = body(message)
    assert (made["parse"], made["link_names"], made["unfurl_links"], made["mrkdwn"]) == ("none", False, False, False)
    texts = [block["text"] for block in made["blocks"]]
    assert all(text["verbatim"] for text in texts if text["type"] == "mrkdwn")


def test_a_command_cannot_leave_its_code_span(message: Message) -> None:
    assert message.analysis
    step = Step(priority=1, action="a", command="echo `id` *x*", risk="low")
    odd = message.model_copy(update={"analysis": message.analysis.model_copy(update={"remediation_steps": (step,)})})
    assert "`echo 'id' *x*`" in _shown(odd)


@pytest.mark.parametrize("filler", ["x", "&", "<", "日", "word ", "\n", "\x00"])
def test_whatever_is_in_it_a_message_stays_within_slacks_limits(message: Message, filler: str) -> None:
    _assert_within_limits(body(_hostile(message, filler * 100_000)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_no_text_makes_markup_or_breaks_a_limit(message: Message, text: str) -> None:
    made = body(_hostile(message, text))
    _assert_within_limits(made)
    written = json.dumps(made, ensure_ascii=False)
    assert set(re.findall(r"<[^>]*>", written)) == OWN


def test_findings_open_in_prometheus_and_in_grafana(message: Message) -> None:
    explored = _finding(message, link="http://prom.example/graph?a=1&b=2", explore="https://grafana.example/explore?x")
    assert (
        "<http://prom.example/graph?a=1&amp;b=2|M1 graph> · <https://grafana.example/explore?x|M1 in Grafana Explore>"
    ) in _shown(explored)


@pytest.mark.parametrize(
    "odd",
    [
        {"link": "javascript:alert(1)"},
        {"link": "http://prom.example/graph?" + "a" * MOST_LINK},
        {"link": "https://evil.example/", "source": "github"},
    ],
)
def test_what_is_no_address_of_ours_or_too_long_for_slack_is_no_link(message: Message, odd: dict[str, str]) -> None:
    assert set(re.findall(r"<[^>]*>", _shown(_finding(message, **odd)))) == {INCIDENT}


@pytest.mark.parametrize("most", range(1, 12))
def test_a_cut_among_entities_is_made_between_them(most: int) -> None:
    assert re.fullmatch("(&amp;)*…", plain("&" * 9, most))


@given(st.text(), st.integers(min_value=1, max_value=200))
def test_a_cut_never_leaves_half_an_entity(text: str, most: int) -> None:
    shown = plain(text, most)
    assert 1 <= len(shown) <= most
    assert not re.search(r"[<>]", shown)
    assert re.sub(r"&(amp|lt|gt);", "", shown).count("&") == 0


def _finding(message: Message, **changed: str) -> Message:
    """The message with its first finding alone, changed so."""
    assert message.evidence
    finding = message.evidence.findings[0].model_copy(update=changed)
    return message.model_copy(update={"evidence": message.evidence.model_copy(update={"findings": (finding,)})})


def _shown(message: Message) -> str:
    return "\n".join(block["text"]["text"] for block in body(message)["blocks"])


def _hostile(message: Message, text: str) -> Message:
    """The message with this text wherever a label, an annotation, a source or a model may put it."""
    assert message.analysis
    assert message.evidence
    alert = message.alerts[0].model_copy(
        update={"labels": {"alertname": text, "severity": text, "service": text}, "annotations": {"summary": text}}
    )
    step = Step(priority=1, action=text, command=text, description=text)
    analysis = message.analysis.model_copy(
        update={
            "summary": text,
            "root_cause": text,
            "severity_assessment": text,
            "affected": (text,) * 50,
            "model": text,
            "gaps": tuple(Gap(source=f"{number}{text}", reason=text) for number in range(50)),
            "remediation_steps": (step,) * 50,
            "evidence": (Statement(id=text, statement=text, verified=False),) * 50,
            "hypotheses": (Hypothesis(cause=text),) * 50,
            "checked_healthy": (text,) * 50,
        }
    )
    finding = message.evidence.findings[0].model_copy(update={"title": text, "entity": text})
    return message.model_copy(
        update={
            "incident": message.incident.model_copy(update={"title": text, "severity": text}),
            "alerts": (alert,) * 50,
            "analysis": analysis,
            "evidence": message.evidence.model_copy(update={"findings": (finding,) * 50}),
        }
    )


def _assert_within_limits(made: dict[str, Any]) -> None:
    assert 1 <= len(made["blocks"]) <= 50
    for block in made["blocks"]:
        most = MOST_HEADER if block["type"] == "header" else MOST_SECTION
        assert 1 <= len(block["text"]["text"]) <= most
    assert 1 <= len(made["text"]) <= 3000


def test_fields_of_the_users_own_are_told_as_text(message: Message) -> None:
    assert message.analysis
    own = message.analysis.model_copy(update={"extra": {"jira_title": HOSTILE}})
    shown = _shown(message.model_copy(update={"analysis": own}))
    assert "*Asked for besides*\n• jira title: &lt;!channel&gt;" in shown
    assert "<!channel>" not in shown
