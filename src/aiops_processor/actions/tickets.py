"""A ticket for an incident: made once, found again by its mark, commented on when it is over and when it fires again.

What stands in it was written by others: alerts, log lines, a model. It goes in as a block that is shown as it is, in
which no mention calls anybody and no line is an order to the tracker.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiops_processor.errors import DeliveryUnavailable
from aiops_processor.models.action import mark
from aiops_processor.models.notification import Message, Occasion
from aiops_processor.report import words
from aiops_processor.report.numbers import moment
from aiops_processor.report.text import as_text

MOST_TITLE = 200
MOST_TEXT = 25_000


@dataclass(frozen=True)
class Ticket:
    """`id` is what the tracker's API calls it, `name` what people do."""

    id: str
    name: str


class Tracker(Protocol):
    """Where tickets are. Every method raises a DeliveryError.

    `where` names the project for people. A `mark` is found again in what `create` made; a `key` in what `comment` did.
    """

    where: str

    async def create(self, title: str, text: str, mark: str) -> Ticket: ...

    async def find(self, mark: str, since: datetime) -> Ticket | None: ...

    async def comment(self, ticket: Ticket, text: str, key: str) -> None: ...

    async def has_comment(self, ticket: Ticket, key: str) -> bool: ...

    async def aclose(self) -> None: ...


class TicketAction:
    """What the plugins for trackers are: a ticket tells people and changes no system."""

    only_tells = True
    found_within_seconds = 60.0  # copies of a database may lag

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def plan(self, message: Message) -> str:
        create = f"create the ticket “{title(message)}”"
        once_more = "comment on the ticket that it fires again, or create one"
        what = "comment on the ticket" if _over(message) else once_more if message.incident.reopened else create
        return f"{what} in {self._tracker.where}"

    async def act(self, message: Message, key: str) -> str | None:
        """Raises a DeliveryError: DeliveryUnavailable, too, while a search does not know yet what was made."""
        ticket = await self._ticket(message) if _comments(message) else None
        if ticket is not None:
            await self._tracker.comment(ticket, closing(message) if _over(message) else again(message), key)
            return f"commented on {ticket.name}"
        if _comments(message) and message.done:
            raise DeliveryUnavailable(f"{self._tracker.where} does not find the ticket yet: {message.done[0]}")
        if _over(message):
            return None
        made = await self._tracker.create(title(message), text(message), mark(message.incident))
        return f"created {made.name}"

    async def find(self, message: Message, key: str) -> str | None:
        """Raises a DeliveryError."""
        ticket = await self._ticket(message)
        if ticket is None:
            return None
        if not _comments(message):
            return f"created {ticket.name}"
        return f"commented on {ticket.name}" if await self._tracker.has_comment(ticket, key) else None

    async def aclose(self) -> None:
        await self._tracker.aclose()

    async def _ticket(self, message: Message) -> Ticket | None:
        return await self._tracker.find(mark(message.incident), message.incident.opened_at)


def title(message: Message) -> str:
    """One line: what fires, where, how bad."""
    whole = words.clean(f"{message.incident.title} [{message.incident.severity}]")
    return whole if len(whole) <= MOST_TITLE else f"{whole[: MOST_TITLE - 1]}…"


def text(message: Message) -> str:
    """The report as plain text, with the address of the incident's page; and that it is over, where it is."""
    if message.analysis is None:
        said = "\n".join((*words.firing(message.alerts, message.sent_at), message.url))
    else:
        said = as_text(message.analysis, message.evidence, message.alerts, message.url)
    cut = said if len(said) <= MOST_TEXT else f"{said[:MOST_TEXT]}…"
    return f"{closing(message)}\n\n{cut}" if message.incident.resolved_at else cut


def closing(message: Message) -> str:
    """That it is over, since when."""
    since = message.incident.resolved_at or message.sent_at
    return "\n".join(filter(None, (f"Over since {moment(since)}: all of its alerts have ended.", message.url)))


def again(message: Message) -> str:
    """That it fires again, and what is known of that."""
    return f"Fires again.\n\n{text(message)}"


def fenced(said: str) -> str:
    """A block of Markdown that nothing in the text can leave."""
    longest, run = 2, 0
    for char in said:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{said.rstrip()}\n{fence}"


def _comments(message: Message) -> bool:
    """Whether it is told on the ticket that there is."""
    return _over(message) or message.incident.reopened > 0


def _over(message: Message) -> bool:
    return message.occasion is Occasion.RESOLVED
