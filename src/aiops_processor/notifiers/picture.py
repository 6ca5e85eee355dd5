"""The strongest findings as one picture: small charts one below the other, each with its baseline and its incident.

Drawn with Pillow, at three times the size and then made smaller, for it draws no smooth lines. This module is imported
by charts.py alone, when a picture is wanted.
"""

import io
import re

from PIL import Image, ImageDraw, ImageFont

from aiops_processor.models.evidence import Evidence, Window
from aiops_processor.models.notification import Message
from aiops_processor.report import words
from aiops_processor.report.charts import HEIGHT, WIDTH, Chart, chart
from aiops_processor.report.charts import MARGIN as AXIS

MOST_PANELS = 3
FINER = 3
WIDE, PLOT, MARGIN = 900, 120, 24
GUTTER = 78  # for the ends of the axis: inside they would stand on the line
TITLE, BELOW, BETWEEN = 30, 26, 22
INK, MUTED, LINE, EDGE = "#1f2328", "#59636e", "#0969da", "#d1d9e0"
INCIDENT, ONSET, PAPER = "#fff0ee", "#cf222e", "#ffffff"

_SMALL, _USUAL = 13, 16
_FALLBACKS = {"→": "->", "µ": "u", "–": "-", "—": "-", "…": "...", "“": '"', "”": '"', "·": "-", "∞": "inf"}
_STEP = re.compile(r"([MLh])(-?[\d.]+)(?: (-?[\d.]+))?")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Place = tuple[float, float]


def png(message: Message) -> bytes | None:
    """The picture, None where nothing found has a line to draw."""
    if message.evidence is None:
        return None
    panels = _panels(words.strongest(message.evidence), message.evidence.window)
    if not panels:
        return None
    each = TITLE + PLOT + BELOW + BETWEEN
    size = WIDE * FINER, (2 * MARGIN + each * len(panels) - BETWEEN) * FINER
    image = Image.new("RGB", size, PAPER)
    pen = _Pen(image)
    for number, (title, drawn) in enumerate(panels):
        _panel(pen, MARGIN + number * each, title, drawn)
    out = io.BytesIO()
    smooth = image.resize((size[0] // FINER * 2, size[1] // FINER * 2), Image.Resampling.LANCZOS)
    smooth.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _panels(findings: tuple[Evidence, ...], window: Window) -> list[tuple[str, Chart]]:
    drawn = [(item, chart(item.points, window, item.change.unit if item.change else "")) for item in findings]
    return [(words.finding(item), each) for item, each in drawn if each is not None][:MOST_PANELS]


class _Pen:
    """Draws in the units of the picture, at its finer size. Text is cut to its room."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._fonts = {size: _font(size * FINER) for size in (_SMALL, _USUAL)}

    def text(self, at: Place, said: str, size: int, colour: str, anchor: str = "la", room: float = WIDE) -> None:
        font = self._fonts[size][0]
        shown = said if self._fonts[size][1] else "".join(_FALLBACKS.get(char, char) for char in said)
        shown = shown if self._fonts[size][1] else shown.encode("ascii", "replace").decode()
        while shown and self._draw.textlength(shown, font) > room * FINER:
            shown = f"{shown.rstrip('.')[:-2]}..."
        self._draw.text(_finer(at), shown, colour, font, anchor)

    def line(self, places: list[Place], colour: str, width: float) -> None:
        """Through these places; a single one is a dot."""
        finer = [_finer(place) for place in places]
        if len(finer) > 1:
            self._draw.line(finer, colour, round(width * FINER), joint="curve")
        for x, y in (finer[0], finer[-1]):
            half = width * FINER / 2
            self._draw.ellipse((x - half, y - half, x + half, y + half), colour)

    def area(self, one: Place, other: Place, colour: str) -> None:
        self._draw.rectangle((*_finer(one), *_finer(other)), colour)

    def dashes(self, x: float, top: float, bottom: float, colour: str) -> None:
        at = top
        while at < bottom:
            self._draw.line((*_finer((x, at)), *_finer((x, min(at + 5, bottom)))), colour, FINER)
            at += 9


def _panel(pen: _Pen, top: float, title: str, drawn: Chart) -> None:
    left, right = MARGIN + GUTTER, WIDE - MARGIN
    plot = top + TITLE

    def place(x: float, y: float) -> Place:
        return left + x / WIDTH * (right - left), plot + y / HEIGHT * PLOT

    pen.text((MARGIN, top), title, _USUAL, INK, room=right - MARGIN)
    pen.area(place(drawn.onset, 0), place(drawn.end, HEIGHT), INCIDENT)
    for y in (0, HEIGHT):
        pen.area(place(0, y), (right, place(0, y)[1] + 0.5), EDGE)
    for stroke in strokes(drawn.line):
        pen.line([place(x, y) for x, y in stroke], LINE, 2)
    onset = place(drawn.onset, 0)[0]
    pen.dashes(onset, plot, plot + PLOT, ONSET)
    pen.text((left - 8, place(0, AXIS)[1]), drawn.high, _SMALL, MUTED, "rm", GUTTER - 8)
    pen.text((left - 8, place(0, HEIGHT - AXIS)[1]), drawn.low, _SMALL, MUTED, "rm", GUTTER - 8)
    below = plot + PLOT + 6
    pen.text((left, below), drawn.first_time, _SMALL, MUTED)
    pen.text((min(max(onset, left + 150), right - 150), below), f"began {drawn.onset_time}", _SMALL, ONSET, "ma")
    pen.text((right, below), drawn.last_time, _SMALL, MUTED, "ra")


def strokes(path: str) -> list[list[Place]]:
    """The places of each line of a path as report/charts.py writes it."""
    found: list[list[Place]] = []
    for kind, x, y in _STEP.findall(path):
        if kind == "M":
            found.append([(float(x), float(y))])
        elif kind == "L":
            found[-1].append((float(x), float(y)))
    return found


def _finer(place: Place) -> Place:
    return place[0] * FINER, place[1] * FINER


def _font(size: int) -> tuple[Font, bool]:
    """DejaVu Sans where the system has it, else Pillow's own, which knows ASCII; and whether it knows more."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size), True
    except OSError:
        return ImageFont.load_default(size), False
