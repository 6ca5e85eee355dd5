"""Whether the numbers of a sentence are those of a finding, each in the part that it is said to have."""

import re

from aiops_processor.llm.verification.known import Fact, Known, Part
from aiops_processor.llm.verification.quantities import Quantity
from aiops_processor.llm.verification.sentences import Claim, Role, Said

ROUGH_SHARE = 0.1
BOUND_SHARE = 0.3
EDGE = 0.005
"""`more than 38 %` may be said of 37.9 %, but not of 60 %."""

_THEN = re.compile(
    r"\b(?:was|were|had|until|before\w*|from|baseline|usual\w*|normal\w*|previous\w*|earlier|then)\b", re.IGNORECASE
)

_PARTS: dict[Role, frozenset[Part]] = {
    Role.BEFORE: frozenset({Part.BEFORE, Part.SPAN_BEFORE}),
    Role.AFTER: frozenset({Part.AFTER, Part.COUNT, Part.LIMIT}),
    Role.BY: frozenset({Part.DIFFERENCE, Part.APART}),
    Role.FACTOR: frozenset({Part.FACTOR, Part.NOISE, Part.COUNT}),
    Role.NOISE: frozenset({Part.NOISE}),
    Role.LIMIT: frozenset({Part.LIMIT}),
    Role.ANY: frozenset(Part) - {Part.FACTOR, Part.NOISE},
}


def wrong(claim: Claim, item: Known) -> str:
    """The first number that the finding does not hold in that part; "" where it holds all."""
    if _nothing_now(claim) and item.began_empty and item.after:
        return f"{item.id} holds 0 for what was before alone"
    for said in claim.numbers:
        if not any(_fits(said, fact, item) for fact in item.facts):
            return f"{item.id} does not hold {said.quantity.written:g}{_as(said)}"
    return ""


def _nothing_now(claim: Claim) -> bool:
    """`0 % of the calls fail`: the one figure is 0, and nothing says that this was before."""
    only = claim.numbers[0] if len(claim.numbers) == 1 else None
    return bool(only and not only.quantity.written and only.role is Role.ANY and not _THEN.search(claim.words))


def _as(said: Said) -> str:
    return f" as what was {said.role.value}" if said.role in {Role.BEFORE, Role.AFTER} else ""


def _fits(said: Said, fact: Fact, item: Known) -> bool:
    if not _comparable(said, fact, item):
        return False
    claimed = _meant(said.quantity, fact, item)
    if said.bound or said.rough:
        return _about(said, claimed, fact) or (said.rough and not fact.exact and claimed.agrees(fact.quantity))
    if fact.exact:
        return not claimed.measures and not claimed.rate and claimed.written == fact.quantity.written
    return claimed.agrees(fact.quantity)


def _comparable(said: Said, fact: Fact, item: Known) -> bool:
    """Whether the number is said to be what the fact is."""
    spans = fact.part in {Part.SPAN_BEFORE, Part.SPAN_AFTER}
    from_a_line = fact.part is Part.TEXT and said.role is Role.AFTER and item.log
    return not (
        (fact.part not in _PARTS[said.role] and not from_a_line)
        or (said.tallies and fact.part not in {Part.BEFORE, Part.AFTER, Part.COUNT})
        or (fact.part is Part.TEXT and said.quantity.measures not in {"", fact.quantity.measures})
        or ((spans or _between_times(fact, item, said)) and not said.quantity.measures)
        or (said.counts and (spans or fact.quantity.measures))
    )


def _between_times(fact: Fact, item: Known, said: Said) -> bool:
    """Seconds from one moment to another, where the sentence does not say that it grew by so many."""
    return (
        fact.part is Part.DIFFERENCE and fact.quantity.measures == "time" and not (item.timed and said.role is Role.BY)
    )


def _meant(claimed: Quantity, fact: Fact, item: Known) -> Quantity:
    """A rule's value has no unit of its own: its query tells whether 1.57 may be called 1.57 s."""
    bare = not fact.quantity.measures and fact.part is not Part.TEXT and not fact.exact
    if bare and ((claimed.measures == "time" and item.timed) or (claimed.measures == "bytes" and item.sized)):
        return claimed._replace(measures="", written=claimed.sizes[0])
    if bare and claimed.rate and not fact.quantity.rate and item.rated and fact.part is not Part.FACTOR:
        sizes = tuple(size * item.rated for size in claimed.sizes)
        return claimed._replace(rate=False, written=claimed.written * item.rated, sizes=sizes)
    return claimed


def _about(said: Said, claimed: Quantity, fact: Fact) -> bool:
    """`about 40 %`, `more than 90`: near it, and on the side that is said."""
    known = fact.quantity
    if claimed.rate and not known.rate:
        return False
    share = claimed.measures == "ratio" and not known.measures and not known.rate  # 60 % is 0.6
    if claimed.measures != known.measures and ((claimed.measures and not share) or fact.exact):
        return False
    if said.bound and fact.part is Part.APART:  # `less than a minute after` may be said of any second of it
        return any(one * said.bound <= other * said.bound for one in claimed.sizes for other in known.sizes)
    return any(_near(said, one, other) for one in claimed.sizes for other in known.sizes)


def _near(said: Said, one: float, other: float) -> bool:
    if not other:
        return one == 0
    apart = (other - one) / abs(other)
    return 0 <= apart * said.bound + EDGE <= BOUND_SHARE if said.bound else abs(apart) <= ROUGH_SHARE
