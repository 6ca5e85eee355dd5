from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from aiops_processor.demo import model_score
from aiops_processor.demo.model_score import Run
from aiops_processor.demo.score import Found
from aiops_processor.models.analysis import AnalysisResult, Dropped, Statement, Usage, Verdict
from aiops_processor.models.evidence import Gap
from aiops_processor.models.incident import Incident, IncidentState

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TRUTH = {"entity": "db", "cause": ["pool"]}

Explained = Callable[..., list[Found]]


@pytest.fixture
def explained() -> Explained:
    def explained(cause: str = "", affected: tuple[str, ...] = (), model: str = "m", **more: object) -> list[Found]:
        incident = Incident(
            id=1, title="", severity="", state=IncidentState.ANALYSED, source="", group_key="", reason="",
            opened_at=NOW, updated_at=NOW,
        )  # fmt: skip
        analysis = AnalysisResult(
            alert_name="",
            severity="",
            summary="",
            root_cause=cause,
            outcome=Verdict.FOUND if cause else Verdict.INCONCLUSIVE,
            confidence=0.5,
            evidence=(
                Statement(id="M1", statement="", verified=True),
                Statement(id="M1", statement="", verified=False),
            ),
            dropped=(Dropped(field="", sentence="", reason=""),) * 2,
            affected=affected,
            gaps=(Gap(source="model", reason="503"),),
            model=model,
            usage=Usage(requests=2, input_tokens=900, output_tokens=100),
            analyzed_at=NOW,
        )
        return [Found(incident=incident, analysis=analysis.model_copy(update=more))]

    return explained


@pytest.mark.parametrize(
    ("cause", "affected", "named", "right"),
    [
        ("Hypothesis: the pool of db is full", (), True, True),
        ("Hypothesis: db-proxy is slow", (), False, False),
        ("", ("DB", "web"), True, False),
        ("the pool of web", ("web", "db"), False, True),
    ],
)
def test_an_answer_is_held_against_the_truth(
    explained: Explained, cause: str, affected: tuple[str, ...], named: bool, right: bool
) -> None:
    run = model_score.run("a", explained(cause, affected), TRUTH, 1.5)
    assert (run.named, run.cause, run.grounded, run.calls, run.tokens) == (named, right, 0.25, 2, 1000)
    assert run.abstained is not bool(cause)


def test_without_an_answer_a_run_is_a_failure_and_stands_in_no_figure(explained: Explained) -> None:
    runs = [
        model_score.run("a", explained("db", ("db",)), TRUTH, 1),
        model_score.run("a", explained(model=""), TRUTH, 9),
    ]
    summary = model_score.summarise("m", runs)
    assert (summary.runs, summary.failed, summary.failures) == (2, 1, ("a: 503",))
    assert summary.named
    assert (summary.named.mean, summary.named.runs) == (1.0, 1)
    assert summary.seconds
    assert summary.seconds.mean == 1


def test_a_quiet_time_without_an_alert_says_nothing_of_a_model() -> None:
    run = model_score.run("quiet", [], {"entity": None}, 1)
    assert (run.failure, run.abstained, run.tokens) == ("", None, None)
    summary = model_score.summarise("m", [run])
    assert (summary.failed, summary.named, summary.tokens, summary.abstained_on_quiet) == (0, None, None, None)


def test_the_interval_widens_with_what_differs_between_recordings_not_with_repeats() -> None:
    def runs(shares: dict[str, list[bool]]) -> list[Run]:
        return [Run(case=case, named=each) for case, named in shares.items() for each in named]

    split = model_score.interval(runs({"a": [True] * 50, "b": [False] * 50}), lambda run: run.named)
    same = model_score.interval(runs({"a": [True] * 50, "b": [True] * 50}), lambda run: run.named)
    assert split
    assert same
    assert (split.mean, split.low, split.high) == (0.5, 0.0, 1.0)
    assert (same.mean, same.low, same.high) == (1.0, 1.0, 1.0)
    assert model_score.interval([], lambda run: run.named) is None
