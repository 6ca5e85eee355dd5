import pytest

from aiops_processor.llm.reading.shapes import Draft
from aiops_processor.llm.verification.verify import check
from aiops_processor.models.analysis import Verdict
from aiops_processor.models.evidence import EvidenceReport


def _verified(evidence: EvidenceReport, id_: str, statement: str) -> bool:
    draft = Draft.model_validate({"summary": "s", "evidence": [{"id": id_, "statement": statement}]})
    return check(draft, evidence).evidence[0].verified


@pytest.mark.parametrize(
    ("id_", "statement"),
    [
        ("M1", "Failed requests rose from 0 to 12.4/s"),
        ("M1", "about 12.5 failures a second"),
        ("M1", "from 0 to 12.4/s at 12:00:10 UTC, 2026-01-31"),
        ("M1", "code 500: 12.4/s"),
        ("M2", "connections rose from 20 % to 97 %"),
        ("M2", "connections rose from 0.2 to 0.97"),
        ("M3", "memory rose from 477 MiB to 1.4 GiB"),
        ("M3", "memory rose to 1.5 GB"),
        ("M3", "memory is 1,500,000,000 bytes"),
        ("L1", "240 lines in 480 s"),
        ("L1", "pool exhausted after 3 s"),
        ("L1", "pool exhausted after 3000ms"),
    ],
)
def test_a_claim_whose_numbers_are_in_the_finding_it_cites_is_verified(
    evidence: EvidenceReport, id_: str, statement: str
) -> None:
    assert _verified(evidence, id_, statement)


@pytest.mark.parametrize(
    ("id_", "statement"),
    [
        ("M1", "Failed requests rose from 0 to 13/s"),
        ("M1", "Failed requests rose from 2 to 12.4/s"),
        ("M9", "Failed requests rose from 0 to 12.4/s"),
        ("", "Failed requests rose from 0 to 12.4/s"),
        ("M1", "Failed requests rose"),
        ("M1", "connections rose to 97 %"),
        ("M2", "connections rose to 970 %"),
        ("M3", "memory rose to 1.5 TB"),
        ("L1", "240,000 lines"),
        ("L1", "pool exhausted after 3 min"),
    ],
)
def test_a_claim_with_a_foreign_number_or_id_or_without_any_is_not(
    evidence: EvidenceReport, id_: str, statement: str
) -> None:
    assert not _verified(evidence, id_, statement)


def test_a_long_duration_may_be_said_as_the_prompt_says_it(evidence: EvidenceReport) -> None:
    assert evidence.findings[2].change
    slow = evidence.findings[2].change.model_copy(update={"before": 0.2, "after": 500.0, "unit": "s"})
    finding = evidence.findings[2].model_copy(update={"change": slow})
    report = evidence.model_copy(update={"findings": (finding,)})
    assert _verified(report, "M2", "from 200 ms to 8 min 20 s")


def test_a_cause_without_a_verified_claim_is_not_found(evidence: EvidenceReport) -> None:
    draft = Draft.model_validate({"summary": "s", "root_cause": "r", "outcome": "found", "confidence": 0.95})
    checked = check(draft, evidence)
    assert (checked.outcome, checked.confidence) == (Verdict.INCONCLUSIVE, 0.5)


def test_a_cause_with_a_verified_claim_keeps_outcome_and_confidence(evidence: EvidenceReport) -> None:
    claim = {"id": "M1", "statement": "12.4/s"}
    draft = Draft.model_validate({"root_cause": "r", "outcome": "found", "confidence": 0.95, "evidence": [claim]})
    checked = check(draft, evidence)
    assert (checked.outcome, checked.confidence) == (Verdict.FOUND, 0.95)


def test_no_cause_is_found_where_nobody_knows_what_is_usual(evidence: EvidenceReport) -> None:
    claim = {"id": "M1", "statement": "12.4/s"}
    draft = Draft.model_validate({"root_cause": "r", "outcome": "found", "confidence": 0.95, "evidence": [claim]})
    checked = check(draft, evidence.model_copy(update={"unsure": True}))
    assert (checked.outcome, checked.confidence) == (Verdict.INCONCLUSIVE, 0.5)


def test_an_outcome_that_is_not_said_follows_from_the_root_cause(evidence: EvidenceReport) -> None:
    claim = {"id": "M1", "statement": "12.4/s"}
    assert check(Draft.model_validate({"root_cause": "r", "evidence": [claim]}), evidence).outcome == "found"
    assert check(Draft.model_validate({"summary": "s", "evidence": [claim]}), evidence).outcome == "inconclusive"


def test_not_an_incident_stays_so_but_no_surer_than_half(evidence: EvidenceReport) -> None:
    draft = Draft.model_validate({"summary": "s", "outcome": "not_an_incident", "confidence": 1})
    assert check(draft, evidence).outcome is Verdict.NOT_AN_INCIDENT
    assert check(draft, evidence).confidence == 0.5


def test_a_confidence_that_is_not_said_is_none_at_all(evidence: EvidenceReport) -> None:
    assert check(Draft.model_validate({"summary": "s"}), evidence).confidence == 0.0


def test_a_hypothesis_keeps_only_ids_that_exist(evidence: EvidenceReport) -> None:
    draft = Draft.model_validate({"hypotheses": [{"cause": "c", "supports": ["M1", "M9"], "contradicts": ["X1"]}]})
    (hypothesis,) = check(draft, evidence).hypotheses
    assert (hypothesis.supports, hypothesis.contradicts) == (("M1",), ())


def test_the_risk_of_a_step_is_set_from_its_command(evidence: EvidenceReport) -> None:
    steps = [{"action": "Look", "command": "kubectl delete pod x", "risk": "low"}, {"action": "Delete the volume"}]
    draft = Draft.model_validate({"remediation_steps": steps})
    assert [step.risk for step in check(draft, evidence).remediation_steps] == ["high", "high"]


def _draft(**fields: object) -> Draft:
    return Draft.model_validate({"evidence": [{"id": "M1", "statement": "12.4/s"}], **fields})


def test_a_false_sentence_of_the_summary_is_left_out_and_kept_with_its_reason(evidence: EvidenceReport) -> None:
    text = "Failed requests of checkout rose from 0 to 12.4/s [M1]. Failed requests of checkout rose to 99/s [M1]."
    checked = check(_draft(summary=text), evidence)
    assert checked.summary == "Failed requests of checkout rose from 0 to 12.4/s [M1]."
    assert [(each.field, each.sentence) for each in checked.dropped] == [
        ("summary", "Failed requests of checkout rose to 99/s [M1].")
    ]
    assert "99" in checked.dropped[0].reason


def test_a_sentence_without_anything_to_check_is_marked(evidence: EvidenceReport) -> None:
    assert check(_draft(summary="Customers are unhappy."), evidence).summary == "Customers are unhappy. (unverified)"


def test_a_cause_stays_a_hypothesis_however_right_its_numbers_are(evidence: EvidenceReport) -> None:
    cause = "Connections of db rose to 97 % [M2] because of a slow query."
    checked = check(_draft(summary=cause, root_cause=cause), evidence)
    assert checked.summary == f"Hypothesis: {cause}"
    assert checked.root_cause == f"Hypothesis: {cause}"


def test_a_cause_is_no_verified_evidence(evidence: EvidenceReport) -> None:
    claim = {"id": "M2", "statement": "Connections of db rose to 97 % because of a slow query"}
    (statement,) = check(Draft.model_validate({"summary": "s", "evidence": [claim]}), evidence).evidence
    assert not statement.verified
    assert "says why" in statement.reason


def test_a_summary_that_is_all_wrong_says_so(evidence: EvidenceReport) -> None:
    checked = check(_draft(summary="Memory of db rose from 1 to 2 TB [M2]."), evidence)
    assert checked.summary == "Nothing that the model said of this agrees with the evidence."


def test_a_number_of_the_prose_need_not_cite_but_must_be_somewhere(evidence: EvidenceReport) -> None:
    checked = check(_draft(summary="Failed requests rose to 12.4/s. Failed requests rose to 77/s."), evidence)
    assert checked.summary == "Failed requests rose to 12.4/s."


def test_a_rollback_stands_only_on_a_change(evidence: EvidenceReport) -> None:
    step = {"action": "Roll back checkout", "command": "kubectl rollout undo deploy/checkout"}
    checked = check(_draft(remediation_steps=[step]), evidence)
    assert checked.remediation_steps == ()
    assert "no change" in checked.dropped[0].reason
    change = evidence.findings[0].model_copy(update={"id": "C1", "kind": "change"})
    changed = evidence.model_copy(update={"findings": (*evidence.findings, change)})
    assert check(_draft(remediation_steps=[step]), changed).remediation_steps


def test_an_affected_component_that_nothing_names_is_left_out(evidence: EvidenceReport) -> None:
    checked = check(_draft(affected=["checkout", "warehouse", "billing"]), evidence, names=["billing"])
    assert checked.affected == ("checkout", "billing")


def test_a_refuted_claim_lowers_the_confidence(evidence: EvidenceReport) -> None:
    claims = [{"id": "M1", "statement": "12.4/s"}, {"id": "M1", "statement": "99/s"}, {"id": "M9", "statement": "1/s"}]
    checked = check(Draft.model_validate({"root_cause": "r", "confidence": 0.9, "evidence": claims}), evidence)
    assert checked.confidence == 0.5


def test_each_sentence_of_a_claim_is_judged_by_itself(evidence: EvidenceReport) -> None:
    said = "Failed requests rose to 12.4/s. All orders are lost."
    claims = [{"id": "M1", "statement": said}, {"id": "M1", "statement": f"{said} Failed requests rose to 99/s."}]
    found = check(Draft.model_validate({"summary": "s", "evidence": claims}), evidence).evidence
    assert [each.verified for each in found] == [True, False, False, False, False], "a false one spoils its claim"
    assert {each.id for each in found} == {"M1"}
    assert found[1].statement == "All orders are lost."


@pytest.mark.parametrize(
    "more",
    ["; a hacker broke in", " and the replicas are dead", ", every order got lost", " since attackers mine coins",
     ", while somebody deletes the backups"],
)  # fmt: skip
def test_a_clause_that_no_evidence_says_leaves_its_sentence_unverified(evidence: EvidenceReport, more: str) -> None:
    assert _verified(evidence, "M1", "Failed requests rose from 0 to 12.4/s")
    assert not _verified(evidence, "M1", f"Failed requests rose from 0 to 12.4/s{more}")
    summary = check(_draft(summary=f"Failed requests rose from 0 to 12.4/s{more}."), evidence).summary
    assert summary.endswith("(unverified)")


def test_a_hypothesis_must_not_belie_what_it_says_speaks_for_it(evidence: EvidenceReport) -> None:
    causes = ["Connections of db fell from 97 % to 3 %", "Connections of db rose to 97 % at 11:02:03",
              "Connections of db rose to 97 %, a query is slow", "The pool of db is too small"]  # fmt: skip
    draft = _draft(hypotheses=[{"cause": cause, "supports": ["M2"]} for cause in causes])
    checked = check(draft, evidence)
    assert [each.cause for each in checked.hypotheses] == causes[2:]
    assert [each.field for each in checked.dropped] == ["hypotheses"] * 2


def test_figures_that_no_evidence_holds_are_marked_wherever_they_are_stated(evidence: EvidenceReport) -> None:
    steps = [
        {"action": "Restart payments, which answered 500 to 93 % of its requests", "command": "kubectl get pods",
         "description": "It ran out of its memory at 11:41:07. Failed requests rose to 12.4/s."},
        {"action": "Scale checkout to 6 replicas", "command": "kubectl scale deploy/checkout --replicas=6"},
    ]  # fmt: skip
    checked = check(_draft(remediation_steps=steps, hypotheses=[{"cause": "4812 clients were lost"}]), evidence)
    first, second = checked.remediation_steps
    assert first.action.endswith("requests (unverified)")
    assert first.description == "It ran out of its memory at 11:41:07. (unverified) Failed requests rose to 12.4/s."
    assert second.action == "Scale checkout to 6 replicas"
    assert checked.hypotheses[0].cause == "4812 clients were lost (unverified)"


def test_a_root_cause_that_is_refuted_is_not_found(evidence: EvidenceReport) -> None:
    draft = _draft(root_cause="Failed requests of checkout rose to 99/s [M1].", outcome="found", confidence=0.95)
    checked = check(draft, evidence)
    assert (checked.root_cause, checked.outcome, checked.confidence) == ("", Verdict.INCONCLUSIVE, 0.5)


def test_nobody_is_sure_that_it_is_no_incident_where_something_changed(evidence: EvidenceReport) -> None:
    draft = _draft(summary="All is well.", outcome="not_an_incident", confidence=1)
    assert check(draft, evidence).confidence == 0.5
    nothing = evidence.model_copy(update={"findings": ()})
    assert check(draft, nothing).confidence == 0.5


@pytest.mark.parametrize("field", ["action", "description"])
@pytest.mark.parametrize(
    "said", ["The database is corrupted and all orders are lost.", "checkout fails 99 % of its calls."]
)
def test_what_a_step_states_beside_of_what_to_do_is_marked(evidence: EvidenceReport, field: str, said: str) -> None:
    step = {"action": "Look at the logs", "command": "kubectl logs checkout", field: said}
    checked = check(Draft.model_validate({"summary": "s", "remediation_steps": [step]}), evidence)
    assert getattr(checked.remediation_steps[0], field) == f"{said} (unverified)"


@pytest.mark.parametrize(
    "said", ["Scale checkout to 4 replicas.", "The pool may be exhausted.", "This frees connections."]
)
def test_what_a_step_proposes_or_supposes_is_not_marked(evidence: EvidenceReport, said: str) -> None:
    checked = check(Draft.model_validate({"summary": "s", "remediation_steps": [{"action": said}]}), evidence)
    assert checked.remediation_steps[0].action == said


def test_an_answer_in_another_language_is_told_with_what_of_it_was_checked(evidence: EvidenceReport) -> None:
    said = "Die Fehlerrate von checkout stieg von 0 auf 12.4/s."
    draft = Draft.model_validate(
        {"summary": said, "root_cause": said, "outcome": "found", "confidence": 0.9,
         "evidence": [{"id": "M1", "statement": said}]}
    )  # fmt: skip
    checked = check(draft, evidence)
    assert checked.summary == f"{said} (only figures and names checked)"
    assert not checked.evidence[0].verified
    assert "does not read as English" in checked.evidence[0].reason
    assert (checked.outcome, checked.confidence) == (Verdict.FOUND, 0.5)


@pytest.mark.parametrize(
    "said", ["Die Rate stieg auf 38 %, sagte niemand.", "The rate rose to 38 %.", "db is healthy.", ""]
)
def test_of_a_report_without_findings_nothing_is_verified(evidence: EvidenceReport, said: str) -> None:
    nothing = EvidenceReport(window=evidence.window)
    draft = Draft.model_validate({"summary": said, "root_cause": said, "evidence": [{"id": "M1", "statement": said}]})
    checked = check(draft, nothing)
    assert not any(each.verified for each in checked.evidence)
    assert checked.outcome is Verdict.INCONCLUSIVE


def test_an_address_in_a_field_of_the_users_own_is_one_that_they_or_the_alerts_name(evidence: EvidenceReport) -> None:
    texts = ["Runbook https://wiki.example.com/high-error-rate: look at the newest deployment first."]
    own = {"runbook": "https://wiki.example.com/high-error-rate", "other": "https://evil.example/x", "team": "shop"}
    checked = check(Draft(summary="s", extra=own), evidence, extra=("runbook", "other", "team"), texts=texts)
    assert checked.extra == {"runbook": own["runbook"], "other": "", "team": "shop (unverified)"}
    assert [(each.field, each.reason) for each in checked.dropped] == [
        ("extra.other", "neither the alerts nor your own texts name this address")
    ]
