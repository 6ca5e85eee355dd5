from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops_processor.errors import ConfigError
from aiops_processor.llm.prompt import SMALLEST_BUDGET, TOKEN_BUDGET, Prompts
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport, Gap, LogLine
from aiops_processor.models.notification import Message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "components").mkdir()
    (tmp_path / "runbooks").mkdir()
    return tmp_path


def test_additions_go_in_where_they_bear_on_the_incident(
    folder: Path, message: Message, evidence: EvidenceReport
) -> None:
    (folder / "company.md").write_text("We sell carts.")
    (folder / "components" / "db.md").write_text("The db has 8 connections.")
    (folder / "components" / "search.md").write_text("The search is slow on Mondays.")
    (folder / "runbooks" / "HighErrorRate.md").write_text("Look at the pool first.")
    system = Prompts(folder).build(message.alerts, evidence).system
    assert "We sell carts.\n\nLook at the pool first.\n\nThe db has 8 connections." in system
    assert "Mondays" not in system


def test_a_template_of_the_users_own_replaces_ours_and_the_others_stay(
    folder: Path, message: Message, evidence: EvidenceReport
) -> None:
    (folder / "system.md.j2").write_text("Be brief. {{ context }}")
    prompt = Prompts(folder).build(message.alerts, evidence)
    assert prompt.system.strip() == "Be brief."
    assert prompt.question.startswith("<telemetry>")


def test_fields_of_the_users_own_are_asked_for(folder: Path, message: Message, evidence: EvidenceReport) -> None:
    (folder / "extra.yaml").write_text('team: who should look at it, "one" word\n')
    prompts = Prompts(folder)
    assert prompts.extra == {"team": "who should look at it, 'one' word"}
    assert '"team": "who should look at it, \'one\' word"' in prompts.build(message.alerts, evidence).system


def test_another_language_is_asked_for(message: Message, evidence: EvidenceReport) -> None:
    assert "Write every text value" not in Prompts().build(message.alerts, evidence).system
    assert "Write every text value in Deutsch" in Prompts(language="Deutsch").build(message.alerts, evidence).system


@pytest.mark.parametrize("name", ["../../etc/passwd", ".hidden", "a/b", "x" * 300, "a\0b"])
def test_an_alert_cannot_choose_a_file(folder: Path, evidence: EvidenceReport, name: str) -> None:
    (folder.parent / "passwd.md").write_text("secret")
    alert = Alert(status="firing", labels={"alertname": name}, starts_at=evidence.window.onset)
    assert "secret" not in Prompts(folder / "runbooks" / "..").build([alert], evidence).system


def test_long_additions_are_cut_and_leave_the_evidence_its_room(
    folder: Path, message: Message, evidence: EvidenceReport
) -> None:
    (folder / "company.md").write_text("We sell carts. " * 5000)
    prompt = Prompts(folder).build(message.alerts, evidence)
    assert prompt.tokens <= TOKEN_BUDGET
    assert "[M3] metric" in prompt.question


def test_a_template_that_leaves_no_room_is_refused_at_the_start(folder: Path) -> None:
    (folder / "system.md.j2").write_text("word " * 4000)
    with pytest.raises(ConfigError, match="fill the prompt"):
        Prompts(folder).check()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("system.md.j2", "{{ nobody }}", "nobody"), ("extra.yaml", "[", "YAML"), ("extra.yaml", "- a", "what it is for")],
)
def test_what_cannot_be_used_is_named(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(ConfigError, match=message):
        Prompts(folder).check()


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        Prompts(tmp_path / "nowhere")


texts = st.one_of(st.text(max_size=50), st.text(alphabet='日‹<\n\\"a', min_size=50, max_size=3000))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(text=texts, many=st.integers(0, 400), budget=st.sampled_from([SMALLEST_BUDGET, 2500, TOKEN_BUDGET]))
def test_no_input_makes_a_prompt_over_the_budget(
    message: Message, evidence: EvidenceReport, text: str, many: int, budget: int
) -> None:
    finding = evidence.findings[1].model_copy(
        update={"title": text, "statement": text, "entity": text, "query": text, "labels": {text: text},
                "lines": (LogLine(at=evidence.window.onset, labels={}, line=text),) * 5}
    )  # fmt: skip
    alert = message.alerts[0].model_copy(update={"labels": {"alertname": text}, "annotations": {text: text}})
    report = evidence.model_copy(
        update={"findings": (finding,) * many, "gaps": (Gap(source=text, reason=text, query=text),) * many,
                "healthy": (text,) * many}
    )  # fmt: skip
    prompts = Prompts()
    prompt = prompts.build([alert] * max(1, many), report, budget)
    assert prompts.repair(prompt, text).tokens <= budget
