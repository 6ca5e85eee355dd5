import io
from typing import Any

import pytest

from aiops_processor.models.notification import Message, Occasion
from aiops_processor.notifiers import charts

pytest.importorskip("PIL", reason="needs the extra [charts]")
from PIL import Image

from aiops_processor.notifiers.picture import LINE, png, strokes

pytestmark = pytest.mark.anyio


def blue(content: bytes) -> int:
    """How many pixels have the colour of the line, more or less."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    wanted = tuple(int(LINE[at : at + 2], 16) for at in (1, 3, 5))
    pixels: Any = image.get_flattened_data() if hasattr(image, "get_flattened_data") else image.getdata()
    return sum(all(abs(one - other) < 24 for one, other in zip(pixel, wanted, strict=True)) for pixel in pixels)


def with_points(message: Message, *points: tuple[float, float]) -> Message:
    assert message.evidence
    first = message.evidence.findings[0].model_copy(update={"points": points})
    return message.model_copy(update={"evidence": message.evidence.model_copy(update={"findings": (first,)})})


START = 1769860800.0


def test_a_line_is_drawn_for_what_was_found(message: Message) -> None:
    content = png(with_points(message, *((START + 15 * step, step % 7) for step in range(60))))
    assert content is not None
    assert Image.open(io.BytesIO(content)).size[0] == 1800
    assert blue(content) > 5000
    assert len(content) < 200_000


def test_without_points_there_is_no_picture(message: Message) -> None:
    assert png(with_points(message)) is None
    assert png(message.model_copy(update={"evidence": None})) is None


def test_any_text_and_any_number_can_be_drawn(message: Message) -> None:
    assert message.evidence
    odd = with_points(message, (START, float("nan")), (START + 15, 1e300), (START + 30, -1e300), (START + 45, 0.0))
    assert odd.evidence
    finding = odd.evidence.findings[0].model_copy(update={"title": "日本語 \u202e" + "x" * 5000, "entity": "\x00"})
    evidence = odd.evidence.model_copy(update={"findings": (finding,) * 9})
    assert png(odd.model_copy(update={"evidence": evidence}))


def test_a_path_is_read_as_it_was_written() -> None:
    assert strokes("M0.0 4.0 L10.5 68.0 M20.0 4.0h0") == [[(0.0, 4.0), (10.5, 68.0)], [(20.0, 4.0)]]


async def test_only_an_analysis_has_a_picture(message: Message) -> None:
    assert await charts.picture(message)
    assert await charts.picture(message.model_copy(update={"occasion": Occasion.RESOLVED})) is None
