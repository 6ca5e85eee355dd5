"""A sentence of a model, taken apart: the ids that it cites, its quotations, its names, its numbers and their roles."""

import functools
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from aiops_processor.llm.verification.quantities import TIMES_OF_DAY, Quantity, figures, quantity, quantity_of
from aiops_processor.llm.verification.spelt import REPEATED, SPELT, in_figures, number_of

ID = re.compile(r"\b[AMLCQ]\d{1,4}\b")
_CITED = re.compile(r"\s*[\[(]\s*(?:[AMLCQ]\d{1,4}\b[\s,;/&]*(?:and\s+)?)+[\])]")
_QUOTED = re.compile(r"“([^”]+)”|\"([^\"]+)\"|`([^`]+)`|‘([^’]+)’|(?<!\w)'([^']+)'(?!\w)")
_NAME = re.compile(
    r"(?<![\w/.])/?(?:\w+=[\w.-]+\w|[A-Za-z][\w.-]*[_/:][\w./:-]*\w|[A-Za-z]+(?:[A-Z][a-z0-9]+)+|v?\d+(?:\.\d+){2,}[\w.+-]*"
    r"|v\d[\w.]*|[A-Za-z][\w-]+\.[a-z][\w-]+|[a-z]+(?:-[a-z0-9]*\d[a-z0-9]*)+|[A-Z]+_[A-Z_]+|[A-Za-z][\w-]+(?:\.[A-Za-z][\w-]+){2,}|/[\w/.-]+\w)"
)
_END = re.compile(
    r"(?<=[.!?])[\"”’')\]]*\s+(?=[\[(“\"'`]*[A-Z0-9/])|\n+|(?<=[。！？])\s*|(?<=[.!?])\s+(?=[a-z][\w-]* )"
)
_ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|approx|vs|no|ca|etc|incl)\.)$", re.IGNORECASE)
_ABOUT = (
    r"(?:(?:only|about|around|roughly|nearly|almost|just|some|approximately|over|under|a|an|the|more than|as much as)"
    r"\s+)*"
)
_REPLACED = "(?:replaced|superseded|succeeded)"
_BEFORE = re.compile(
    rf"(?:\bfrom|\bagainst|\binstead of|\brather than|\bcompared (?:to|with)|\bversus|\bvs\.?|\bit was"
    r"|\bha(?:d|ving) been(?: at)?"
    r"|(?<!more )(?<!less )(?<!fewer )(?<!higher )(?<!lower )\bthan"
    rf"|\breplac(?:ed|es|ing)|\bpreviously)\s+{_ABOUT}$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"(?:\bto|\breach(?:ed|es|ing)|\bnow|\bis|\bare|\bat|\bhit|→|->|\bruns|\brunning"
    rf"|\b{_REPLACED} (?:by|with))\s+{_ABOUT}$",
    re.IGNORECASE,
)
_GAVE_WAY = re.compile(
    rf"^(?:\s+(?:of|on|at) [\w-]+)?\s+(?:(?:was|were|is|got|has been|had been)\s+)?{_REPLACED}\s+(?:by|with)\b"
)
_TOOK_OVER = re.compile(rf"^(?:\s+(?:of|on|at) [\w-]+)?\s+(?:has |had )?{_REPLACED}\s+(?!by\b|with\b)")
_WAS = re.compile(rf"\b(?:was|were)\s+(?:at\s+)?{_ABOUT}$", re.IGNORECASE)
_NOW = re.compile(r"\b(?:is|are|it is) now\b|\bnow (?:is|are)\b", re.IGNORECASE)
"""`it was at 26 MiB and is now at 108`."""
_BY = re.compile(rf"\bby\s+{_ABOUT}$", re.IGNORECASE)
_FIRES = re.compile(r"\bfires?\b[\w\s]*$", re.IGNORECASE)
_LIMIT_HEAD = re.compile(
    r"\bfires?\b(?: only)?(?: (?:at|when|if|above|below))?(?: it is)? ?[<>=]{1,2} ?$", re.IGNORECASE
)
_LIMIT_TAIL = re.compile(r"^ ?(?:%|[A-Za-zµ]+)? ?at which (?:it|the (?:rule|alert)|this) fires\b", re.IGNORECASE)
_THEN_BEFORE = re.compile(
    r"^\s*(?:(?!and\b|but\b|never\b|not\b|none\b|no\b)(?:%|[A-Za-zµ/]+)\s+){0,3}"
    r"(?:in (?:the )?[\d.]+ \w+ )?(?:before|beforehand|previously|earlier)\b(?!\s+[\[\d])",
    re.IGNORECASE,
)
_THEN_TO = re.compile(r"^\s*(?:→|->|to\s+[\d~]|instead of\b|now\b)")
_TO_NUMBER = re.compile(r"^\s*(?:→|->|to\s+[\d~])")
_FACTOR = re.compile(
    r"^\s*(?:[x×](?!\w)|-fold|fold|times (?:the|what|as|its|more|higher|larger|slower|faster|longer|over)\b|x as\b)",
    re.IGNORECASE,
)
_DID = re.compile(r"^\s*times (?:the|its) [\w-]+ (?:(?:was|were|has|had|is|got)\b|[a-z]+ed\b|wrote\b)", re.IGNORECASE)
"""`93 times the gateway was told` counts, `93 times the usual` compares."""
_NOISE = re.compile(
    # One `\s*` at each place: with three side by side a long run of spaces takes minutes.
    r"^\s*(?:(?:×|times)\s*)?(?:(?:its|the|of)\s*)?(?:own )?(?:usual )?noise|^\s*times its own noise",
    re.IGNORECASE,
)
_BOUNDS = (
    (re.compile(r"\b(?:over|more than|above|at least|exceed(?:s|ed|ing)?|upwards of)\s+(?:the )?$", re.IGNORECASE), 1),
    (re.compile(r"\b(?:under|less than|fewer than|below|at most)\s+(?:the )?$", re.IGNORECASE), -1),
)
_ROUGH = re.compile(
    r"(?:about|around|roughly|nearly|almost|some|approximately|close to|~|≈)\s*(?:a |an )?$", re.IGNORECASE
)
_COUNTED = re.compile(r"^\s+(?:new |more |failed |such |of the )?([a-z]+s)\b")
_NOT_COUNTED = frozenset({"is", "was", "has", "its", "as", "this", "always", "across", "times", "points", "does", "us"})
_TALLY = re.compile(
    r"^\s+(?:[a-z]+\s+){0,2}(?:lines?|times|entries|occurrences|messages|restarts?)\b(?!\s+(?:the|what|as|its)\b)"
)
_COUNT = rf"{SPELT}|\d{{1,3}}"
_IN_PARTS = re.compile(
    rf"\b(?:({_COUNT})(?: (?:of|in|out of) (?:every )?|/)|one (?:in|out of) (?:every )?)({_COUNT})\b"
    r"(?! (?:times|lines|restarts))"
    r"(?=(?: of)?(?: the| its| all)? [a-z-]+(?:['’]s|s)\b)",
    re.IGNORECASE,
)
"""`four of five requests` is a share."""
_STATUSES = re.compile(
    r"(?<!\bin )(?<!\bfor )(?<!\bwithin )(?<!\bover )(?<!\bafter )(?<!\bto )(?<!\bfrom )(?<!\blast )"
    r"\b([45]\d\d)s\b"
)
"""`its 502s` are answers, `in 450s` are seconds."""
_ALONE = re.compile(
    r"\b(?:(?:a|one) single|(?:only|just|exactly) one)"
    r"(?= (?:[a-z]+ )?(?:line|restart|entry|occurrence|message|time)\b)",
    re.IGNORECASE,
)
_A_WHILE = re.compile(r"\ban? (second|minute|hour|day)(?= (?:after|before|later|earlier)\b)", re.IGNORECASE)
_EVERY = re.compile(r"\bevery (\d{1,3}) (seconds|minutes|hours)\b", re.IGNORECASE)
"""`a warning every five seconds` is a rate."""
_ALL = re.compile(
    r"(?<!not )(?<!nearly )(?<!almost )(?<!of )\b(?:every|each|all(?: of)?(?: the| its)?)"
    r"(?: (?!other|second|\w+th\b|third)\w+)?"
    r" (?:calls?|requests?|connections?|attempts?|queries|query)\b"
    r"(?=[^\d;]*\b(?:fails?|failed|lost|refused|rejected|errors?|tim(?:es?|ed) out)\b[^\d]*$)",
    re.IGNORECASE,
)
_PARTS_OF = {
    "half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10,
}  # fmt: skip
_IN_SHARES = re.compile(
    rf"\b(?:(?:an?|one)[ -])?(half)\b|\b(?:an?|one)[ -]({'|'.join(_PARTS_OF)})\b"
    rf"|\b(two|three|four|five|six|seven|eight|nine)[ -]({'|'.join(_PARTS_OF)})s\b",
    re.IGNORECASE,
)
"""`half`, `a third`, `four fifths`."""
SHARE_ROUNDED = 0.05
"""Nobody says `four fifths` of exactly 80 %."""
_EVERY_OTHER = re.compile(
    rf"\bevery (other|second|{'|'.join(_PARTS_OF)})\s+(?=(?:call|request|charge|connection|quer|attempt|order)\w*\b)",
    re.IGNORECASE,
)
REMEMBERED = 256
"""Sentences and clauses that are kept taken apart: those of one report are fewer."""
_FOLDS = {"doubl": 2, "tripl": 3, "quadrupl": 4}
_IN_FOLDS = re.compile(
    r"(?<!not )\b(doubl|tripl|quadrupl)(?:ed|es|ing|e)\b"
    rf"|(?<![\w.])(\d+(?:\.\d+)?|{SPELT})-?fold\b",
    re.IGNORECASE,
)
"""What did not double is for negations.py."""


class Role(StrEnum):
    """What a number is said to be."""

    ANY = "any"
    BEFORE = "before"
    AFTER = "after"
    BY = "by"
    FACTOR = "factor"
    NOISE = "noise"
    LIMIT = "limit"


class Said(NamedTuple):
    """A number as claimed. `bound`: it is at least (1) or at most (-1) so much; `rough`: about so much.

    `counts`: a noun in the plural follows, so that it is a number of things. `tallies`: of lines or of times.
    """

    quantity: Quantity
    role: Role
    bound: int = 0
    rough: bool = False
    counts: bool = False
    tallies: bool = False


class Claim(NamedTuple):
    """One sentence. `words` is what is left of it without ids, quotations and times; `names` look like identifiers."""

    text: str
    ids: tuple[str, ...]
    quotes: tuple[str, ...]
    names: tuple[tuple[str, Role], ...]
    times: tuple[str, ...]
    numbers: tuple[Said, ...]
    words: str


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order; an abbreviation ends none, nor does a full stop within quotation marks."""
    quoted = [found.span() for found in _QUOTED.finditer(text)]
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        inside = any(a < end.start() < b for a, b in quoted)
        if inside or _ABBREVIATED.search(text[start : end.start()]):
            continue
        found.append(text[start : end.start()] + text[end.start() : end.end()].rstrip())
        start = end.end()
    return [each.strip() for each in (*found, text[start:]) if each.strip()]


def clauses(text: str) -> list[str]:
    """The parts of a sentence that can be true or false by themselves; [] where it has one only."""
    parts = re.split(r";\s*|,\s+(?:while|whereas|but|and|where|which)\s+|\s+(?:while|whereas|but|and)\s+|,\s+", text)
    found = [part.strip() for part in parts if part.strip()]
    return found if len(found) > 1 else []


@functools.lru_cache(REMEMBERED)
def take_apart(sentence: str) -> Claim:
    """A sentence as it can be held against a finding. Remembered: it is held against one after the other."""
    ids = tuple(dict.fromkeys(ID.findall(_without_quotes(sentence))))
    quotes = tuple(next(filter(None, found)) for found in _QUOTED.findall(sentence))
    rest = ID.sub(" ", _CITED.sub(" ", _QUOTED.sub(" “” ", sentence))).replace("-to-", " to ")
    times = tuple(found[0] for found in TIMES_OF_DAY.finditer(rest))
    rest = TIMES_OF_DAY.sub(" ◷ ", rest)
    names = tuple(_names(rest))
    rest = _NAME.sub(lambda found: found[0] if re.fullmatch(r"[a-z]+/[a-z]+", found[0]) else " ¶ ", rest)
    return Claim(sentence, ids, quotes, names, times, _numbers(rest), " ".join(rest.split()))


def _without_quotes(sentence: str) -> str:
    return _QUOTED.sub(" ", sentence)


def _names(rest: str) -> Iterator[tuple[str, Role]]:
    for found in _NAME.finditer(rest):
        if re.fullmatch(r"[a-z]+/[a-z]+", found[0]):  # req/s, and/or
            continue
        yield found[0].rstrip(".-:"), _role(rest, found.start(), found.end())


def _numbers(rest: str) -> tuple[Said, ...]:
    rest = in_figures(_STATUSES.sub(r"\1", rest))
    found = sorted(
        [*_figures(rest), *_spelt(rest)],
        key=lambda each: each[0],
    )
    said = [each for _, each in found]
    for place in range(len(said) - 1, 0, -1):
        said[place - 1] = _inheriting(said[place - 1], said[place])
    return tuple(said)


def _figures(rest: str) -> Iterator[tuple[int, Said]]:
    for found in figures(_EVERY.sub(_blank, _IN_PARTS.sub(_blank, rest))):
        head, tail = rest[: found.start()], rest[found.end("number") :]
        yield (
            found.start(),
            Said(
                quantity_of(found),
                _role(rest, found.start(), found.end("number")),
                bound=_bound(head),
                rough=bool(_ROUGH.search(head)),
                counts=_counts(tail),
                tallies=bool(_TALLY.match(tail)),
            ),
        )


def _spelt(rest: str) -> Iterator[tuple[int, Said]]:
    for found in _IN_FOLDS.finditer(rest):
        number = number_of(found[2]) if found[2] else float(_FOLDS[found[1].lower()])
        bound = _bound(rest[: found.start()])
        yield found.start(), Said(quantity(number), Role.FACTOR, bound, rough=not bound)
    for found in _ALL.finditer("" if re.search(r"\d", rest) else rest):
        yield found.start(), Said(quantity(1.0, "ratio"), Role.ANY)
    for found in _EVERY.finditer(rest):
        seconds = quantity(float(found[1]), found[2].lower()).sizes[0]
        yield found.start(), Said(quantity(1 / seconds, "/s") if seconds else quantity(0.0), Role.ANY, rough=True)
    for found in _A_WHILE.finditer(rest):
        head = rest[: found.start()]
        yield (
            found.start(),
            Said(quantity(1.0, found[1].lower(), 0.5), Role.ANY, _bound(head), bool(_ROUGH.search(head))),
        )
    for found in _IN_SHARES.finditer(rest):
        half, part, some, parts = found.groups()
        share = number_of(some or "one") / _PARTS_OF[(half or part or parts).lower()]
        head, span = rest[: found.start()], re.match(r" an? (second|minute|hour)\b", rest[found.end() :])
        rounded = quantity(share, span[1] if span else "ratio", SHARE_ROUNDED)
        yield found.start(), Said(rounded, Role.ANY, _bound(head), rough=bool(_ROUGH.search(head)))
    for found in _EVERY_OTHER.finditer(rest):
        yield found.start(), Said(quantity(1 / _PARTS_OF.get(found[1].lower(), 2), "ratio"), Role.ANY, rough=True)
    for found in _IN_PARTS.finditer(rest):
        some, whole = number_of(found[1] or "one"), number_of(found[2])
        bound = _bound(rest[: found.start()])
        if whole:
            yield found.start(), Said(quantity(some / whole, "ratio"), Role.ANY, bound, rough=not bound)
    for found in _ALONE.finditer(rest):
        yield found.start(), Said(quantity(1.0), Role.ANY, tallies=True)
    for found in REPEATED.finditer(rest):
        tail, head = rest[found.end() :], rest[: found.start()]
        folds = found[0].lower() != "once" and re.match(r"\s+(?:the|what|as|its)\b", tail)
        role = Role.FACTOR if folds else _role(rest, found.start(), found.end())
        times = number_of(found[0])
        number = quantity(times, precision=0.5 / times)
        yield (
            found.start(),
            Said(number, role, _bound(head), bool(_ROUGH.search(head)), tallies=bool(_TALLY.match(tail))),
        )


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _bound(head: str) -> int:
    """1 behind `more than`, -1 behind `less than`, else 0."""
    return next((sign for pattern, sign in _BOUNDS if pattern.search(head)), 0)


def _counts(tail: str) -> bool:
    found = _COUNTED.match(tail)
    return bool(found) and found[1] not in _NOT_COUNTED and not quantity(1.0, found[1]).measures


def _role(rest: str, start: int, end: int) -> Role:
    """What stands before and behind a number or a name says which side of a change it is."""
    head, tail = rest[:start], rest[end:]
    unit = re.match(r"\s?(?:%|/s|[A-Za-zµ]+(?:/s)?)?", tail)
    behind = tail[unit.end() :] if unit and _THEN_TO.match(tail[unit.end() :]) else tail
    signs = (
        (Role.NOISE, _NOISE.match(tail)),
        (Role.ANY, not head.strip(" ,") and _DID.match(tail)),
        (Role.FACTOR, _FACTOR.match(tail)),
        (Role.BEFORE, _GAVE_WAY.match(tail)),
        (Role.AFTER, _TOOK_OVER.match(tail)),
        (Role.LIMIT, _LIMIT_HEAD.search(head) or _LIMIT_TAIL.match(tail)),
        (Role.ANY, _FIRES.search(head)),
        (Role.BEFORE, _BEFORE.search(head) or _TO_NUMBER.match(behind) or _THEN_BEFORE.match(tail)),
        (Role.BEFORE, _WAS.search(head) and _NOW.search(tail)),
        (Role.BY, _BY.search(head)),
        (Role.AFTER, _AFTER.search(head) or _THEN_TO.match(behind)),
    )
    return next((role for role, found in signs if found), Role.ANY)


def _inheriting(one: Said, other: Said) -> Said:
    """`from 20 to 97 %`: the first has the unit of the second."""
    bare = not one.quantity.measures and not one.quantity.rate and not one.counts
    if not bare or one.role is not Role.BEFORE or other.role is not Role.AFTER:
        return one
    factors = [size / other.quantity.written for size in other.quantity.sizes] if other.quantity.written else [1.0]
    sizes = tuple(one.quantity.written * factor for factor in factors)
    taken = one.quantity._replace(measures=other.quantity.measures, sizes=sizes, rate=other.quantity.rate)
    return one._replace(quantity=taken)
