"""Numbers in words: `eighty-one`, `two hundred and fifty`, `a dozen`."""

import re

_ONES = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_REPEATED = {"once": 1, "twice": 2, "thrice": 3}
_SIZES = {
    **{word: number for number, word in enumerate(("zero", "one", *_ONES, *_TEENS))},
    **{word: 10 * number for number, word in enumerate(_TENS, 2)},
    **_REPEATED,
}
NUMBER_WORDS = frozenset({*_SIZES, *_SCALES} - {"one", "zero"})

_SMALL = rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:one|{'|'.join(_ONES)}))?|{'|'.join((*_TEENS, *_ONES))})"
_SCALED = rf"(?:(?:one|{_SMALL})[- ])?(?:{'|'.join(_SCALES)})"
SPELT = rf"(?>{_SCALED}(?:[- ](?:and )?(?:{_SCALED}|one|{_SMALL}))*|{_SMALL})"
"""Any of them but `zero` and `one`, which are words of other uses, too."""
_IN_WORDS = re.compile(
    rf"\b{SPELT}\b(?! (?:more|other|or|again)\b|-?fold"
    r"| of (?!(?:the |its |all |these )*(?:errors|lines|messages|warnings)\b)"
    r"|[ -](?:halve|third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth)s\b)",
    re.IGNORECASE,
)
REPEATED = re.compile(
    r"(?<!\bat )\bonce(?=\s*(?:[.,;:)]|$|(?:in|per|since|during|within|every|a)\b|at ◷))|\b(?:twice|thrice)\b",
    re.IGNORECASE,
)
"""`at once` counts nothing, and in `once the pool was full` it tells when."""


def in_figures(text: str) -> str:
    """The text with its numbers in figures, but for those that count components or stand for themselves."""
    return _IN_WORDS.sub(lambda found: f"{number_of(found[0]):.0f}", text)


def number_of(words: str) -> float:
    """`five`, `5`, `two hundred and fifty`."""
    if words.replace(".", "", 1).isdigit():
        return float(words)
    whole = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        scale = _SCALES.get(word, 1)
        if scale > 100:
            whole, part = whole + max(part, 1) * scale, 0
        else:
            part = max(part, 1) * scale if scale > 1 else part + _SIZES.get(word, 0)
    return float(whole + part)
