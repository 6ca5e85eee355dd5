"""A message as one text for a chat: whole lines within the service's limit, in the service's markup."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiops_processor.models.notification import Message
from aiops_processor.notifiers import outline
from aiops_processor.report import words

MOST_LINE = 600
ROOM_FOR_A_COUNT = 30
_ADDRESS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*):(?=//)|\b(mailto|tel):|\b(www)\.")
_MARKS = re.compile(r"([\\`*_~|<>\[\](){}#+!.:-])")


@dataclass(frozen=True)
class Markup:
    """How a service writes things. `plain` makes text that it shows as it is; `bold` and `link` take such text.

    `code` takes any text.
    """

    plain: Callable[[str], str]
    bold: Callable[[str], str]
    code: Callable[[str], str]
    link: Callable[[str, str], str]


def text(message: Message, markup: Markup, most: int, *, titled: bool = True) -> str:
    """Title, standing, sections and our own links, in at most so many characters; what is left out is counted."""
    links = _links(message, markup, most // 3)
    room = most - len(links) - ROOM_FOR_A_COUNT
    kept: list[str] = []
    left_out = 0
    for line in _lines(message, markup, titled=titled):
        if left_out == 0 and len(line) + 1 <= room:
            kept.append(line)
            room -= len(line) + 1
        else:
            left_out += 1
    more = f"… {left_out} lines more" if left_out else ""
    return "\n".join(filter(None, (*kept, more, links)))


def unlinked(said: str) -> str:
    """One line in which no address is a link any more and each can still be read: `https[:]//…`, `www[.]…`."""
    return _ADDRESS.sub(_broken, words.clean(said))


def unmentioned(said: str) -> str:
    """The same, and nobody is called: `@everyone` with something invisible in it."""
    return unlinked(said).replace("@", "@\N{WORD JOINER}")


def markdown(said: str) -> str:
    """Text that Markdown as Discord and Mattermost read it shows as it is (CommonMark 2.4)."""
    return _MARKS.sub(r"\\\1", _cut(unmentioned(said)))


def code_span(said: str) -> str:
    """Code in Markdown, as it is: nothing in there is a link or calls anybody, and it is there to be copied."""
    return f"`{words.clean(said).replace('`', chr(39))}`"


def _links(message: Message, markup: Markup, most: int) -> str:
    """Those that fit, in one line."""
    line = ""
    for said, address in outline.links(message):
        longer = " · ".join(filter(None, (line, markup.link(markup.plain(said), address))))
        line = longer if len(longer) <= most else line
    return line


def _lines(message: Message, markup: Markup, *, titled: bool) -> Iterator[str]:
    if titled:
        yield markup.bold(markup.plain(outline.title(message)))
    yield markup.plain(outline.standing(message))
    for section in outline.brief(message):
        yield markup.bold(f"{'⚠ ' if section.loud else ''}{markup.plain(section.title)}")
        for line in section.lines:
            yield f"• {markup.plain(_cut(line.text))}"
            if line.code:
                yield markup.code(_cut(line.code))


def _cut(said: str) -> str:
    return said if len(said) <= MOST_LINE else f"{said[: MOST_LINE - 1]}…"


def _broken(found: re.Match[str]) -> str:
    return f"{found[1] or found[2]}[:]" if found[3] is None else f"{found[3]}[.]"
