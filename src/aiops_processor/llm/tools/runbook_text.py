"""The words of a runbook, of the bytes that a file or a page has."""

import codecs
import contextlib
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import NamedTuple

_UNSEEN = frozenset({"script", "style", "head", "nav", "svg"})
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# By name, for Python knows codecs, too, that no page is written in and that take minutes for some bytes.
_KNOWN = re.compile(
    r"us-ascii|utf-?(8|16)|iso-8859-\d{1,2}|(windows-|cp)125\d|koi8-[ru]|shift_jis|euc-(jp|kr)|gb(k|2312|18030)|big5",
    re.IGNORECASE,
)
_SAID = re.compile(rb"""<meta[^>]{1,200}charset\s*=\s*["']?([\w-]{1,40})""", re.IGNORECASE)


class RunbookText(NamedTuple):
    """What a runbook says. `gap` is what was lost of it, in words; "" where nothing was."""

    text: str
    gap: str = ""


def read(body: bytes, what: str, *, html: bool = False, charset: str | None = None, cut: bool = False) -> RunbookText:
    """The text in the encoding that it says it has, else UTF-8. Letters that cannot be read are a gap about `what`.

    `cut` where there is more of it than these bytes.
    """
    text, line = _decoded(body, charset or (_charset_of(body) if html else None), cut=cut)
    gap = f"{what} is not UTF-8 (line {line}), so some of its letters are lost: save it as UTF-8" if line else ""
    return RunbookText(_words(text) if html else text, gap)


def _decoded(body: bytes, charset: str | None, *, cut: bool) -> tuple[str, int]:
    """The text, and the first line with something that cannot be read; 0 where there is none."""
    marked = next((codec for mark, codec in _MARKS.items() if body.startswith(mark)), None)
    said = charset if charset and _KNOWN.fullmatch(charset) else None
    for codec in filter(None, (marked, said)):
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            return _whole_letters(body, codec, cut=cut), 0
    try:
        return _whole_letters(body, "utf-8", cut=cut), 0
    except UnicodeDecodeError as error:
        return body.decode("utf-8", "replace"), body[: error.start].count(b"\n") + 1


def _whole_letters(body: bytes, codec: str, *, cut: bool) -> str:
    """Without the letter at the end that we stopped reading within."""
    return codecs.getincrementaldecoder(codec)().decode(body, final=not cut)


def _charset_of(page: bytes) -> str | None:
    found = _SAID.search(page[:2048])
    return found[1].decode("ascii") if found else None


def _words(page: str) -> str:
    reader = _Words()
    reader.feed(page)
    return " ".join(" ".join(reader.words).split())


class _Words(HTMLParser):
    """What a page says to a reader."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base class's
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)
