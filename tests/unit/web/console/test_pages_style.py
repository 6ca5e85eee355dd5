"""The colours can be read, in light and in dark (WCAG 2.2, 1.4.3: a contrast of 4.5 for text)."""

import re
from importlib.resources import files

import pytest

SHEET = (files("aiops_processor.web.console") / "static" / "console.css").read_text(encoding="utf-8")
ENOUGH = 4.5
TEXTS = [
    *((text, ground) for text in ("ink", "soft", "link", "bad", "warn", "good", "info") for ground in ("card", "page")),
    *((tone, f"{tone}-wash") for tone in ("bad", "warn", "good", "info", "quiet")),
    *((text, "sunk") for text in ("ink", "soft")),
    ("ink", "warn-wash"),
]


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    named = colours(scheme)
    darker, lighter = sorted(luminance(named[name]) for name in (text, ground))
    assert (lighter + 0.05) / (darker + 0.05) >= ENOUGH


def test_light_and_dark_name_the_same_colours() -> None:
    assert colours("light").keys() == colours("dark").keys()


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert not re.search(r"@import|url\(|//", SHEET)
