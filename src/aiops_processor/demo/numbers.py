"""Numbers as Go writes them."""

from decimal import Decimal
from math import isfinite


def sample(value: float) -> str:
    """A sample's value in an answer: the shortest digits that read back the same, an exponent only at the extremes."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "e" not in text and "n" not in text:
        return text
    return _unusual(value, text)


def plain(value: float) -> str:
    """Without an exponent, however large: how count_values writes a value into a label."""
    return _digits(value) if isfinite(value) else sample(value)


def _unusual(value: float, text: str) -> str:
    names = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}
    if text in names:
        return names[text]
    if 1e-6 <= abs(value) < 1e21:
        return _digits(value)
    return text  # Python and Go agree on 1e-07 and 1e+21


def _digits(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
