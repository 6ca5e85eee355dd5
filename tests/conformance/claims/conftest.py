"""True claims about recorded incidents, and rules that make each of them false. Written before the verifier was.

A mutation rule changes one thing that a claim says and returns what it then says, or None where the claim says no such
thing. Text in “…” is a quotation and is changed by the rule about quotations alone.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from aiops_processor.models.evidence import Evidence, EvidenceReport
from aiops_processor.report.numbers import amount, clock_time

TOP = Path(__file__).parents[2] / "data"
SEED = 7
NOT_THERE = ("inventory", "billing-worker", "redis", "search-api")
_NUMBER = re.compile(r"(?<![\w.:/-])\d+(?:\.\d+)?(?![\w:]|\.\d)")
_UNIT = re.compile(r"(?<=\d)(/s| %| ms| s| MiB| GiB| lines| times)(?![\w/])")
_UNITS = {"/s": "/min", " %": " ms", " ms": " s", " s": " min", " MiB": " GiB", " GiB": " MiB", " lines": " MiB",
          " times": " %"}  # fmt: skip
_TIME = re.compile(r"\b(\d\d):(\d\d)(?::(\d\d))?")
_OPPOSITE = {
    "rose": "fell", "climbed": "dropped", "increased": "decreased", "went up": "went down", "grew": "shrank",
    "jumped": "plunged", "rises": "falls", "up": "down", "higher": "lower", "above": "below", "appeared": "vanished",
    "appears": "vanishes", "more": "fewer", "slower": "faster", "increase": "decrease", "rise": "fall", "drop": "rise",
    "stopped": "started",
}  # fmt: skip
_ANTONYMS = _OPPOSITE | {other: word for word, other in _OPPOSITE.items() if other != "rise"}
_FROM_TO = re.compile(r"\bfrom (\S+(?: (?:%|ms|s|MiB))?) to (\S+?(?: (?:%|ms|s|MiB))?)(?=[\s,.;:)]|$)")
_ARROW = re.compile(r"(\S+(?: (?:%|ms|s|MiB))?) → (\S+?(?: (?:%|ms|s|MiB))?)(?=[\s,.;:)]|$)")
_INSTEAD = re.compile(r"(\S+) instead of (\S+)")
_BEFORE_AFTER = re.compile(r"\b(before|after|preceded|followed|first|then|earlier|later)\b(?= [\w\[])")
_SWAPPED = {"before": "after", "after": "before", "preceded": "followed", "followed": "preceded", "earlier": "later",
            "later": "earlier"}  # fmt: skip
_VERB = re.compile(r"\b(rose|fell|climbed|dropped|increased|decreased|restarted|appeared|grew|jumped|went|stopped)\b")
_BASE = {"rose": "rise", "fell": "fall", "climbed": "climb", "dropped": "drop", "increased": "increase", "grew": "grow",
         "decreased": "decrease", "restarted": "restart", "appeared": "appear", "jumped": "jump", "went": "go",
         "stopped": "stop"}  # fmt: skip
_IS = re.compile(r"\b(is|was|were|are|runs|wrote|logged|fires)\b")
_NOT = {"is": "is not", "was": "was not", "were": "were not", "are": "are not", "runs": "does not run",
        "wrote": "did not write", "logged": "did not log", "fires": "does not fire"}  # fmt: skip
_QUOTED = re.compile(r"“([^”]+)”")


@dataclass(frozen=True)
class Claim:
    """A sentence about a report, and the finding that it cites. `made_by` is the template or the rule."""

    report: str
    id: str
    statement: str
    made_by: str


Rule = Callable[[Claim, EvidenceReport, random.Random], str | None]


@pytest.fixture(scope="session")
def reports() -> dict[str, EvidenceReport]:
    """What was found around recorded incidents, by name."""
    folder = TOP / "reports"
    return {path.stem: EvidenceReport.model_validate_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


@pytest.fixture(scope="session")
def hand_written() -> list[Claim]:
    """What a person wrote who had the reports before them."""
    texts = yaml.safe_load((Path(__file__).parent / "hand_written.yaml").read_text(encoding="utf-8"))
    return [Claim(report, each["id"], each["claim"], "by hand") for report, claims in texts.items() for each in claims]


@pytest.fixture(scope="session")
def templated(reports: dict[str, EvidenceReport]) -> list[Claim]:
    """Every finding said in each way that fits it."""
    return [
        Claim(name, item.id, statement, "template")
        for name, report in reports.items()
        for item in report.findings
        for statement in said(item)
    ] + [Claim(name, first, text, "order") for name, report in reports.items() for first, text in in_order(report)]


@pytest.fixture(scope="session")
def mutants(
    reports: dict[str, EvidenceReport], hand_written: list[Claim], templated: list[Claim]
) -> dict[str, list[tuple[Claim, Claim]]]:
    """By the name of the rule: each true claim with the false one that the rule makes of it."""
    found: dict[str, list[tuple[Claim, Claim]]] = {name: [] for name in RULES}
    for claim in (*hand_written, *templated):
        for name, rule in RULES.items():
            random_ = random.Random(f"{SEED} {name} {claim.report} {claim.id} {claim.statement}")
            id_, text = claim.id, rule(claim, reports[claim.report], random_)
            if name == "invented id":
                id_, text = text or id_, claim.statement.replace(claim.id, text or id_)
            if text is not None and (id_, text) != (claim.id, claim.statement):
                found[name].append((claim, Claim(claim.report, id_, text, name)))
    return found


def said(item: Evidence) -> Iterator[str]:
    """A finding in words, various."""
    if item.change and item.change.before != item.change.after:
        yield from _moved(item)
    if item.logs and item.lines:
        yield from _logged(item)
    if item.kind == "change":
        yield from _changed(item)
    if item.kind == "rule" and not item.change:
        value, threshold = re.findall(r"(?:is|>) ([\d.]+)", item.statement)
        yield f"{item.title} is {value}, above its threshold of {threshold}"
        yield f"{item.entity}'s {item.title.split()[0]} is at {float(value):.3g}, with no values before"


def in_order(report: EvidenceReport) -> Iterator[tuple[str, str]]:
    """What came before what, where both say when."""
    times = {item.id: found[-1] for item in report.findings if (found := re.findall(r"\d\d:\d\d:\d\d", item.statement))}
    for change in (item for item in report.findings if item.kind == "change"):
        for other in report.findings[:8]:
            if times.get(other.id, times[change.id]) != times[change.id]:
                early, late = sorted((change, other), key=lambda each: times[each.id])
                at = times[early.id]
                yield early.id, f"The {early.title} [{early.id}] at {at} came before the {late.title} [{late.id}]"
                yield late.id, f"[{late.id}] followed [{early.id}], which began at {at}"


def _moved(item: Evidence) -> Iterator[str]:
    assert item.change
    change, at = item.change, clock_time(item.change.onset or 0)
    up = change.after > change.before
    before, after = amount(change.before, change.unit), amount(change.after, change.unit)
    yield item.statement
    yield f"{item.title} {'climbed' if up else 'dropped'} from {before} to {after} at {at}"
    yield f"{item.title} {'increased' if up else 'decreased'} to {after} (from {before})"
    yield f"At {at}, {item.title} went from {before} to {after}"
    yield f"{item.title}: {before} → {after} since {at}"
    yield f"Since {at[:5]} UTC, {item.title} is {after}; it was {before} before"
    yield f"{item.title} {'went up' if up else 'went down'} to {after}"
    yield f"A {'jump' if up else 'drop'} of {item.title} to {after} was seen at {at}"


def _logged(item: Evidence) -> Iterator[str]:
    assert item.logs
    logs, said = item.logs, item.lines[0].message or item.lines[0].line
    yield f"{item.entity} wrote {logs.after} {logs.level} lines in {logs.after_seconds:.0f} s: “{said}”"
    yield f"“{said[:60]}” was logged {logs.after} times by {item.entity} since the onset"
    yield f"{logs.after} {logs.level} lines of {item.entity} in {logs.after_seconds:.0f} s, {logs.before} before"
    yield f"{item.entity} logs “{said[:40]}…”: {logs.before} → {logs.after} lines"
    if not logs.before:
        yield f"A {logs.level} line of {item.entity} that was never seen before appears {logs.after} times: “{said}”"


def _changed(item: Evidence) -> Iterator[str]:
    (at,) = re.findall(r"\d\d:\d\d:\d\d", item.statement)
    if versions := re.search(r"runs (\S+) instead of (\S+)", item.statement):
        new, old = versions.groups()
        yield f"{item.entity} runs {new} instead of {old} since {at} UTC"
        yield f"The version of {item.entity} changed from {old} to {new} at {at} UTC"
        yield f"{item.entity} was deployed: {old} → {new}, at {at}"
    else:
        (times,) = re.findall(r"\((\d+)×\)", item.statement)
        yield f"{item.entity} restarted {times} times, first at {at} UTC"
        yield f"At {at[:5]} UTC {item.entity} restarted ({times}×)"


def wrong_number(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    """One number outside quotations becomes another."""
    spot = _pick(_NUMBER, claim.statement, random_)
    if spot is None:
        return None
    number = float(spot[0])
    worse = random_.choice((number * 1.25, number * 10, number / 3, number + 7, number * 2))
    digits = len(spot[0].partition(".")[2])
    return _put(claim.statement, spot, f"{worse or 3:.{digits}f}" if round(worse, digits) != number else "83")


def wrong_unit(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    spot = _pick(_UNIT, claim.statement, random_)
    return _put(claim.statement, spot, _UNITS[spot[0]]) if spot and _number_before(claim, spot) != "0" else None


def wrong_entity(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    """The component that the finding is about becomes another one, of this system or of none."""
    item = report.find(claim.id)
    if item is None or (spot := _pick(re.compile(rf"\b{re.escape(item.entity)}\b"), claim.statement, random_)) is None:
        return None
    known = {each.entity for each in report.findings} | {text.partition(":")[0] for text in report.healthy}
    others = sorted(known - {item.entity}) + list(NOT_THERE)
    return _put(claim.statement, spot, random_.choice(others))


def wrong_time(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    spot = _pick(_TIME, claim.statement, random_)
    if spot is None:
        return None
    hours, minutes, seconds = spot[1], spot[2], spot[3]
    moved = int(hours) * 60 + int(minutes) + random_.choice((-180, -23, -5, 3, 12, 60))
    return _put(claim.statement, spot, f"{moved // 60 % 24:02}:{moved % 60:02}" + (f":{seconds}" if seconds else ""))


def wrong_direction(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    spot = _pick(re.compile(rf"\b({'|'.join(_ANTONYMS)})\b"), claim.statement, random_)
    return _put(claim.statement, spot, _ANTONYMS[spot[0]]) if spot else None


def wrong_order(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    """The two ends of a change are exchanged, or what came first with what came then."""
    for pattern in (_FROM_TO, _ARROW, _INSTEAD):
        if spot := _pick(pattern, claim.statement, random_):
            (a, b), (c, d) = spot.span(1), spot.span(2)
            return claim.statement[:a] + spot[2] + claim.statement[b:c] + spot[1] + claim.statement[d:]
    ids = re.findall(r"\[([AMLC]\d+)\]", claim.statement)
    spot = _pick(_BEFORE_AFTER, claim.statement, random_)
    return _put(claim.statement, spot, _SWAPPED[spot[0]]) if spot and len(ids) > 1 and spot[0] in _SWAPPED else None


def wrong_negation(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    """What happened did not happen, or what did not happen did."""
    if spot := _pick(re.compile(r"\b(no|never|not) "), claim.statement, random_):
        return _put(claim.statement, spot, "")
    if spot := _pick(_VERB, claim.statement, random_):
        return _put(claim.statement, spot, f"{random_.choice(('did not', 'never'))} {_BASE[spot[0]]}")
    if spot := _pick(_IS, claim.statement, random_):
        return _put(claim.statement, spot, _NOT[spot[0]])
    return None


def invented_id(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    """The id that the claim then cites."""
    return f"{claim.id[0]}{random_.randint(len(report.findings) + 1, 99)}"


def invented_quote(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    """Words that no line holds."""
    invented = random_.choice(
        ("out of memory: killed process 4711", "disk quota exceeded", "too many open files", "deadlock detected",
         "certificate has been revoked")
    )  # fmt: skip
    spot = _QUOTED.search(claim.statement)
    return _put(claim.statement, spot, f"“{invented}”") if spot else f"{claim.statement}: “{invented}”"


def smuggled_remark(claim: Claim, report: EvidenceReport, random_: random.Random) -> str | None:
    """What is true, and behind it something that no evidence says."""
    remark = random_.choice(
        (". The database is corrupted and all orders are lost.", "; a hacker broke in", " and the backups got deleted",
         ", while attackers mine coins on it", ", which cost us ninety customers", ", for the 40th time today")
    )  # fmt: skip
    return claim.statement.rstrip(".") + remark


RULES: dict[str, Rule] = {
    "wrong number": wrong_number,
    "wrong unit": wrong_unit,
    "wrong entity": wrong_entity,
    "wrong time": wrong_time,
    "wrong direction": wrong_direction,
    "wrong order": wrong_order,
    "wrong negation": wrong_negation,
    "invented id": invented_id,
    "invented quote": invented_quote,
    "smuggled remark": smuggled_remark,
}


def _pick(pattern: re.Pattern[str], text: str, random_: random.Random) -> re.Match[str] | None:
    """One place where the pattern is found outside quotations and ids."""
    quoted = [found.span() for found in re.finditer(r"“[^”]*”|\[[AMLC]\d+\]", text)]
    spots = [
        found for found in pattern.finditer(text) if not any(a <= found.start() and found.end() <= b for a, b in quoted)
    ]
    return random_.choice(spots) if spots else None


def _put(text: str, spot: re.Match[str], word: str) -> str:
    return text[: spot.start()] + word + text[spot.end() :]


def _number_before(claim: Claim, spot: re.Match[str]) -> str:
    """Nothing is nothing in every unit."""
    found = re.search(r"[\d.]+$", claim.statement[: spot.start()])
    return found[0] if found else ""
