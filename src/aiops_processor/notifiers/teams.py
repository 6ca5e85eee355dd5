"""Incidents for people in Microsoft Teams, as an Adaptive Card to the webhook of a workflow.

Text stands in RichTextBlocks, which know no markup at all. Source: https://adaptivecards.io/explorer/RichTextBlock.html
and https://learn.microsoft.com/connectors/teams/ (about 28 kB; some report refusals from 21 kB on). A workflow answers
202 before it posts, so a card that is too large would be lost without a word.
"""

import json
from typing import Any, ClassVar

import httpx2
from pydantic import BaseModel

from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.notifiers import outline
from aiops_processor.notifiers.chat import unlinked
from aiops_processor.notifiers.http import HttpOptions, Post
from aiops_processor.report.words import Section

MOST_BYTES = 20_000
MOST_LINE = 500
MOST_ACTIONS = 4
_COLOURS = {Occasion.RESOLVED: "good", Occasion.ANALYSED: "warning"}

Element = dict[str, Any]


class TeamsNotifier:
    """Posts each message: the webhook of a workflow gives no receipt to edit by."""

    Options: ClassVar[type[BaseModel]] = HttpOptions

    def __init__(self, options: HttpOptions, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name = "teams"
        self._post = Post(self.name, options, transport)
        self.hosts = (self._post.host,)

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:  # noqa: ARG002 - no receipt to edit by
        """Raises DeliveryRefused or DeliveryUnavailable."""
        return Receipt(data={"status": await self._post.send(body(message), {"Idempotency-Key": key})})

    async def aclose(self) -> None:
        await self._post.aclose()


def body(message: Message) -> str:
    """The JSON of a post: as many of the sections as fit, first the most important."""
    sections = list(outline.brief(message))
    while True:
        made = json.dumps(_posted(message, sections), ensure_ascii=False)
        if len(made.encode()) <= MOST_BYTES or not sections:
            return made
        sections.pop()


def _posted(message: Message, sections: list[Section]) -> Element:
    colour = _COLOURS.get(message.occasion, "attention")
    card: Element = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            _rich([_run(outline.title(message), size="large", weight="bolder", color=colour)]),
            _rich([_run(outline.standing(message))]),
            *(element for section in sections for element in _section(section)),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": said, "url": address}
            for said, address in list(outline.links(message))[:MOST_ACTIONS]
            if len(address) <= 2000
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _section(section: Section) -> list[Element]:
    title = _rich([_run(section.title, weight="bolder", color="warning" if section.loud else "default")], separate=True)
    lines: list[Element] = []
    for line in section.lines:
        lines.append(_rich([_run(f"• {line.text}")]))
        if line.code:
            lines.append(_rich([_run(line.code, fontType="monospace")]))
    return [title, *lines]


def _rich(runs: list[Element], *, separate: bool = False) -> Element:
    return {"type": "RichTextBlock", "inlines": runs, "spacing": "medium" if separate else "small"}


def _run(said: str, **look: str) -> Element:
    shown = unlinked(said)
    cut = shown if len(shown) <= MOST_LINE else f"{shown[: MOST_LINE - 1]}…"
    return {"type": "TextRun", "text": cut or "–", **look}
