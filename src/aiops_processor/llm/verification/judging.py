"""One sentence held against the evidence: it stands, it cannot be checked, or it is false, and why.

Nothing here knows a system or a product: every rule compares what the sentence says with what the finding holds.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from aiops_processor.llm.verification import amounts, negations, whose, wording
from aiops_processor.llm.verification.known import Fact, Known, Part, known, times_in
from aiops_processor.llm.verification.quantities import Quantity
from aiops_processor.llm.verification.sentences import ID, Claim, Role, clauses, take_apart
from aiops_processor.models.evidence import EvidenceReport, Window

NEAR_SECONDS = 2.0
ENDS = 1e-9
_SUBORDINATE = re.compile(r"\b(?:after|since|when|once|until)\b")
_NEGATED = re.compile(
    r"(?:\b(?:not|never|without|yet to)|n[’']t)(?:\s+(?:yet|been|gone|risen|come|be|go))*\s+$", re.IGNORECASE
)
_MEASURED = re.compile(r"\bas (?:much|many|high|large|long|often|slow|big)\b(?:\s+[\w-]+){0,5}\s+$", re.IGNORECASE)
"""`six times as much as before` says nothing of what stayed."""
_LEVELLED = re.compile(r"\b(fatal|error|warn)(?:ing)? (?:lines?|messages?)\b", re.IGNORECASE)
_APART = re.compile(r";\s*|,?\s+(?:while|whereas|but)\s+")
_WHILE = re.compile(r"^(?:while|whereas|although|though)\s+([^,]+),\s+", re.IGNORECASE)
_NEAR_TIME = re.compile(r"(?:\b(?:shortly|just|soon|right|moments|seconds|a little|a bit) (before|after)\s+)?◷")
SHORTLY_SECONDS = 60.0
"""`shortly after 10:32:05` is at most so much later."""
MOST_CHARACTERS, MOST_FIGURES = 600, 30
"""Of one sentence. Checking takes the square of either; a sentence that people can read has less."""
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
        self._vocabulary = words | {place.lower() for place in self._places}
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
            return GOOD
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

    def _against(self, items: Sequence[Known], sentence: str) -> Judgement:
        """What the findings say of the sentence; verified only where no clause of it says more than they hold.

        What it says beside of components that are as usual is true without them.
        """
        parts = _APART.split(_WHILE.sub(r"\1; ", sentence))
        others = [part for part in parts if not self._says_healthy(take_apart(part))]
        if 0 < len(others) < len(parts):
            sentence = "; ".join(others)
        found = self._held(items, sentence)
        if found is GOOD and (more := next(filter(self._says_more, _pieces(sentence)), "")):
            return Judgement(Standing.UNVERIFIED, f"no evidence says “{more[:80]}”")
        return found

    def _says_more(self, clause: str) -> bool:
        """Whether a clause has nothing to check, yet words that neither the findings nor the trade know."""
        claim = take_apart(clause)
        if _checkable(claim) or (claim.ids and len(claim.words.split()) < FEWEST_WORDS):
            return False
        undirected = wording.RISE.sub(" ", wording.FALL.sub(" ", claim.words))
        words = [word.lower() for word in re.findall(r"[A-Za-z][\w-]*", undirected)]
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
        reason = (
            next(filter(None, (check(claim, item) for check in _CHECKS)), "")
            or _wrong_time(claim, item, self._window)
            or whose.wrong(claim, item, self._places, self._vocabulary)
        )
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
        return all(any(self._holds(item, each) for item in items) for each in single) and not any(
            _turned_round(claim, items)
        )

    def _holds(self, item: Known, claim: Claim) -> bool:
        return not (
            _wrong_quote(claim, item)
            or _wrong_name(claim, item)
            or amounts.wrong(claim, item)
            or _wrong_time(claim, item, self._window)
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


def _stem(word: str) -> str:
    return re.sub(r"(?<=\w{3})(?:ing|ed|es|s)$", "", word)


def _placed(claim: Claim, item: Known) -> bool:
    """Without any number it still says something if it names the component and which way it went."""
    words = claim.words
    directed = wording.RISE.search(words) or wording.FALL.search(words)
    gone = item.after == 0 and wording.NOT.search(words) and negations.ended(words)
    logs = item.log and item.after and (said := _LEVELLED.search(words)) and f"{said[1].lower()} line" in item.title
    return bool(directed or gone or logs) and item.entity.lower() in words.lower()


def _wrong_quote(claim: Claim, item: Known) -> str:
    for quote in claim.quotes:
        parts = [" ".join(part.lower().split()).strip(" .,;:!") for part in re.split(r"…|\.\.\.|\[…\]", quote)]
        if not all(part in item.text for part in parts):
            return f"{item.id} does not hold the words “{quote[:60]}”"
    return ""


def _wrong_name(claim: Claim, item: Known) -> str:
    for name, role in claim.names:
        if name.lower().removesuffix("s") not in item.text:
            return f"{item.id} does not name {name}"
        if (name == item.old != "" and role is Role.AFTER) or (name == item.new != "" and role is Role.BEFORE):
            return f"{item.id} has the versions the other way round"
    return ""


def _wrong_time(claim: Claim, item: Known, window: Window) -> str:
    said = [found[1] for found in _NEAR_TIME.finditer(claim.words)]
    for place, text in enumerate(claim.times):
        side = said[place] if place < len(said) else ""
        for start, length in times_in(text, window):
            near = SHORTLY_SECONDS if side == "before" else NEAR_SECONDS if length == 1 else length / 2
            until = start + length + (SHORTLY_SECONDS if side == "after" else NEAR_SECONDS)
            if not any(start - near <= at < until for at in item.times):
                return f"{item.id} has nothing at {text}"
    if re.search(r"\b(?:CET|CEST|EST|EDT|PST|PDT|IST|JST|BST|local time)\b", claim.words):
        return "times are in UTC"
    return ""


def _wrong_direction(claim: Claim, item: Known) -> str:
    words = negations.without_negated(claim.words)
    if item.before is None or item.after is None:
        return f"{item.id} is no sign of health" if wording.STAY.search(words) else ""
    went = _went(item)
    for pattern, sign in ((wording.RISE, 1), (wording.FALL, -1), (wording.STAY, 0)):
        found = next((each for each in pattern.finditer(words) if not _MEASURED.search(words[: each.start()])), None)
        if found and went != sign and not _of_time(found[0], item):
            return f"{item.id} did not go that way: “{found[0]}”"
    return ""


def _went(item: Known) -> int:
    """1 where it rose, -1 where it fell, 0 where it stayed; of lines the rate counts, for the spans differ."""
    if item.log and any(fact.exact for fact in item.facts):
        rates = {fact.part: fact.quantity.sizes[0] for fact in item.facts if fact.quantity.rate}
        before, after = rates.get(Part.BEFORE, 0.0), rates.get(Part.AFTER, 0.0)
    else:
        before, after = item.before or 0.0, item.after or 0.0
    return (after > before) - (after < before)


def _of_time(word: str, item: Known) -> bool:
    """Slower and faster say something of durations alone; of a rate it could be either."""
    return word.lower().endswith(("slower", "faster", "longer", "time")) and not item.timed


def _wrong_side(claim: Claim, item: Known) -> str:
    """Above or below: a number that follows, or the rule's own limit."""
    value = item.after
    if value is None:
        return ""
    for pattern, sign in ((wording.ABOVE, 1), (wording.BELOW, -1)):
        for found in pattern.finditer(claim.words):
            limit = _limit_after(claim.words[found.end() :], claim, item)
            if limit is None or _NEGATED.search(claim.words[: found.start()]):
                continue  # what is denied is held against the limit by negations.py
            if re.search(r"\bfires?\b\W*(?:\w+\W+){0,2}$", claim.words[: found.start()]):
                value_side = 1 if item.limit and ">" in item.limit[0] else -1
            else:
                value_side = 1 if value > limit * (1 - 0.005) else -1
            if value_side != sign:
                return f"{item.id} is not {found[0]} {limit:g}"
    return ""


def _limit_after(words: str, claim: Claim, item: Known) -> float | None:
    near = " ".join(words.split()[:6])
    for said in claim.numbers:
        if item.limit and said.quantity.sizes[0] == item.limit[1] and re.search(r"\d", near):
            return item.limit[1]
    if item.limit and re.search(r"\b(?:threshold|limit|rule)\b", near):
        return item.limit[1]
    return None


def _wrong_negation(claim: Claim, item: Known) -> str:
    return negations.wrong(claim.words, item, _went(item))


_CHECKS: tuple[Callable[[Claim, Known], str], ...] = (
    _wrong_quote,
    _wrong_name,
    amounts.wrong,
    _wrong_direction,
    _wrong_side,
    _wrong_negation,
)


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
