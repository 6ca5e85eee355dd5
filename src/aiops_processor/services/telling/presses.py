"""What people press in Slack: as by hand, done before it is answered, with who it was in timeline and audit."""

import asyncio

import msgspec
import structlog

from aiops_processor.clients.slack import SlackAnswers
from aiops_processor.clock import Clock
from aiops_processor.errors import InputError
from aiops_processor.models.action import mark
from aiops_processor.models.incident import Incident
from aiops_processor.models.past import Feedback, Said
from aiops_processor.models.press import Press
from aiops_processor.notifiers import slack_buttons
from aiops_processor.report.words import clean
from aiops_processor.services.acting.actions import Actions, Refused
from aiops_processor.services.by_hand import ByHand
from aiops_processor.storage import audit
from aiops_processor.storage import incidents as incident_rows
from aiops_processor.storage import past as past_rows
from aiops_processor.storage.database import Database

log = structlog.get_logger(__name__)

MOST_NAME = 80
MOST_ID = 2**63 - 1
STATUS = {"unknown": 404, "not allowed": 403, "too late": 409}


class _User(msgspec.Struct):
    id: str = ""
    username: str = ""
    name: str = ""


class _Pressed(msgspec.Struct):
    action_id: str = ""
    value: str = ""


class _Payload(msgspec.Struct):
    type: str = ""
    user: _User = msgspec.field(default_factory=_User)
    actions: list[_Pressed] = []
    response_url: str = ""


def read(payload: bytes | str) -> Press | None:
    """What Slack says was pressed, None where it is nothing of ours. Raises InputError for what Slack never sends."""
    try:
        said = msgspec.json.decode(payload, type=_Payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError("payload", "is no interaction of Slack's") from None
    if said.type != "block_actions" or not said.user.id:
        return None
    found = (slack_buttons.read(each.action_id, each.value) for each in said.actions)
    button = next((each for each in found if each is not None), None)
    if button is None:
        return None
    name = clean(said.user.username or said.user.name)[:MOST_NAME]
    return Press(button=button, member=clean(said.user.id)[:MOST_NAME], name=name, answer_to=said.response_url)


class Presses:
    """Does what was pressed. Pressed twice is done once."""

    def __init__(self, database: Database, clock: Clock, actions: Actions, answers: SlackAnswers) -> None:
        self.answers = answers
        self._database = database
        self._clock = clock
        self._actions = actions
        self._by_hand = ByHand(database, clock)
        self._answering: set[asyncio.Task[None]] = set()

    async def take(self, payload: bytes) -> None:
        """The same for what comes over the socket; whoever pressed is answered afterwards. Raises StorageError."""
        try:
            press = read(payload)
        except InputError as error:  # it would be sent again and again
            log.warning("what came over Slack's socket is not understood", error=str(error))
            return
        if press is not None:
            task = asyncio.create_task(self.answers.say(press.answer_to, await self.press(press)))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def press(self, press: Press) -> str:
        """Do it, and give the words for whoever pressed. Raises StorageError: then nothing was done."""
        target = f"/incidents/{press.button.mark.partition('-')[0][:20]}"
        what = " ".join(filter(None, ("Slack:", press.button.verb, press.button.action[:MOST_NAME])))
        async with self._database.write() as connection:
            number = await audit.begin(connection, self._clock.now(), actor(press), "Slack", what, target)
        status, words = await self._done(press)
        async with self._database.write() as connection:
            await audit.end(connection, number, status)
        return words

    async def _done(self, press: Press) -> tuple[int, str]:
        incident = await self._incident(press.button.mark)
        if incident is None:
            return 404, "This incident is gone, or was another service's."
        verb, name, by = press.button.verb, press.button.action, f"slack:{press.member}"
        if verb == "acknowledge":
            await self._by_hand.acknowledge(incident.id, actor(press))
            return 200, ""
        if verb in ("right", "wrong"):
            return await self._said(incident, Said(verb), actor(press))
        if verb == "ask":
            decided = await self._actions.ask(incident.id, name, by)
        elif verb == "approve":
            decided = await self._actions.approve(incident.id, name, by, press.button.seen)
        else:
            decided = await self._actions.decline(incident.id, name, by)
        if isinstance(decided, Refused):
            return STATUS[decided.why], f"Nothing was done: {decided.reason}."
        return 200, f"{name}: {decided.state}. {decided.plan}"

    async def _said(self, incident: Incident, said: Said, by: str) -> tuple[int, str]:
        """Whoever says the same once more has said it already."""
        async with self._database.read() as connection:
            given = [each for each in await past_rows.given(connection, incident.id) if each.by == by]
        if not given or given[-1].said is not said:
            await self._by_hand.comment(incident.id, Feedback(said=said, by=by))
        return 200, f"Noted: the analysis was {said}. Its page takes the true cause, for the next time."

    async def _incident(self, about: str) -> Incident | None:
        number = about.partition("-")[0]
        if not (number.isascii() and number.isdigit() and len(number) < 20 and int(number) <= MOST_ID):
            return None
        async with self._database.read() as connection:
            found = await incident_rows.get(connection, int(number))
        return found if found is not None and mark(found) == about else None


def actor(press: Press) -> str:
    """Who it was: the name that people know, and the id that nobody can choose."""
    return f"{press.name} (slack:{press.member})" if press.name else f"slack:{press.member}"
