from datetime import timedelta

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import Hypothesis, Statement, Verdict
from aiops_processor.models.evidence import Gap
from aiops_processor.models.notification import Message
from aiops_processor.report import words


def test_the_parts_stand_in_the_order_that_is_needed_at_night(message: Message) -> None:
    assert message.analysis
    titles = [part.title for part in words.sections(message.analysis, message.evidence, message.alerts, message.url)]
    assert titles == [
        "Alerts",
        "Conclusion",
        "Not looked at",
        "Changed most",
        "Do next",
        "Other causes to consider",
        "What the conclusion rests on",
        "Checked and healthy",
        "Links",
    ]


def test_findings_are_told_in_numbers(message: Message) -> None:
    assert message.evidence
    assert [words.finding(item) for item in message.evidence.findings] == [
        "[M1] checkout · failed requests: 0 → 12.4/s, from 12:00:10 UTC",
        "[L1] checkout · new error lines: 0 → 240 lines (0/s → 0.5/s): “ERROR pool exhausted after 3000 ms”",
        "[M2] db · connections in use: 20 → 97 %, from 12:00:02 UTC",
        "[M3] checkout · memory in use: 477 MiB → 1.4 GiB",
    ]


def test_a_finding_without_numbers_is_told_in_its_own_words(message: Message) -> None:
    assert message.evidence
    plain = message.evidence.findings[0].model_copy(update={"change": None})
    assert words.finding(plain) == "[M1] checkout · failed requests: Failed requests rose from 0 to 12.4 a second."


def test_only_the_five_strongest_findings_are_told(message: Message) -> None:
    assert message.evidence
    many = message.evidence.model_copy(update={"findings": message.evidence.findings * 3})
    assert words.strongest(many) == many.findings[:5]


def test_a_firing_alert_says_since_when_and_how_long(message: Message) -> None:
    assert words.standing(message.alerts, message.sent_at) == "Firing since 2026-01-31 12:01:00 UTC (7 min 21 s)"


def test_a_resolved_alert_says_from_when_to_when(message: Message) -> None:
    over = _resolved(message.alerts[0], minutes=12)
    assert words.standing([over], message.sent_at) == (
        "Resolved: fired from 2026-01-31 12:01:00 UTC to 2026-01-31 12:13:00 UTC (12 min)"
    )


def test_an_incident_fires_as_long_as_one_alert_does(message: Message) -> None:
    both = [_resolved(message.alerts[0], minutes=1), message.alerts[0]]
    assert words.standing(both, message.sent_at).startswith("Firing since")


def test_an_alert_says_where_it_fires_and_what_about(message: Message) -> None:
    line = words.firing(message.alerts, message.sent_at)[0]
    assert line == (
        "HighErrorRate (critical) since 12:01:00 UTC (7 min 21 s):"
        " service=checkout, instance=10.0.0.7:8080, env=prod — More than 5 % of the requests fail"
    )


def test_of_a_storm_the_first_alerts_are_told_and_the_rest_counted(message: Message) -> None:
    lines = words.firing(message.alerts * 1000, message.sent_at)
    assert len(lines) == 6
    assert lines[-1] == "and 995 more"


def test_alerts_that_are_not_in_the_message_are_counted_and_nothing_is_said_of_all(message: Message) -> None:
    two = [message.alerts[0].model_copy(update={"labels": {**message.alerts[0].labels, "pod": pod}}) for pod in "ab"]
    assert words.firing(two, message.sent_at)[-1].startswith("all of them")
    assert words.firing(two, message.sent_at, 7)[2:] == ["and 7 more"]


def test_every_silent_source_is_named_however_many_gaps_another_has() -> None:
    gaps = [Gap(source="prometheus", reason=f"question {number}: timed out") for number in range(50)]
    lines = words.missing([*gaps, Gap(source="loki", reason="refused the connection")])
    assert lines == [
        "Prometheus: question 0: timed out",
        "Prometheus: question 1: timed out",
        "Prometheus: question 2: timed out",
        "Prometheus: 47 more",
        "Loki: refused the connection",
    ]


def test_gaps_of_the_evidence_are_told_though_the_analysis_forgot_them(message: Message) -> None:
    assert message.analysis
    forgetful = message.analysis.model_copy(update={"gaps": ()})
    parts = words.sections(forgetful, message.evidence, message.alerts)
    assert [part.lines[0].text for part in parts if part.loud] == ["Loki: timed out after 10 s"]


def test_an_inconclusive_analysis_has_no_root_cause_but_a_possible_one(message: Message) -> None:
    assert message.analysis
    unsure = message.analysis.model_copy(update={"outcome": "inconclusive", "confidence": 0.4, "model": ""})
    said = words.conclusion(unsure)
    assert said[0] == "Inconclusive, confidence 40 % (ranked evidence, no model)"
    assert said[2].startswith("Possible cause: ")


def test_a_ranking_alone_says_where_it_began_and_calls_no_cause_found(message: Message) -> None:
    assert message.analysis
    began = Hypothesis(cause="it began in checkout", supports=("M1",))
    ranked = message.analysis.model_copy(update={"outcome": Verdict.FOUND, "model": "", "hypotheses": (began,)})
    assert words.verdict(ranked) == "Likely: it began in checkout, confidence 82 % (ranked evidence, no model)"
    unsure = ranked.model_copy(update={"confidence": 0.3})
    assert words.verdict(unsure) == "Possibly: it began in checkout, confidence 30 % (ranked evidence, no model)"


def test_what_is_unknown_is_called_no_possible_cause(message: Message) -> None:
    assert message.analysis
    unknown = message.analysis.model_copy(
        update={"outcome": "inconclusive", "root_cause": "Unknown: no change stands out from what is usual."}
    )
    assert words.conclusion(unknown)[2] == "Unknown: no change stands out from what is usual."


def test_a_rule_that_moved_is_told_with_its_limit(message: Message) -> None:
    assert message.evidence
    rule = message.evidence.findings[0].model_copy(
        update={"kind": "rule", "statement": "CrashLooping of checkout rose from 0 to 2.5; the rule fires at > 3"}
    )
    assert words.finding(rule).endswith("; fires at > 3")


def test_steps_are_told_most_urgent_first(message: Message) -> None:
    assert message.analysis
    assert [step.priority for step in words.steps(message.analysis)] == [1, 2]


def test_an_unverified_claim_is_shown_so(message: Message) -> None:
    assert message.analysis
    assert words.claims(message.analysis) == [
        "[M1] Failed requests rose from 0 to 12.4/s",
        "[–] A deploy happened — NOT VERIFIED",
    ]


def test_of_an_unverified_claim_it_is_told_why(message: Message) -> None:
    assert message.analysis
    doubted = Statement(id="M1", statement="It fell", verified=False, reason="M1 did not go\nthat way")
    told = message.analysis.model_copy(update={"evidence": (doubted,)})
    assert words.claims(told) == ["[M1] It fell — NOT VERIFIED: M1 did not go that way"]


def test_foreign_text_cannot_move_the_cursor_or_turn_the_reading_direction() -> None:
    assert words.clean("a\x1b[2Jb\r\nc\u202ed\u200be\x07") == "a[2Jb cde"


def _resolved(alert: Alert, minutes: int) -> Alert:
    return alert.model_copy(update={"status": "resolved", "ends_at": alert.starts_at + timedelta(minutes=minutes)})


def test_labels_that_all_alerts_share_are_said_once(message: Message) -> None:
    first = message.alerts[0].model_copy(update={"labels": {"alertname": "A", "service": "a", "env": "prod"}})
    second = message.alerts[0].model_copy(update={"labels": {"alertname": "A", "service": "b", "env": "prod"}})
    lines = words.firing([first, second], message.sent_at)
    assert ["env=prod" in line for line in lines] == [False, False, True]
    assert "service=a" in lines[0]
    assert lines[-1] == "all of them: env=prod"


def test_a_log_finding_is_told_by_its_message_with_the_line_below(message: Message) -> None:
    assert message.evidence
    assert message.analysis
    log = message.evidence.findings[1]
    raw = '{"ts": "12:00:12", "msg": "pool exhausted"}'
    line = log.lines[0].model_copy(update={"line": raw, "message": "pool exhausted"})
    report = message.evidence.model_copy(update={"findings": (log.model_copy(update={"lines": (line,)}),)})
    parts = {part.title: part for part in words.sections(message.analysis, report, message.alerts)}
    (told,) = parts["Changed most"].lines
    assert told.text.endswith("(0/s → 0.5/s): “pool exhausted”")
    assert told.shown == raw


def test_without_a_model_nothing_is_said_twice(message: Message) -> None:
    assert message.analysis
    assert message.evidence
    own = message.analysis.model_copy(update={"model": "", "root_cause": "Hypothesis, from the ranking alone: x"})
    parts = {part.title: part for part in words.sections(own, message.evidence, message.alerts)}
    assert "What the conclusion rests on" not in parts
    assert [line.text[:3] for line in parts["Also changed"].lines] == ["[–]"], "M1 stands above"
    assert "Hypothesis, from the ranking alone: x" in [line.text for line in parts["Conclusion"].lines]


def test_what_is_healthy_takes_one_line(message: Message) -> None:
    assert message.analysis
    many = message.analysis.model_copy(update={"checked_healthy": tuple(f"s{n}: as usual" for n in range(40))})
    (line,) = {part.title: part for part in words.sections(many, None, [])}["Checked and healthy"].lines
    assert line.text.startswith("s0: as usual; s1")
    assert line.text.endswith("; and 28 more")


def test_fields_of_the_users_own_are_told(message: Message) -> None:
    assert message.analysis
    own = message.analysis.model_copy(update={"extra": {"jira_title": "db: no connections\nleft", "runbook_url": ""}})
    parts = {part.title: part.lines for part in words.sections(own, message.evidence, message.alerts)}
    assert [line.text for line in parts[words.ASKED_FOR]] == ["jira title: db: no connections left"]
