"""A report for a terminal: 100 columns, no colours."""

import textwrap
from collections.abc import Iterator, Sequence

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.report import words

COLUMNS = 100


def as_text(analysis: AnalysisResult, evidence: EvidenceReport | None, alerts: Sequence[Alert], url: str = "") -> str:
    """The report as plain text, ending in a newline. Commands and links are not wrapped: they are copied.

    Where the incident has a page (`url`), the page alone is linked: a screenful of addresses at the end would push the
    conclusion out of sight, and the page has every query whole.
    """
    head = f"{words.headline(analysis, alerts)} [{words.clean(analysis.severity)}]"
    lines = [*_wrapped(head, "", ""), *_wrapped(words.standing(alerts, analysis.analyzed_at), "", "")]
    for section in words.sections(analysis, evidence, alerts, url):
        kept = section.lines[:1] if url and section.title == words.LINKS else section.lines
        lines += ["", _title(section), *(text for line in kept for text in _line(line))]
    return "\n".join(lines) + "\n"


def _title(section: words.Section) -> str:
    return f"!!! {section.title.upper()} !!!" if section.loud else section.title.upper()


def _line(line: words.Line) -> Iterator[str]:
    if line.link:
        yield f"  {line.text}: {words.clean(line.link)}"
    else:
        yield from _wrapped(line.text, "  ", "      ")
    if line.shown:
        yield f"      {_cut(line.shown)}"
    if line.code and not line.link:
        yield f"      {words.clean(line.code)}"


def _cut(text: str) -> str:
    return text if len(text) <= COLUMNS - 6 else f"{text[: COLUMNS - 7]}…"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
