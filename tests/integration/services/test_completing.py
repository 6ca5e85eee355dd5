"""A report that went out without its model, and what becomes of it; the time in our hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from aiops_processor.errors import BudgetSpent, ModelError, ModelRefused, ModelUnavailable
from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult, Verdict
from aiops_processor.models.evidence import EvidenceReport, Window
from aiops_processor.models.incident import IncidentState
from aiops_processor.services.by_hand import ByHand
from aiops_processor.storage import incidents as incident_rows

pytestmark = pytest.mark.anyio


class Scripted:
    """A model that fails as long as it is told to, and evidence that counts how often it is gathered."""

    def __init__(self, clock: Any) -> None:
        self.error: ModelError | None = ModelUnavailable("the model is down")
        self.asked: list[float] = []
        self.patient: list[bool] = []
        self.gathered = 0
        self._clock = clock

    async def gather(self, alerts: Sequence[Alert], now: datetime) -> EvidenceReport:
        self.gathered += 1
        return EvidenceReport(window=Window(start=now, onset=now, end=now))

    def explained(self, asked: Any) -> AnalysisResult:
        now = self._clock.now()
        self.patient.append(asked.patient)
        self.asked.append(now.timestamp())
        if self.error:
            raise self.error
        return AnalysisResult(
            alert_name=asked.alerts[0].name,
            severity="",
            summary="explained",
            root_cause="",
            outcome=Verdict.INCONCLUSIVE,
            confidence=0.1,
            model="scripted",
            analyzed_at=now,
        )


@pytest.fixture
def model(house: Any, explaining: Any) -> Scripted:
    scripted = Scripted(house.clock)
    house.analyzer.use(scripted, explaining(scripted.explained))
    return scripted


async def history(house: Any) -> list[str]:
    async with house.database.read() as connection:
        return [entry.text for entry in await incident_rows.history(connection, 1)]


async def test_a_report_without_its_model_is_told_and_completed_with_the_same_evidence(
    house: Any, post: Any, model: Scripted
) -> None:
    await post("A")
    await house.pass_time(12)
    partial, _ = house.channel.messages[-1]
    assert (str(partial.occasion), partial.analysis.model, partial.update) == ("analysed", "", False)
    assert "the model is down" in partial.analysis.gaps[-1].reason

    await house.pass_time(60)
    assert house.channel.occasions == ["opened", "analysed"], "people are not told again of what is still missing"
    model.error = None
    await house.pass_time(120)
    whole, _ = house.channel.messages[-1]
    assert house.channel.occasions == ["opened", "analysed", "analysed"]
    assert (whole.analysis.summary, whole.update) == ("explained", True)
    assert model.gathered == 1
    (incident,) = await house.all_incidents()
    assert (incident.state, incident.incomplete_since, incident.due_at) == (IncidentState.ANALYSED, None, None)
    assert any("completed the report" in text for text in await history(house))
    asked = len(model.asked)
    await house.pass_time(1000, tick=10)
    assert len(model.asked) == asked


async def test_the_tries_end_with_the_quarter_of_an_hour(house: Any, post: Any, model: Scripted) -> None:
    await post("A")
    await house.pass_time(1500, tick=5)
    assert 5 <= len(model.asked) <= 10
    assert model.asked[-1] - model.asked[0] <= 905
    assert house.channel.occasions == ["opened", "analysed"]
    assert model.patient == [True] + [False] * (len(model.asked) - 1), (
        "there is a next time: one request each is enough"
    )
    (incident,) = await house.all_incidents()
    assert (incident.state, incident.due_at) == (IncidentState.ANALYSED, None)
    assert incident.incomplete_since is not None, "it still says what it lacks"


async def test_a_person_may_ask_for_what_is_missing_when_the_tries_are_over(
    house: Any, post: Any, model: Scripted
) -> None:
    await post("A")
    await house.pass_time(1500, tick=5)
    model.error = None
    again = await ByHand(house.database, house.clock).analyse_again(1)
    assert again is not None
    assert again.state == IncidentState.OPEN
    await house.pass_time(5)
    assert house.channel.messages[-1][0].analysis.summary == "explained"


@pytest.mark.parametrize("error", [BudgetSpent("spent"), None])
async def test_nothing_is_asked_again_without_need(
    house: Any, post: Any, model: Scripted, error: ModelError | None
) -> None:
    model.error = error
    await post("A")
    await house.pass_time(1000, tick=10)
    assert len(model.asked) == 1


async def test_a_wrong_key_may_be_put_right_too(house: Any, post: Any, model: Scripted) -> None:
    model.error = ModelRefused("401")
    await post("A")
    await house.pass_time(25)
    assert len(model.asked) == 2


async def test_it_waits_as_long_as_the_model_asked_for(house: Any, post: Any, model: Scripted) -> None:
    model.error = ModelUnavailable("429", retry_after=120)
    await post("A")
    await house.pass_time(200)
    assert model.asked[1] - model.asked[0] >= 120


async def test_a_new_alert_makes_a_whole_analysis_of_what_was_to_be_completed(
    house: Any, post: Any, model: Scripted
) -> None:
    await post("A")
    await house.pass_time(12)
    await post("B")
    await house.pass_time(75)
    assert model.gathered == 2, "the new alert has evidence of its own"
    assert house.channel.occasions == ["opened", "analysed", "analysed"]


async def test_one_that_is_over_is_completed_on_its_page_alone(house: Any, post: Any, model: Scripted) -> None:
    await post("A")
    await house.pass_time(12)
    await post("A", status="resolved")
    model.error = None
    await house.pass_time(60)
    assert house.channel.occasions == ["opened", "analysed", "resolved"]
    async with house.database.read() as connection:
        _, analysis = await incident_rows.latest_analysis(connection, 1)
    assert analysis is not None
    assert analysis.summary == "explained"
    assert (await house.all_incidents())[0].state == IncidentState.RESOLVED
