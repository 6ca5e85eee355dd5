"""One sentence held against the evidence: it stands, it cannot be checked, or it is false, and why.

Nothing here knows a system or a product: every rule compares what the sentence says with what the finding holds.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from aiops_processor.llm.verification import amounts, checks, negations, whose, wording
from aiops_processor.llm.verification.known import Fact, Known, Part, known
from aiops_processor.llm.verification.quantities import Quantity
from aiops_processor.llm.verification.sentences import ID, Claim, Role, clauses, take_apart
from aiops_processor.llm.verification.spelt import NUMBER_WORDS
from aiops_processor.models.evidence import EvidenceReport

ENDS = 1e-9
_SUBORDINATE = re.compile(r"\b(?:after|since|when|(?<!at )once|until)\b")
_LEVELLED = re.compile(r"\b(fatal|error|warn)(?:ing)? (?:lines?|messages?)\b", re.IGNORECASE)
_APART = re.compile(r";\s*|,?\s+(?:while|whereas|but)\s+")
_WHILE = re.compile(r"^(?:while|whereas|although|though)\s+([^,]+),\s+", re.IGNORECASE)
MOST_CHARACTERS, MOST_FIGURES = 600, 30
"""Of one sentence. Checking takes the square of either; a sentence that people can read has less."""
_OTHER_LETTERS = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]{2}")
ENGLISH_SHARE, FEWEST_FOREIGN = 0.5, 2
"""So much of an English sentence's words are known. Measured: 0.5 to 1 of 749 claims but one (0); of 28 in 14 other
languages and in mixtures at most 0.5, where most of the nouns are English."""
_ASSERTS = re.compile(r"^\W*(?:the|all|every|each|its|their|most|half|no|some)\b", re.IGNORECASE)
_SUPPOSES = re.compile(
    r"\b(?:may|might|could|would|will|should|can|if|whether|to|must|likely|probably)\b", re.IGNORECASE
)
FEWEST_WORDS = 3
"""A clause of fewer words says nothing of its own: `at its peak`."""


class Standing(StrEnum):
    """What a sentence is worth."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    FALSE = "false"


class Judgement(NamedTuple):
    """The standing, and where it is not verified the reason in words."""

    standing: Standing
    reason: str = ""


GOOD = Judgement(Standing.VERIFIED)
NO_ID = Judgement(Standing.UNVERIFIED, "it cites no evidence")
NOTHING_TO_CHECK = Judgement(Standing.UNVERIFIED, "it says nothing that can be checked")
TOO_LONG = Judgement(Standing.UNVERIFIED, "it is too long to be checked")
FOREIGN = Judgement(
    Standing.UNVERIFIED, "only its figures, names, times and quotations were checked, for it does not read as English"
)
NO_ORDER = Judgement(Standing.UNVERIFIED, "the evidence does not say which of the two came first")


class Judge:
    """Holds sentences against one report."""

    def __init__(self, report: EvidenceReport) -> None:
        self._window = report.window
        entities = frozenset(item.entity for item in report.findings)
        self._known = {item.id: known(item, report.window, entities) for item in report.findings}
        self._healthy = frozenset(text.partition(":")[0].strip().lower() for text in report.healthy)
        self._places = frozenset(name for item in self._known.values() for name in item.names) | self._healthy
        words = frozenset(word for item in self._known.values() for word in re.findall(r"[\w-]+", item.text))
        self._places_folded = frozenset(place.lower() for place in self._places)
        self._vocabulary = words | self._places_folded
        self._stems = frozenset(map(_stem, words))

    def cited(self, sentence: str, ids: Iterable[str]) -> Judgement:
        """A sentence that rests on these findings, and those that it names itself."""
        if _too_long(sentence):
            return TOO_LONG
        claim = take_apart(sentence)
        named = list(dict.fromkeys((*(each for each in ids if each), *claim.ids)))
        if not named:
            return NO_ID
        if unknown := [each for each in named if each not in self._known]:
            return Judgement(Standing.FALSE, f"there is no evidence {', '.join(unknown)}")
        return self._against([self._known[each] for each in named], sentence)

    def prose(self, sentence: str) -> Judgement:
        """A sentence of a summary: against the findings that it names, else against all of them."""
        if _too_long(sentence):
            return TOO_LONG
        claim = take_apart(sentence)
        if claim.ids:
            return self.cited(sentence, ())
        if self._says_healthy(claim):
            more = self._more(sentence)
            return Judgement(Standing.UNVERIFIED, more) if more else GOOD
        if not _checkable(claim):
            return NOTHING_TO_CHECK
        found = self._against(list(self._known.values()), sentence)
        if found.standing is not Standing.FALSE or not self._said_somewhere(claim):
            return found
        return Judgement(Standing.UNVERIFIED, "no single finding says all of it")

    def supposed(self, sentence: str) -> Judgement:
        """A sentence that proposes or supposes: false only where it cites what is not there or says it wrongly."""
        if _too_long(sentence):
            return TOO_LONG
        claim = take_apart(sentence)
        if unknown := [each for each in claim.ids if each not in self._known]:
            return Judgement(Standing.FALSE, f"there is no evidence {', '.join(unknown)}")
        return self.cited(sentence, ()) if claim.ids else NOTHING_TO_CHECK

    def hypothetical(self, sentence: str, ids: Sequence[str]) -> Judgement:
        """A supposed cause: what it says of the findings that speak for it must be so, be it a figure or a direction.

        A figure that no finding holds is unverified where none is named.
        """
        found = self.supposed(sentence)
        if _too_long(sentence):
            return found
        claim = take_apart(sentence)
        items = [self._known[each] for each in ids if each in self._known]
        speaks = _figures(claim) or any(_placed(claim, item) for item in items)
        if found.standing is Standing.FALSE or not speaks:
            return found
        said = self.prose(sentence)
        if said.standing is Standing.VERIFIED or not items:
            return said if said.standing is Standing.VERIFIED else NOTHING_TO_CHECK
        return self._against(items, sentence)

    def states(self, sentence: str) -> bool:
        """Whether a sentence that proposes something says figures of what happened, and not only what to do."""
        if _too_long(sentence):
            return True
        claim = take_apart(sentence)
        return bool(claim.times) or (_figures(claim) and bool(wording.STATES.search(claim.words)))

    def asserts(self, sentence: str) -> bool:
        """Whether a sentence beside a step says what is, and neither what to do nor what may be."""
        if _too_long(sentence):
            return True
        words = take_apart(sentence).words
        first = next(iter(whose.mentioned(words, self._places)), "")
        begins = _ASSERTS.match(words) or (first and words.lower().lstrip(" -*#“”").startswith(first))
        states = wording.STATES.search(words) or _figures(take_apart(sentence))
        return bool(begins and states and not _SUPPOSES.search(words))

    def _against(self, items: Sequence[Known], sentence: str) -> Judgement:
        """What the findings say of the sentence; verified only where no clause of it says more than they hold.

        What it says beside of components that are as usual is true without them.
        """
        if self._foreign(take_apart(sentence)):
            return self._by_figures(items, take_apart(sentence))
        parts = _APART.split(_WHILE.sub(r"\1; ", sentence))
        others = [part for part in parts if self._more(part) or not self._says_healthy(take_apart(part))]
        if 0 < len(others) < len(parts):
            sentence = "; ".join(others)
        found = self._held(items, sentence)
        if found is GOOD and (more := self._more(sentence)):
            return Judgement(Standing.UNVERIFIED, more)
        return found

    def _foreign(self, claim: Claim) -> bool:
        """Whether it is in another language than English, whose words nothing here reads."""
        words = [
            word for word in re.findall(r"(?<!\d)[^\W\d_]{2,}", claim.words) if word.lower() not in self._places_folded
        ]
        if any(_OTHER_LETTERS.search(word) or word.lower() in wording.NOT_ELSEWHERE for word in words):
            return True
        english = sum(_is_english(word.lower()) or self._is_known_word(word.lower()) for word in words)
        return len(words) >= FEWEST_FOREIGN and english < ENGLISH_SHARE * len(words)

    def _by_figures(self, items: Sequence[Known], claim: Claim) -> Judgement:
        """A sentence of which only what is the same in every language can be held against the findings."""
        if not (items and _checkable(claim)):
            return NOTHING_TO_CHECK
        bare = claim._replace(
            numbers=tuple(each._replace(role=Role.ANY) for each in claim.numbers),
            names=tuple((name, Role.ANY) for name, _ in claim.names),
        )
        named = whose.mentioned(claim.words, self._places)
        reasons = [checks.unheld(bare, item, self._window) or whose.unnamed(named, item) for item in items]
        return FOREIGN if not all(reasons) else Judgement(Standing.FALSE, reasons[0])

    def _more(self, sentence: str) -> str:
        """What a sentence says that no finding could, in words; "" where there is no such clause."""
        more = next(filter(self._says_more, _pieces(sentence)), "")
        return f"no evidence says “{more[:80]}”" if more else ""

    def _says_more(self, clause: str) -> bool:
        """Whether a clause has nothing to check, yet words that neither the findings nor the trade know."""
        claim = take_apart(clause)
        if _checkable(claim) or (claim.ids and len(claim.words.split()) < FEWEST_WORDS):
            return False
        plain = claim.words
        for pattern in (wording.RISE, wording.FALL, wording.STAY, wording.HEALTHY, wording.NO_LONGER):
            plain = pattern.sub(" ", plain)
        words = [word.lower() for word in re.findall(r"[A-Za-z][\w-]*", plain)]
        return len(words) >= FEWEST_WORDS and not all(map(self._is_known_word, words))

    def _is_known_word(self, word: str) -> bool:
        patterns = (wording.RISE, wording.FALL, wording.STAY, wording.FIRST, wording.LATER)
        directed = any(pattern.fullmatch(word) for pattern in patterns)
        known = word in wording.PLAIN or word in wording.LINKING or word.endswith("ly") or word in self._places
        return directed or known or _stem(word) in self._stems

    def _held(self, items: Sequence[Known], sentence: str) -> Judgement:
        if len(items) > 1 and (ordered := self._ordered(sentence, items)):
            return ordered
        claim = take_apart(sentence)
        found = _best(self._one(item, claim) for item in items)
        if found.standing is not Standing.FALSE or len(items) == 1:
            return found
        parts = [_best(self._one(item, part) for item in items) for part in map(take_apart, clauses(sentence))]
        if parts and not any(part.standing is Standing.FALSE for part in parts):
            return GOOD if any(part is GOOD for part in parts) else NOTHING_TO_CHECK
        return found

    def _one(self, item: Known, claim: Claim) -> Judgement:
        """Against one finding: every check must pass, and at least one must have had something to check."""
        reason = checks.wrong(claim, item, self._window) or whose.wrong(claim, item, self._places, self._vocabulary)
        if reason:
            return Judgement(Standing.FALSE, reason)
        return GOOD if _checkable(claim) or _placed(claim, item) else NOTHING_TO_CHECK

    def _ordered(self, sentence: str, items: Sequence[Known]) -> Judgement | None:
        """A sentence that says which of two cited findings came first; None where it says no such thing."""
        spots = [(found[0], *found.span()) for found in ID.finditer(sentence) if found[0] in self._known]
        if len(spots) == 1 and spots[0][0] != items[0].id:
            spots.insert(0, (items[0].id, 0, 0))  # the id that the claim stands under is what it begins with
        if len(spots) != 2:
            return None
        one, other = (self._known[spot[0]] for spot in spots)
        between = sentence[spots[0][2] : spots[1][1]]
        sign = _order(sentence[: spots[0][1]], between)
        if sign is None:
            return None
        both = _together(one, other)
        found = self._one(both, _without_order(take_apart(sentence)))
        if found.standing is Standing.FALSE:
            return found
        if _seen_first(*((one, other) if sign else (other, one))):
            return GOOD
        if one.moment is None or other.moment is None or abs(one.moment - other.moment) < ENDS:
            return NO_ORDER
        true = (one.moment < other.moment) == sign
        return GOOD if true else Judgement(Standing.FALSE, f"{one.id} and {other.id} came the other way round")

    def _says_healthy(self, claim: Claim) -> bool:
        """`catalog and db stayed healthy`, where all that it names was looked at and found as usual."""
        words, wells = wording.HEALTHY.subn(" ", claim.words)
        if not (wells or wording.STAY.search(words)) or claim.numbers or claim.quotes or wording.NOT.search(words):
            return False
        named = whose.mentioned(words, self._places)
        return bool(named) and all(name in self._healthy for name in named)

    def _said_somewhere(self, claim: Claim) -> bool:
        """Whether each number, quotation, name and time of it is in some finding."""
        items = list(self._known.values())
        single: list[Claim] = [
            *(
                claim._replace(numbers=(each._replace(role=Role.ANY),), quotes=(), names=(), times=())
                for each in claim.numbers
            ),
            *(claim._replace(numbers=(), quotes=(each,), names=(), times=()) for each in claim.quotes),
            *(claim._replace(numbers=(), quotes=(), names=((each, Role.ANY),), times=()) for each, _ in claim.names),
            *(claim._replace(numbers=(), quotes=(), names=(), times=(each,)) for each in claim.times),
        ]
        return all(any(not checks.unheld(each, item, self._window) for item in items) for each in single) and not any(
            _turned_round(claim, items)
        )


def _best(found: Iterable[Judgement]) -> Judgement:
    """The first that is verified, else the first that cannot be checked, else the first."""
    all_of_them = list(found)
    for standing in (Standing.VERIFIED, Standing.UNVERIFIED):
        for each in all_of_them:
            if each.standing is standing:
                return each
    return all_of_them[0] if all_of_them else NO_ID


def _checkable(claim: Claim) -> bool:
    return bool(claim.numbers or claim.times or claim.quotes or claim.names)


def _too_long(sentence: str) -> bool:
    return len(sentence) > MOST_CHARACTERS or len(re.findall(r"\d+", sentence)) > MOST_FIGURES


def _pieces(sentence: str) -> Iterable[str]:
    """Its clauses, those that follow `after` or `since` apart."""
    for clause in clauses(sentence) or [sentence]:
        yield from _SUBORDINATE.split(clause)


def _figures(claim: Claim) -> bool:
    return bool(claim.numbers or claim.times or claim.quotes)


def _is_english(word: str) -> bool:
    return word in wording.COMMON or word in NUMBER_WORDS or (len(word) > 4 and word.endswith(("ed", "ing")))


def _stem(word: str) -> str:
    return re.sub(r"(?<=\w{3})(?:ing|ed|es|s)$", "", word)


def _placed(claim: Claim, item: Known) -> bool:
    """Without any number it still says something if it names the component and which way it went."""
    words = claim.words
    directed = wording.RISE.search(words) or wording.FALL.search(words)
    gone = item.after == 0 and wording.NOT.search(words) and negations.ended(words)
    logs = item.log and item.after and (said := _LEVELLED.search(words)) and f"{said[1].lower()} line" in item.title
    return bool(directed or gone or logs) and item.entity.lower() in words.lower()


def says_why(sentence: str) -> bool:
    """Whether a sentence names a cause: that stays a hypothesis, however right its numbers are."""
    return bool(wording.CAUSE.search(sentence if _too_long(sentence) else take_apart(sentence).words))


def _turned_round(claim: Claim, items: Sequence[Known]) -> Iterable[bool]:
    """Whether it gives a change the wrong way round: its two ends belong to one finding, but exchanged."""
    before = [said for said in claim.numbers if said.role is Role.BEFORE]
    after = [said for said in claim.numbers if said.role is Role.AFTER]
    for one, other in zip(before, after, strict=False):
        turned = claim._replace(numbers=(one._replace(role=Role.AFTER), other._replace(role=Role.BEFORE)))
        yield any(not amounts.wrong(turned, item) for item in items)


def _order(head: str, between: str) -> bool | None:
    """True where the first of two comes first, False where the second does, None where nothing is said."""
    if re.search(r"^\W*(?:after|once|following)\b", head, re.IGNORECASE):
        return True
    if re.search(r"^\W*before\b", head, re.IGNORECASE):
        return False
    if re.search(r"\bpreceded by\b", between):
        return False
    if re.search(r"\bfollowed by\b", between):
        return True
    first, later = wording.FIRST.search(between), wording.LATER.search(between)
    if bool(first) == bool(later):
        return None
    return bool(first)


def _without_order(claim: Claim) -> Claim:
    """What else it says: of a time between the two, `before` and `after` tell no part."""
    numbers = (each._replace(role=Role.ANY) if each.quantity.measures == "time" else each for each in claim.numbers)
    return claim._replace(numbers=tuple(numbers), words=wording.FIRST.sub(" ", wording.LATER.sub(" ", claim.words)))


def _seen_first(early: Known, late: Known) -> bool:
    """Of lines it is not known when they began, but that one was there before the other happened."""
    return early.log and early.line_at is not None and late.moment is not None and early.line_at < late.moment


def _together(one: Known, other: Known) -> Known:
    return one._replace(
        names=one.names | other.names,
        facts=(*one.facts, *other.facts, *_apart(one, other)),
        times=(*one.times, *other.times),
        text=f"{one.text} {other.text}",
        title=f"{one.title} {other.title}",
        before=None,
        after=None,
    )


def _apart(one: Known, other: Known) -> Iterable[Fact]:
    if one.moment is not None and other.moment is not None:
        seconds = abs(one.moment - other.moment)
        yield Fact(Quantity(seconds, "time", (seconds,)), Part.APART)
        yield Fact(Quantity(round(seconds), "time", (round(seconds),)), Part.APART)
