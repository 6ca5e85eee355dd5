"""What of a sentence can be held against one finding: each check says what is wrong, or nothing."""

import re
from collections.abc import Callable

from aiops_processor.llm.verification import amounts, negations, wording
from aiops_processor.llm.verification.known import Known, Part, times_in
from aiops_processor.llm.verification.sentences import Claim, Role
from aiops_processor.models.evidence import Window

NEAR_SECONDS = 2.0
_NEGATED = re.compile(
    r"(?:\b(?:not|never|without|yet to)|n[’']t)(?:\s+(?:yet|been|gone|risen|come|be|go))*\s+$", re.IGNORECASE
)
_MEASURED = re.compile(r"\bas (?:much|many|high|large|long|often|slow|big)\b(?:\s+[\w-]+){0,5}\s+$", re.IGNORECASE)
"""`six times as much as before` says nothing of what stayed."""
_NEAR_TIME = re.compile(r"(?:\b(?:shortly|just|soon|right|moments|seconds|a little|a bit) (before|after)\s+)?◷")
SHORTLY_SECONDS = 60.0
"""`shortly after 10:32:05` is at most so much later."""


def wrong(claim: Claim, item: Known, window: Window) -> str:
    """The first thing that the finding does not bear out; "" where it bears out all that was checked."""
    return next(filter(None, (check(claim, item) for check in _CHECKS)), "") or _wrong_time(claim, item, window)


def unheld(claim: Claim, item: Known, window: Window) -> str:
    """The first quotation, name, number or time that the finding does not hold: what is the same in any language."""
    return (
        _wrong_quote(claim, item)
        or _wrong_name(claim, item)
        or amounts.wrong(claim, item)
        or _wrong_time(claim, item, window)
    )


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


def _wrong_state(claim: Claim, item: Known) -> str:
    """That something is down, where the finding says neither that nothing is left nor what an outage looks like."""
    found = wording.DOWN.search(claim.words)
    if found is None or _NEGATED.search(claim.words[: found.start()]):
        return ""
    out = item.after == 0 or item.fails_all or _went(item) < 0 or wording.OUTAGE.search(item.text)
    return "" if out else f"{item.id} does not say “{found[0]}”"


def _wrong_negation(claim: Claim, item: Known) -> str:
    return negations.wrong(claim.words, item, _went(item))


def _went(item: Known) -> int:
    """1 where it rose, -1 where it fell, 0 where it stayed; of lines the rate counts, for the spans differ."""
    if item.log and any(fact.exact for fact in item.facts):
        rates = {fact.part: fact.quantity.sizes[0] for fact in item.facts if fact.quantity.rate}
        before, after = rates.get(Part.BEFORE, 0.0), rates.get(Part.AFTER, 0.0)
    else:
        before, after = item.before or 0.0, item.after or 0.0
    return (after > before) - (after < before)


_CHECKS: tuple[Callable[[Claim, Known], str], ...] = (
    _wrong_quote,
    _wrong_name,
    amounts.wrong,
    _wrong_direction,
    _wrong_side,
    _wrong_state,
    _wrong_negation,
)
