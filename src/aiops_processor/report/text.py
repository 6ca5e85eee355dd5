"""A report for a terminal: 100 columns, no colours."""

import textwrap
from collections.abc import Iterator, Sequence

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.report import words

COLUMNS = 100


def as_text(analysis: AnalysisResult, evidence: EvidenceReport | None, alerts: Sequence[Alert], url: str = "") -> str:
    """The report as plain text, ending in a newline. Queries, commands and links are not wrapped: they are copied."""
    head = f"{words.headline(analysis, alerts)} [{words.clean(analysis.severity)}]"
    lines = [*_wrapped(head, "", ""), *_wrapped(words.standing(alerts, analysis.analyzed_at), "", "")]
    for section in words.sections(analysis, evidence, alerts, url):
        lines += ["", _title(section), *(text for line in section.lines for text in _line(line))]
    return "\n".join(lines) + "\n"


def _title(section: words.Section) -> str:
    return f"!!! {section.title.upper()} !!!" if section.loud else section.title.upper()


def _line(line: words.Line) -> Iterator[str]:
    if line.link:
        yield f"  {line.text}: {words.clean(line.link)}"
    else:
        yield from _wrapped(line.text, "  ", "      ")
    if line.code:
        yield f"      {words.clean(line.code)}"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
