"""How alerts, findings and gaps are written in the prompt: one fact a line, foreign text unable to look like ours."""

from collections.abc import Iterator

from aiops_processor.models.alert import Alert
from aiops_processor.models.evidence import Evidence, Gap, LogLine, Window
from aiops_processor.report.numbers import change, clock_time, moment
from aiops_processor.report.words import clean

MOST_LINES = 3
MOST_BYTES = 300


def datum(text: str, most: int = MOST_BYTES) -> str:
    """Foreign text as one line of at most `most` bytes, without `<`: it cannot close the fence or begin a line."""
    return cut(clean(text[: 4 * most]).replace("<", "‹"), most)


def cut(text: str, most: int) -> str:
    """The text, in UTF-8 at most `most` bytes long; "…" says where it was cut."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= most else raw[: max(0, most - 3)].decode("utf-8", "ignore") + "…"


def alert_line(alert: Alert) -> str:
    """An alert with its labels and annotations."""
    labels = ", ".join(f"{name}={alert.labels[name]}" for name in sorted(alert.labels))
    notes = "; ".join(f"{name}: {alert.annotations[name]}" for name in sorted(alert.annotations))
    line = f"- {datum(alert.name, 100)}, {alert.status} since {moment(alert.starts_at)} {{{datum(labels)}}}"
    return f"{line} {datum(notes)}" if notes else line


def window_line(window: Window) -> str:
    """The times that were compared."""
    onset = moment(window.onset)
    return f"Before: {moment(window.start)} to {onset}. After: {onset} to {moment(window.end)}."


def finding_block(item: Evidence) -> str:
    """One finding with its numbers, its query and its first lines, on lines of their own."""
    about = f", {datum(item.entity, 100)}" if item.entity else ""
    return "\n    ".join((f"[{item.id}] {item.kind}{about}: {datum(item.title)}", *_details(item)))


def gap_line(gap: Gap) -> str:
    """A source that gave no answer, why, and what it was asked."""
    asked = f" (asked: {datum(gap.query, 150)})" if gap.query else ""
    return f"- {datum(gap.source, 60)}: {datum(gap.reason, 200)}{asked}"


def healthy_line(text: str) -> str:
    """Something that was looked at and is as usual."""
    return f"- {datum(text, 150)}"


def _details(item: Evidence) -> Iterator[str]:
    yield datum(item.statement)
    if item.change:
        values = change(item.change.before, item.change.after, item.change.unit)
        onset = f", from {clock_time(item.change.onset)}" if item.change.onset else ""
        yield f"before → after: {datum(values, 80)}; {item.change.score:.3g} times its own noise{onset}"
    if item.logs:
        logs = item.logs
        yield f"lines: {logs.before} in {logs.before_seconds:.0f} s → {logs.after} in {logs.after_seconds:.0f} s"
        if logs.template:
            yield f"template: {datum(logs.template)}"
    if item.labels:
        yield f"labels: {datum(', '.join(f'{name}={item.labels[name]}' for name in sorted(item.labels)), 200)}"
    if item.query:
        yield f"query: {datum(item.query, 200)}"
    yield from map(_log_line, item.lines[:MOST_LINES])


def _log_line(line: LogLine) -> str:
    return f"line at {moment(line.at)}: {datum(line.line)}"
