"""A message in Slack's Block Kit, within its limits, with nothing in it that acts but our own links.

Our own are the incident's page and the queries of measured findings, at the addresses that the settings name; the link
of a change that somebody posted is not.

Source: https://docs.slack.dev/reference/block-kit/blocks (header 150 characters, section 3,000, 50 blocks).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from aiops_processor.models.analysis import AnalysisResult
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.chat import unlinked
from aiops_processor.report import words

MOST_HEADER = 140  # an emoji counts twice where characters are counted in UTF-16
MOST_SECTION = 3000
MOST_TEXT = 3000
MOST_LINE = 600
MOST_STEPS = 5
MOST_CLAIMS = 5
MOST_LINK = 1400

_WEB = ("http://", "https://")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HALF_ENTITY = re.compile(r"&[a-z]{0,3}$")

Block = dict[str, Any]


def body(message: Message) -> Block:
    """The JSON of an incoming webhook: blocks, and the plain text that notifications and old clients show."""
    title = outline.title(message)
    summary = message.analysis.summary if message.analysis else outline.standing(message)
    return {
        "text": plain(f"{title}: {summary}", MOST_TEXT),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": plain(title, MOST_HEADER)}},
            *(_section(lines) for lines in _sections(message) if lines),
            *_queries(message),
            *_link(message.url),
        ],
    }


def plain(text: str, most: int = MOST_LINE) -> str:
    """Text that Slack shows as it is, at most `most` characters after escaping. Empty text is "–": Slack wants one."""
    whole = unlinked(text[: 4 * most])
    shown = "".join(_ENTITIES.get(char, char) for char in whole) or "–"
    return shown if len(shown) <= most else _HALF_ENTITY.sub("", shown[: most - 1]) + "…"


def _sections(message: Message) -> Iterator[list[str]]:
    yield [
        f"*{plain(outline.standing(message))}*",
        *_bullets(words.firing(message.alerts, message.sent_at, message.more_alerts)),
    ]
    if message.occasion is Occasion.RESOLVED or message.analysis is None:
        return
    analysis = message.analysis
    yield [plain(line, 1000) for line in words.conclusion(analysis)]
    yield _titled(":warning: Not looked at", words.missing(analysis.gaps))
    yield _titled("What changed most", map(words.finding, words.strongest(message.evidence)))
    yield _steps(analysis)
    yield _titled(words.ASKED_FOR, words.asked_for(analysis))
    yield _titled("What the conclusion rests on", words.claims(analysis)[:MOST_CLAIMS])
    yield _titled("Checked and healthy", analysis.checked_healthy[:5])


def _titled(title: str, lines: Iterable[str]) -> list[str]:
    bullets = _bullets(lines)
    return [f"*{title}*", *bullets] if bullets else []


def _bullets(lines: Iterable[str]) -> list[str]:
    return [f"• {plain(line)}" for line in lines]


def _steps(analysis: AnalysisResult) -> list[str]:
    lines = ["*Do next*"] if analysis.remediation_steps else []
    for number, step in enumerate(words.steps(analysis)[:MOST_STEPS], 1):
        command = f"\n`{plain(step.command.replace('`', chr(39)), 300)}`" if step.command else ""
        lines.append(f"{number}. [{step.risk} risk] {plain(step.action, 300)}{command}")
    return lines


def _section(lines: list[str]) -> Block:
    """Whole lines as far as they fit, for a cut one could leave markup open."""
    text, left_out = "", 0
    for line in lines:
        if len(text) + len(line) + 1 <= MOST_SECTION - 20:
            text += f"{line}\n"
        else:
            left_out += 1
    note = f"({left_out} lines more)" if left_out else ""
    # verbatim: Slack makes no links, channels or mentions of plain words by itself.
    return {"type": "section", "text": {"type": "mrkdwn", "text": f"{text}{note}".rstrip(), "verbatim": True}}


def _queries(message: Message) -> list[Block]:
    """The strongest findings where a person can go on with them; an address that is too long for Slack is left out."""
    if message.analysis is None or message.occasion is Occasion.RESOLVED:
        return []
    lines = []
    for item in words.strongest(message.evidence):
        if item.source:
            continue
        given = ((item.link, "lines" if item.kind == "log" else "graph"), (item.explore, "in Grafana Explore"))
        known = [_linked(url, f"{item.id} {what}") for url, what in given if url.startswith(_WEB)]
        lines.append(" · ".join(each for each in known if len(each) <= MOST_LINK))
    found = [line for line in lines if line]
    return [_section(found)] if found else []


def _link(url: str) -> list[Block]:
    return [_section([_linked(url, "Open the incident")])] if url.strip() else []


def _linked(url: str, text: str) -> str:
    address = re.sub(r"[<>|\s]", "", url)
    return f"<{address.replace('&', '&amp;')}|{text}>"
