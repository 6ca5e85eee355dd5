"""What `aiops eval --model` prints."""

from collections.abc import Iterator

from aiops_processor.demo.model_score import Interval, ModelEvaluation, ModelSummary


def model_table(found: ModelEvaluation) -> str:
    """The figures, each with its interval, and what failed apart."""
    summary = found.summary
    lines = [f"{summary.model}: {summary.runs} runs, {summary.failed} failed", *_figures(summary)]
    return "\n".join([*lines, *(f"FAILED {each}" for each in summary.failures)])


def _figures(summary: ModelSummary) -> Iterator[str]:
    shares = {
        "named the broken entity": summary.named,
        "named the cause": summary.cause,
        "of its statements verified": summary.grounded,
        "named no cause of a fault": summary.abstained_on_faults,
        "named no cause in a quiet time": summary.abstained_on_quiet,
    }
    amounts = {
        "calls": summary.calls,
        "tokens": summary.tokens,
        "dollars": summary.usd,
        "seconds of the whole run": summary.seconds,
    }
    for name, found in shares.items():
        yield _line(name, found, ".0%")
    for name, found in amounts.items():
        yield _line(name, found, ".4g")


def _line(name: str, found: Interval | None, form: str) -> str:
    if found is None:
        return f"{name:<32} nothing to say"
    return f"{name:<32} {found.mean:{form}}  ({found.low:{form}} to {found.high:{form}}, {found.runs} runs)"
