"""Whether a sentence speaks of the component that its finding is about."""

import functools
import re
from collections.abc import Iterable, Iterator

from aiops_processor.llm.verification import wording
from aiops_processor.llm.verification.known import Known
from aiops_processor.llm.verification.sentences import Claim
from aiops_processor.llm.verification.spelt import NUMBER_WORDS

_TOWARDS = re.compile(
    r"\b(?:to|towards|for|dependency|upstream|against|calling|about|concerning|regarding|via|behind|on|reach(?:es|ing|ed)?|with|between|and)\s+(?:the\s+|its\s+|service\s+)?$",
    re.IGNORECASE,
)
MOST_PATTERNS = 256
_AUXILIARY = frozenset(
    {
        "is",
        "was",
        "are",
        "were",
        "has",
        "had",
        "have",
        "do",
        "does",
        "did",
        "can",
        "could",
        "will",
        "would",
        "and",
        "or",
    }
    | {"but", "to", "of", "in", "at", "on", "by", "for"}
)
_ASKS = r"(?:requests?|calls?|queries|traffic|load|connections?)"
_TAKES = r"\s+(?:receives?|received|gets?|got|takes?)\s+from\s+(?:the\s+)?"
_EDGE = r"(?:['’]s)?(?:\s+\w+){0,3}?\s+(?:to|→)\s+(?:the\s+)?"


_BACK = (
    r"(?:\s+(?:is|are|was|were|gets?|got|being|been)\s+(?:called|asked|queried|requested|contacted)\s+by"
    r"|\s+(?:receives?|received|gets?|got|takes?)(?:\s+(?!from\b)\w+){0,2}?"
    r"\s+(?:requests?|calls?|queries|traffic|load|connections?)\s+from)\s+(?:the\s+)?"
)
"""`checkout is called by gateway`: the second calls the first. Errors come from who is called."""


def wrong(claim: Claim, item: Known, places: Iterable[str], vocabulary: frozenset[str]) -> str:
    """Why the sentence is about something else than the finding; "" where it is not.

    `places` are the components of the report, `vocabulary` all words of it, in lower case and theirs among them.
    """
    known_places = sorted({*places, *item.names}, key=len, reverse=True)
    if reason := _wrong_way(claim.words, item, known_places):
        return reason
    for name, start, end in _mentions(claim.words, known_places):
        if name not in {each.lower() for each in item.names} and not _in_passing(
            claim.words, name, start, end, item, known_places
        ):
            return f"{item.id} is about {item.entity}, not about {name}"
    for word in _unknown(claim.words, item, vocabulary):
        return f"{item.id} does not name {word}"
    return ""


def unnamed(mentioned_: Iterable[str], item: Known) -> str:
    """Why a sentence that mentions these components is not about the finding; "" where the finding names each."""
    strange = next(
        (name for name in mentioned_ if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", item.text)), ""
    )
    return f"{item.id} does not name {strange}" if strange else ""


def mentioned(words: str, places: Iterable[str]) -> list[str]:
    """The components that are named, in lower case."""
    return [name for name, _, _ in _mentions(words, sorted(places, key=len, reverse=True))]


def _mentions(words: str, places: list[str]) -> Iterator[tuple[str, int, int]]:
    if not places:
        return
    for found in _naming(tuple(places)).finditer(words):
        yield found[0].lower(), found.start(), found.end()


@functools.lru_cache(MOST_PATTERNS)
def _naming(places: tuple[str, ...]) -> re.Pattern[str]:
    """Any of these, by itself. Remembered, as every sentence is held against every finding."""
    return re.compile(rf"(?<![\w/.-])(?:{'|'.join(map(re.escape, places))})(?![\w/-]|[.:]\w)", re.IGNORECASE)


def _in_passing(words: str, name: str, start: int, end: int, item: Known, places: list[str]) -> bool:
    """Whether another component is named as the finding names it: as what is called, or in the same words."""
    if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", item.text):
        return False
    if _TOWARDS.search(words[:start]) or _names_it(words, item):
        return True
    edges = _between(words.lower(), places)
    if any(name in edge and f"{edge[0]} to {edge[1]}" in item.text for edge in edges):
        return True
    before, after = words[:start].lower().split()[-1:], words[end:].lower().split()[:1]
    phrases = (f"{' '.join(before)} {name}", f"{name} {' '.join(after)}")
    return any(phrase in item.text for phrase, near in zip(phrases, (before, after), strict=True) if near)


def _names_it(words: str, item: Known) -> bool:
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words, re.IGNORECASE) for name in item.names)


def _wrong_way(words: str, item: Known, places: list[str]) -> str:
    """`from gateway to checkout` is not `from checkout to gateway`."""
    told = set(_between(item.title, places))
    for edge in _between(words.lower(), places):
        if told and edge not in told:
            return f"{item.id} is not about what goes from {edge[0]} to {edge[1]}"
        if not told and edge[0] not in {name.lower() for name in item.names} and not _names_it(words, item):
            return f"{item.id} is not about what {edge[0]} does"
    return ""


def _between(text: str, places: list[str]) -> Iterator[tuple[str, str]]:
    if not places:
        return
    forth, *back = _edges(tuple(places))
    yield from ((found[1], found[2]) for found in forth.finditer(text))
    yield from ((found[2], found[1]) for pattern in back for found in pattern.finditer(text))


@functools.lru_cache(MOST_PATTERNS)
def _edges(places: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """`a to b`; and what says that the second calls the first."""
    name = f"({'|'.join(re.escape(place.lower()) for place in places)})"
    start, end = r"(?<![\w/.-])", r"(?![\w/-]|[.:]\w)"
    return (
        re.compile(f"{start}{name}{_EDGE}{name}{end}"),
        re.compile(rf"\bto\s+(?:the\s+)?{name}\s+by\s+(?:the\s+)?{name}{end}"),
        re.compile(f"{start}{name}{_BACK}{name}{end}"),
        re.compile(rf"\b{_ASKS}\s+(?:(?:that|which)\s+)?(?:the\s+)?{name}{_TAKES}{name}{end}"),
        re.compile(rf"\bwhat\s+(?:the\s+)?{name}{_TAKES}{name}\s+as\s+{_ASKS}\b"),
    )


def _unknown(words: str, item: Known, known: frozenset[str]) -> Iterator[str]:
    """Words that stand where a component's name would, and are neither known nor words of the trade."""
    named = _names_it(words, item)
    for pattern in (wording.OWNER, wording.CALLED, wording.DOER):
        for found in pattern.finditer(words):
            word = next(filter(None, found.groups())).lower()
            if _describes(words[found.end() :], named):
                continue
            if word not in known and word.rstrip("s") not in known and not _plain(word):
                yield word


def _describes(behind: str, named: bool) -> bool:
    """Whether this is an adjective: the component is named anyway, and a number or a word of the trade follows."""
    following = re.match(r"\s+(?:([a-z-]+)|[\d¶])", behind)
    if following is None:
        return False
    return named and (following[1] is None or _noun(following[1]))


def _noun(word: str) -> bool:
    return word.lower() not in _AUXILIARY and (
        word.lower() in wording.PLAIN or word.lower().rstrip("s") in wording.PLAIN
    )


def _plain(word: str) -> bool:
    if "-" in word:
        return all(map(_plain, word.split("-")))
    if word in NUMBER_WORDS:
        return True
    return word in wording.PLAIN or word.endswith(("ly", "ed")) or word.rstrip("s") in wording.PLAIN
