"""One finding in one sentence, with its numbers. Pure."""

from datetime import UTC, datetime

import numpy as np

from aiops_processor.evidence.compare import Measure, Spoken, is_rule
from aiops_processor.evidence.events.changes import Event
from aiops_processor.evidence.mining import fields
from aiops_processor.models.evidence import Window

MEBIBYTE = 1024.0 * 1024.0
LONGEST_LINE = 200


def moved(measure: Measure, window: Window) -> str:
    """How a row went, and for a rule what it fires at."""
    title, before, after = measure.row.title, measure.shift.before, measure.shift.after
    unit = measure.row.unit
    if not np.isfinite(before) and not np.isfinite(after):
        said = f"{title} has no values"
    elif not np.isfinite(before):
        said = f"{title} is {amount(after, unit)}, with no values before"
    elif not np.isfinite(after):
        said = f"{title} was {amount(before, unit)}, with no values since"
    elif before == after:
        said = f"{title} stayed at {amount(after, unit)}"
    else:
        verb = "rose" if after > before else "fell"
        said = f"{title} {verb} from {amount(before, unit)} to {amount(after, unit)} at {window.onset:%H:%M:%S} UTC"
    return said + _threshold(measure)


def said(spoken: Spoken) -> str:
    """How often a kind of line was written, with a real one."""
    change, line = spoken.change, spoken.change.example
    writer = f" (written by {line.entity})" if line.entity != spoken.entity else ""
    return (
        f"{line_title(spoken)}{writer}: {change.before} in {spoken.before_seconds:.0f} s before, "
        f"{change.after} in {spoken.after_seconds:.0f} s after: {_cut(message(line.entry.line) or line.entry.line)}"
    )


def message(line: str) -> str:
    """What a JSON or logfmt line says in words; "" for a line that is words as it is."""
    found = fields.fields_of(line.partition("\n")[0])
    return _once(fields.message_of(found)) if found else ""


def line_title(spoken: Spoken) -> str:
    """`new error line of db`"""
    change = spoken.change
    what = "new" if not change.before else "vanished" if not change.after else "changed"
    return f"{what} {change.level or 'log'} line of {spoken.entity}"


def happened(event: Event) -> str:
    """What was changed, and when."""
    if event.kind == "posted":
        return event.text
    when = f"{utc(event.at):%H:%M:%S} UTC"
    if event.kind == "version":
        return f"{event.entity} runs {event.after} instead of {event.before} since {when}"
    return f"{event.entity} restarted ({event.after}), first at {when}"


def utc(seconds: float) -> datetime:
    """Seconds since the epoch as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def _once(text: str) -> str:
    """Without an end that repeats what was said before it: many programs put the error in the message, too."""
    ends = [at for at in range(len(text)) if text.startswith(": ", at)]
    return next((text[:at] for at in ends if text[at + 2 :] in text[:at]), text)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"


def amount(value: float, unit: str) -> str:
    if unit.startswith("bytes"):
        return f"{value / MEBIBYTE:.4g} MiB{unit.removeprefix('bytes')}"
    return f"{value:.4g} {unit}".strip() if not unit.startswith("/") else f"{value:.4g}{unit}"


def _threshold(measure: Measure) -> str:
    side = measure.question.side if measure.question else None
    if side is None or side.threshold is None or not is_rule(measure):
        return ""
    return f"; the rule fires at {side.op} {side.threshold:g}"
