"""Whether a sentence says that something was not, where it was, or the other way round."""

import re

from aiops_processor.llm.verification import wording
from aiops_processor.llm.verification.known import Known

_NOT_A_MOVE = re.compile(
    rf"(?:\b(?:not|never|no|without|hardly)\b|n[’']t\b)\s+(?:(?!before|seen)\w+\s+){{0,2}}?(?:{wording.RISE.pattern}|{wording.FALL.pattern}"
    r"|\b(?:rise|fall|climb|drop|increase|decrease|grow|jump|go up|go down|appear|restart|stop|start|shrink|change)\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d")
_SPAN = re.compile(r"\d[\d.]*\s*(?:s|sec|seconds?|min|minutes?|m|h|hours?)\b")
_NOT_A_NUMBER = re.compile(
    r"(?:\b(?:not|never)|n[’']t)\s+(?:(?:at|from|to|about|in|over|above|below)\s+)?[\d“¶]", re.IGNORECASE
)
_WAS_BEFORE = re.compile(
    r"\b(?:values?|lines?|seen|logged|written|there|existed|happened|known|and|ever)\b[\w\s“”,]*?\s(?:before|previously|earlier)\b"
    r"(?!\s+(?:that|the|version|\w+ing)\b)",
    re.IGNORECASE,
)
_PRESENT = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have)?\s*(?:not|no|none|n[’']t|nothing|nobody)\b[\w\s¶]*?"
    r"\b(?:running|runs?|up|answer(?:s|ing)?|reachable|available|respond(?:s|ing)?|serv(?:es|ing)|targets?|alive|ready"
    r"|working|works?|left)\b",
    re.IGNORECASE,
)


_CAPABLE = re.compile(
    r"\s+(?:be\s+)?(?:set|found|available|reach(?:able|ed)?|able|ready|respond\w*|open|valid|enough|possible|connect\w*|load\w*"
    r"|exist|work\w*|accept\w*|allow\w*|resolv\w*|authenticat\w*|get|obtain\w*|acquire\w*|complete\w*|finish\w*"
    r"|configured|defined|present|given|provided|writable)\b",
    re.IGNORECASE,
)


_SHORT_OF = re.compile(
    r"\s+(?:(?:yet|been|gone|risen|come)\s+)*(?:cross|reach|exceed|hit|pass|surpass|breach|above\b|over\b|beyond\b)"
)


_SUCCEEDED = re.compile(
    r"\b(?:succeed(?:s|ed)?|success(?:ful(?:ly)?)?|(?:was|were|is|are|been|being|gets?|got) (?:answered|served)"
    r"|answers?|worked|works|(?:go|goes|went|got|comes?) through|passed|(?:is|are) completed|completes?)\b",
    re.IGNORECASE,
)
"""What no request does where all fail."""
_FOLD = re.compile(r"\s+(?:quite\s+|even\s+)?(doubl|tripl|quadrupl)ed?\b", re.IGNORECASE)
_FOLDS = {"doubl": 2, "tripl": 3, "quadrupl": 4}
_FROM = re.compile(r"\bfrom\s+$", re.IGNORECASE)
_MOMENT = re.compile(
    r"^\s*(?:the (?:onset|incident|change|restart)|that|this|it|◷(?:\s+UTC)?)(?=\W)[,\s]*", re.IGNORECASE
)


def without_negated(words: str) -> str:
    """The words without moves that are said not to have been."""
    return _NOT_A_MOVE.sub(" ", words)


def wrong(words: str, item: Known, went: int) -> str:
    """Why a negation cannot stand, or why one is missing; "" where all is well."""
    if wording.NO_LONGER.search(words):
        if not wording.NOT.search(words):
            return "a negation is missing"
        ended_ = went < 0 or item.after == 0 or (item.fails_all and _SUCCEEDED.search(words))
        return "" if ended_ else f"{item.id} did not end"
    if found := _NOT_A_MOVE.search(words):
        return f"{item.id} says the opposite of “{found[0]}”"
    if found := _NOT_A_NUMBER.search(words):
        return f"{item.id} says the opposite of “{found[0]}”"
    for found in wording.NOT.finditer(words):
        if not _licensed(words, found, item):
            return f"nothing in {item.id} bears out “{words[found.start() : found.end() + 20].strip()}”"
    return _missing(words, item)


def _licensed(words: str, found: re.Match[str], item: Known) -> bool:
    """A negation that the finding bears out."""
    head, here, behind = words[: found.start()], words[found.start() :], words[found.end() :]
    if (fold := _FOLD.match(behind)) and item.before and item.after is not None:
        return item.after / item.before < _FOLDS[fold[1].lower()]
    if item.limit and item.after is not None and _SHORT_OF.match(behind):
        return (item.after > item.limit[1]) != (">" in item.limit[0])
    if _of_ability(head, here, behind):
        return bool(wording.FAILURE.search(item.text)) and (item.log or item.after == 0)
    if item.fails_all and _SUCCEEDED.search(behind):
        return True
    quoted = " ".join(here.lower().split()[:3]).strip(" .,;:") in item.text
    return quoted or (item.began_empty and _of_before(head, here, behind)) or (item.after == 0 and ended(words))


def _of_ability(head: str, here: str, behind: str) -> bool:
    """`cannot connect`, `isn't set`, `failed to start`: how failures are told."""
    could = re.search(r"\b(?:can|could)\s+$", head)
    return bool(could or wording.CANNOT.match(here) or here.lower().startswith("fail") or _CAPABLE.match(behind))


def ended(words: str) -> bool:
    return bool(_PRESENT.search(words))


def _of_before(head: str, here: str, behind: str) -> bool:
    """Whether the negation is about the time before: nothing but a length of time stands between the two."""
    if re.match(r"none\s+(?:to\b|→)", here, re.IGNORECASE) or _FROM.search(head):
        return True
    if found := wording.BEFORE.search(behind):
        seen = re.match(r"(?:never|not)(?: been)? seen\b", here, re.IGNORECASE)
        return bool(seen) or not _NUMBER.search(_SPAN.sub("", behind[: found.start()]))
    last = list(wording.BEFORE.finditer(head))[-1:]
    return any(len(_MOMENT.sub("", head[each.end() :]).split()) <= 2 for each in last)


def _missing(words: str, item: Known) -> str:
    """Where nothing was there before, a sentence that says there was."""
    if not item.began_empty or wording.NOT.search(words):
        return ""
    found = _WAS_BEFORE.search(words)
    if (
        found
        and not _NUMBER.search(_SPAN.sub("", found[0]))
        and not re.search(r"(?<![\d.])0(?![.\d])", words[: found.end()])
    ):
        return f"before, {item.id} had none"
    return ""
