"""What an operator's own queries become: they are told, whatever the ranking makes of whom they are about."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from aiops_processor.evidence.asking.limits import Limits
from aiops_processor.evidence.asking.logs import LogsFound
from aiops_processor.evidence.asking.plan import Question
from aiops_processor.evidence.compare import Answers, Comparison, compare
from aiops_processor.evidence.words.findings import findings, healthy
from aiops_processor.evidence.words.links import Links
from aiops_processor.evidence.words.summary import without_model
from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import EvidenceReport, Window
from aiops_processor.models.samples import Series

START, STEP, CELLS, ALERT = 1_000_000.0, 15.0, 60, 48


def compared(after: float, *, own: bool = True, entity: str = "shop") -> Comparison:
    """A sum over everything, about ten before and `after` since."""
    values = np.random.default_rng(5).normal(10, 0.5, CELLS)
    values[ALERT:] = after + values[ALERT:] - 10
    points = [(START + STEP * (cell + 1), float(value)) for cell, value in enumerate(values)]
    question = Question("prometheus", "metric", "transactions", "sum(x)", "steps", "/s", own=own, entity=entity)
    answers = Answers([], [(question, [Series({"type": "card"}, points)])], {}, STEP, LogsFound())
    start, onset, end = (datetime.fromtimestamp(START + STEP * cells, UTC) for cells in (0, ALERT, CELLS))
    return compare(answers, Window(start=start, onset=onset, end=end), Limits())


def test_what_changed_is_a_finding_about_what_it_was_asked_for() -> None:
    (found,) = findings(compared(2), Limits(), Links())
    assert (found.id, found.entity) == ("M1", "shop")
    assert found.statement.startswith("transactions (type=card) fell from ")
    assert found.score > 0
    assert healthy(compared(2)) == ()


def test_what_did_not_is_among_the_healthy_with_its_numbers() -> None:
    assert findings(compared(10), Limits(), Links()) == ()
    (said,) = healthy(compared(10))
    assert said.startswith("transactions (type=card): ")
    assert "/s before, " in said


def test_of_our_own_packs_only_what_is_about_an_unusual_entity_is_told() -> None:
    assert findings(compared(2, own=False), Limits(), Links()) == ()


@pytest.mark.parametrize(("entity", "named"), [("shop", "shop"), ("", "transactions (type=card)")])
def test_a_finding_without_an_entity_names_itself(entity: str, named: str, alert: Callable[..., Alert]) -> None:
    comparison = compared(2, entity=entity)
    report = EvidenceReport(window=comparison.window, findings=findings(comparison, Limits(), Links()))
    said = without_model([alert()], report, comparison.window.end)
    assert f" {named} changed most." in said.summary
    assert f"strongest change at {named}: transactions (type=card) fell" in said.root_cause
    assert said.affected == ((entity,) if entity else ())
