"""What every channel says, before it is written in its own markup: a title, whether it fires, and sections."""

from collections.abc import Iterator

from aiops_processor.models.evidence import Evidence
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.report import words
from aiops_processor.report.words import Line, Section

_MARKS = {
    Occasion.OPENED: "🔴",
    Occasion.JOINED: "🔴",
    Occasion.ANALYSED: "🔎",
    Occasion.RESOLVED: "🟢",
    Occasion.ACKNOWLEDGED: "👀",
    Occasion.REMINDED: "⏰",
    Occasion.APPROVAL: "✋",
}
_PREFIXES = {
    Occasion.JOINED: "More: ",
    Occasion.RESOLVED: "Resolved: ",
    Occasion.ACKNOWLEDGED: "Acknowledged: ",
    Occasion.REMINDED: "Reminder: ",
    Occasion.APPROVAL: "Waits for approval: ",
}
ALERTS = "Alerts"
_FOR_A_CHAT = (ALERTS, "Conclusion", "Not looked at", "Changed most", "Do next", words.ASKED_FOR)


def title(message: Message) -> str:
    """One line with a mark for the eye: `🔴 HighErrorRate on checkout [critical]`."""
    return f"{'🔗' if _is_merged(message) else _MARKS[message.occasion]} {headline(message)}"


def headline(message: Message) -> str:
    """The same without the mark."""
    severity = f" [{message.incident.severity}]" if message.incident.severity else ""
    return words.clean(f"{_prefix(message)}{message.incident.title}{severity}")


def standing(message: Message) -> str:
    """Whether it still fires, and since when; of a reminder, that nobody looks after it.

    Of one that turned out to be the same as another, where it goes on.
    """
    if _is_merged(message):
        return f"It is the same as incident {message.incident.merged_into}, and goes on there"
    said = words.standing(message.alerts, message.sent_at) or words.clean(message.incident.title)
    if message.occasion is Occasion.REMINDED:
        return f"{said}. Nobody has acknowledged it"
    if message.occasion is Occasion.JOINED and message.alerts:
        said += f". {words.clean(message.alerts[0].name)} joined; the next analysis takes it in"
    by = words.clean(message.incident.acknowledged_by)
    return f"{said}. {by} looks after it" if by and message.occasion is not Occasion.RESOLVED else said


def sections(message: Message) -> tuple[Section, ...]:
    """All that there is to say; of an incident that is over, or not yet analysed, only its alerts."""
    lines = tuple(map(Line, words.firing(message.alerts, message.sent_at, message.more_alerts)))
    alerts = (Section(ALERTS, lines),) if lines else ()
    if message.analysis is None or message.occasion is Occasion.RESOLVED:
        return alerts
    report = words.sections(message.analysis, message.evidence, message.alerts, message.url)
    return (*alerts, *(section for section in report if section.title != ALERTS))


def brief(message: Message) -> tuple[Section, ...]:
    """What fits a chat: the rest stands on the incident's page."""
    return tuple(section for section in sections(message) if section.title in _FOR_A_CHAT)


def short(message: Message) -> str:
    """The news in one line, for a reply below the message itself."""
    conclusion = message.analysis.summary if message.analysis else ""
    said = standing(message) if message.occasion is not Occasion.ANALYSED else words.clean(conclusion)
    return f"{title(message)}: {said}"


def links(message: Message) -> Iterator[tuple[str, str]]:
    """(words, address) of the incident's page and of each strong finding that we measured; never one from outside."""
    if message.url:
        yield "Open the incident", message.url
    if message.analysis is None or message.occasion is Occasion.RESOLVED:
        return
    for item in words.strongest(message.evidence):
        if not item.source:
            yield from _shown(item)


def _shown(item: Evidence) -> Iterator[tuple[str, str]]:
    for address, what in ((item.link, "lines" if item.kind == "log" else "graph"), (item.explore, "in Grafana")):
        if address.startswith(("http://", "https://")):
            yield f"{item.id} {what}", address


def _is_merged(message: Message) -> bool:
    """Whether its end is none: it turned out to be the same as another."""
    return message.occasion is Occasion.RESOLVED and message.incident.merged_into is not None


def _prefix(message: Message) -> str:
    if _is_merged(message):
        return f"Part of incident {message.incident.merged_into}: "
    return _PREFIXES.get(message.occasion, "Update: " if message.update else "")
