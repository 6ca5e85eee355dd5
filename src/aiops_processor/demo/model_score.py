"""How well a model explained replayed incidents, with confidence intervals. Pure.

What failed of the machinery (a model that did not answer) is counted apart: it says nothing of the model's answers.
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from aiops_processor.demo.score import Found
from aiops_processor.models.analysis import AnalysisResult, Verdict
from aiops_processor.models.base import Frozen

RESAMPLED = 2_000
SEED = 7  # the same runs give the same interval
OUTER = 0.025


class Run(Frozen):
    """One recording, explained once.

    `named`: the broken entity is named as cause or first of the affected; `cause`: all of the truth's own words
    (`cause` in truth.json) are in the cause; both None where there is nothing to name. `grounded` is the share of the
    model's statements that code verified, of those that it made; None where it made none. `abstained`: it named no
    cause. `failure` is why no model answered. Then, and where no alert asked for an analysis, all but the time is None.
    """

    case: str
    named: bool | None = None
    cause: bool | None = None
    grounded: float | None = None
    abstained: bool | None = None
    right_to_abstain: bool | None = None
    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float = 0.0
    failure: str = ""


class Interval(Frozen):
    """A mean with its 95 % interval: recordings are drawn anew, then their runs, for repeats of one are alike."""

    mean: float
    low: float
    high: float
    runs: int


class ModelSummary(Frozen):
    """What a model did in all runs; None where no run says anything of it."""

    model: str
    runs: int
    failed: int
    named: Interval | None
    cause: Interval | None
    grounded: Interval | None
    abstained_on_faults: Interval | None
    abstained_on_quiet: Interval | None
    calls: Interval | None
    tokens: Interval | None
    usd: Interval | None
    seconds: Interval | None
    failures: tuple[str, ...] = ()


class ModelEvaluation(Frozen):
    """What `aiops eval --model` found."""

    runs: tuple[Run, ...]
    summary: ModelSummary


def run(case: str, found: Sequence[Found], truth: Mapping[str, Any] | None, seconds: float) -> Run:
    """One run beside the truth: `{"entity": "db", "cause": ["pool"]}`; no entity is a quiet time."""
    told = [each for each in found if each.incident.merged_into is None and each.analysis]
    entity = str((truth or {}).get("entity") or "")
    result = told[0].analysis if told else None
    if result is None:
        return Run(case=case, seconds=seconds, failure="an incident has no analysis" if found else "")
    if not result.model:
        reasons = [gap.reason for gap in result.gaps if gap.source == "model"]
        return Run(case=case, seconds=seconds, failure=reasons[-1] if reasons else "no model took part")
    abstained = result.outcome is not Verdict.FOUND
    return Run(
        case=case,
        named=_named(result, entity) if entity else None,
        cause=_cause(result, (truth or {}).get("cause") or ()) if entity else None,
        grounded=_grounded(result),
        abstained=abstained,
        right_to_abstain=not entity,
        calls=result.usage.requests,
        tokens=result.usage.input_tokens + result.usage.output_tokens,
        usd=result.cost_usd,
        seconds=round(seconds, 3),
    )


def summarise(model: str, runs: Sequence[Run]) -> ModelSummary:
    """All runs in figures; failures of the machinery are in none but their own."""
    good = [each for each in runs if not each.failure]
    faults = [each for each in good if not each.right_to_abstain]
    quiet = [each for each in good if each.right_to_abstain]
    return ModelSummary(
        model=model,
        runs=len(runs),
        failed=len(runs) - len(good),
        named=interval(good, lambda each: each.named),
        cause=interval(good, lambda each: each.cause),
        grounded=interval(good, lambda each: each.grounded),
        abstained_on_faults=interval(faults, lambda each: each.abstained),
        abstained_on_quiet=interval(quiet, lambda each: each.abstained),
        calls=interval(good, lambda each: each.calls),
        tokens=interval(good, lambda each: each.tokens),
        usd=interval(good, lambda each: each.usd),
        seconds=interval(good, lambda each: each.seconds),
        failures=tuple(f"{each.case}: {each.failure}" for each in runs if each.failure),
    )


def interval(runs: Iterable[Run], value: Callable[[Run], float | None]) -> Interval | None:
    """The mean over runs that have a value, with its interval by resampling recordings and runs."""
    by_case: dict[str, list[float]] = {}
    for each in runs:
        if (found := value(each)) is not None:
            by_case.setdefault(each.case, []).append(float(found))
    cases = list(by_case.values())
    if not cases:
        return None
    chance = random.Random(SEED)  # noqa: S311 - draws samples, guards nothing
    means = sorted(_drawn(cases, chance) for _ in range(RESAMPLED))
    every = [number for case in cases for number in case]
    low, high = means[int(OUTER * RESAMPLED)], means[int((1 - OUTER) * RESAMPLED) - 1]
    return Interval(mean=_round(fmean(every)), low=_round(low), high=_round(high), runs=len(every))


def _drawn(cases: Sequence[Sequence[float]], chance: random.Random) -> float:
    drawn = (chance.choice(cases) for _ in cases)
    return fmean(number for case in drawn for number in chance.choices(case, k=len(case)))


def _named(result: AnalysisResult, entity: str) -> bool:
    first = result.affected[0] if result.affected else ""
    return _says(result.root_cause, entity) or first.lower() == entity.lower()


def _cause(result: AnalysisResult, words: Sequence[str]) -> bool | None:
    text = " ".join((result.root_cause, *(each.cause for each in result.hypotheses[:1])))
    return all(_says(text, word) for word in words) if words else None


def _says(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text, re.IGNORECASE) is not None


def _grounded(result: AnalysisResult) -> float | None:
    made = len(result.evidence) + len(result.dropped)
    return sum(each.verified for each in result.evidence) / made if made else None


def _round(number: float) -> float:
    return float(f"{number:.4g}")
