"""A report in Markdown, for a chat, a ticket or a file. Everything in it that is not ours is escaped."""

import html
import re
from collections.abc import Iterator, Sequence

from aiops_processor.models.alert import Alert
from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.evidence import EvidenceReport
from aiops_processor.report import words

_MARKS = re.compile(r"([\\`*_\[\]#|~$])")
_LIST_MARK = re.compile(r"^([-+]|\d+(?=[.)]))")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto):|\bwww\.|@")


def as_markdown(
    analysis: AnalysisResult, evidence: EvidenceReport | None, alerts: Sequence[Alert], url: str = ""
) -> str:
    """The report as Markdown, ending in a newline. Only our own links are links."""
    lines = [f"# {escaped(words.headline(analysis, alerts))} ({escaped(analysis.severity)})"]
    lines += [escaped(words.standing(alerts, analysis.analyzed_at))]
    for section in words.sections(analysis, evidence, alerts, url):
        lines += [f"## {'⚠ ' if section.loud else ''}{section.title}", "\n".join(_items(section))]
    return "\n\n".join(line for line in lines if line) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no mention, and no address that turns into a link."""
    broken = _ADDRESS.sub(lambda found: f"{found[0]}\N{WORD JOINER}", words.clean(text))
    marked = _MARKS.sub(r"\\\1", html.escape(broken, quote=False))
    return _LIST_MARK.sub(lambda found: f"\\{found[0]}" if found[0] in "-+" else f"{found[0]}\\", marked)


def _items(section: words.Section) -> Iterator[str]:
    for line in section.lines:
        if line.link:
            yield f"- [{escaped(line.text)}](<{_address(line.link)}>)"
        else:
            yield f"- {escaped(line.text)}"
        for code in (line.shown, words.clean(line.code)):
            if code:
                yield f"  {_code(code)}"


def _code(text: str) -> str:
    """A code span whose fence is longer than any run of backticks in it (CommonMark 6.1)."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def _address(url: str) -> str:
    return words.clean(url).replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
