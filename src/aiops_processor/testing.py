"""For plugin authors: values to try a plugin with, and a check that it keeps what its kind promises.

    from aiops_processor.testing import alert, conforms

    async def test_my_filter():
        assert my_filter(alert("Test", environment="test"), NOW) == "a test"
        await conforms("filter", my_filter)

`conforms` raises AssertionError in words. It needs no service, no network and no model; a notifier or model under test
is made with whatever stands in for its server.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiops_processor.errors import DeliveryError, ModelError, PluginFault
from aiops_processor.models.alert import Alert
from aiops_processor.models.case import Case, Event, Happening
from aiops_processor.models.evidence import Window
from aiops_processor.models.incident import Incident, IncidentState
from aiops_processor.models.notification import Message, Occasion, Receipt
from aiops_processor.plugins import Action, Answer, Finding, Finds, Guarded, Model, Notifier, Plans
from aiops_processor.plugins.kinds import GIVES, check

__all__ = ["HOSTILE", "NOW", "FakeModel", "FakeNotifier", "alert", "case", "conforms", "event", "message", "window"]

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOSTILE = "<!channel> \"'><script>alert(1)</script> \u202e\x1b[31m & {{7*7}} " + "x" * 5000
"""What a label may hold: markup of channels and pages, control characters, and a lot of it."""
CALL_SECONDS = 5.0


class FakeNotifier:
    """A channel that keeps what it is sent; `error` is raised instead where it is set."""

    name = "fake"

    def __init__(self, error: DeliveryError | None = None) -> None:
        self.sent: list[tuple[Message, str]] = []
        self.error = error

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt:
        del previous
        if self.error:
            raise self.error
        self.sent.append((message, key))
        return Receipt(data={"number": len(self.sent)})

    async def aclose(self) -> None:
        """Nothing is held open."""


class FakeModel:
    """A model that gives these answers one after the other, the last one again and again; keeps what it was asked."""

    name, prompt_tokens = "fake", None

    def __init__(self, *answers: str | ModelError) -> None:
        self.asked: list[tuple[str, str]] = []
        self._answers = list(answers) or ["{}"]

    async def ask(self, system: str, question: str) -> Answer:
        self.asked.append((system, question))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ModelError):
            raise answer
        return Answer(text=answer, model=self.name)

    async def aclose(self) -> None:
        """Nothing is held open."""


def alert(name: str = "HighErrorRate", **labels: str) -> Alert:
    """An alert that fires since a minute before NOW."""
    given = {"alertname": name, **labels}
    return Alert.model_validate({"status": "firing", "labels": given, "startsAt": NOW - timedelta(minutes=1)})


def window() -> Window:
    """The usual one of such an alert."""
    onset = NOW - timedelta(minutes=1)
    return Window(start=onset - timedelta(minutes=15), onset=onset, end=NOW)


def case(*alerts: Alert) -> Case:
    """An open incident with these alerts, or with one."""
    incident = Incident(
        id=1,
        title="HighErrorRate on payments",
        severity="critical",
        state=IncidentState.OPEN,
        source="default",
        group_key="",
        reason="",
        opened_at=NOW,
        updated_at=NOW,
    )
    return Case(incident=incident, alerts=alerts or (alert(service="payments"),))


def event(kind: Happening = Happening.ANALYSED) -> Event:
    """Something that happened to such an incident; to a single alert where it was filtered."""
    if kind is Happening.FILTERED:
        return Event(kind=kind, at=NOW, alert=alert(), text="ignore: on the list")
    return Event(kind=kind, at=NOW, case=case())


def message(occasion: Occasion = Occasion.OPENED, **labels: str) -> Message:
    """What a channel is told of such an incident."""
    found = case(alert(**labels)) if labels else case()
    return Message(occasion=occasion, incident=found.incident, alerts=found.alerts, sent_at=NOW)


async def conforms(kind: str, plugin: Any) -> None:
    """Raises PluginError for a wrong signature, AssertionError for what it does otherwise than its kind promises.

    A class of a function kind is passed as an object that is made already, so are notifiers, models and actions.
    """
    check(kind, getattr(plugin, "__name__", type(plugin).__name__), plugin)
    if kind == "notifier":
        await _notifier(plugin)
    elif kind == "model":
        await _model(plugin)
    elif kind == "action":
        await _action(plugin)
    elif kind in GIVES:
        await _function(kind, plugin)


async def _function(kind: str, plugin: Any) -> None:
    guarded = Guarded[Any](kind, "under test", plugin, CALL_SECONDS, GIVES[kind])
    for arguments in _samples(kind):
        try:
            answer = await guarded(*arguments)
        except PluginFault as fault:
            raise AssertionError(f"{fault}; it was given {arguments!r:.200}") from fault
        if kind == "source":
            wrong = [each for each in answer if not isinstance(each, Finding)]
            assert not wrong, f"a source gives Finding, not {type(wrong[0]).__name__}"  # noqa: S101 - that is its job


def _samples(kind: str) -> Sequence[tuple[Any, ...]]:
    alerts = (alert(), alert(service="payments", severity="info"), alert(HOSTILE, service=HOSTILE))
    if kind in ("filter", "window"):
        return [(each, NOW) for each in alerts]
    if kind == "source":
        return [((each,), window()) for each in alerts]
    if kind == "on_event":
        return [(event(each),) for each in Happening]
    return [(case(),), (case(alerts[2]),)]


async def _notifier(plugin: Notifier) -> None:
    """Each occasion, hostile text and a repeat: a receipt or a DeliveryError, and nothing else."""
    previous: Receipt | None = None
    for occasion in Occasion:
        for labels in ({"service": "payments"}, {"service": HOSTILE}, {"service": HOSTILE}):
            try:
                previous = await plugin.send(message(occasion, **labels), f"incident-1-{occasion}", previous)
            except DeliveryError:
                continue
            except Exception as error:  # what is looked for: it fails the check, with its cause
                raise AssertionError(f"a notifier raises DeliveryError, not {type(error).__name__}") from error
            assert isinstance(previous, Receipt), f"a notifier gives Receipt, not {type(previous).__name__}"  # noqa: S101
    await plugin.aclose()


async def _action(plugin: Action) -> None:
    """An analysis and an end, hostile text too: a plan that stays the same, a line or None, a DeliveryError else."""
    for occasion in (Occasion.ANALYSED, Occasion.RESOLVED):
        for service in ("payments", HOSTILE):
            told = message(occasion, service=service)
            if isinstance(plugin, Plans):
                planned = plugin.plan(told)
                _is_text("an action's `plan`", planned)
                assert plugin.plan(told) == planned, "what is approved is the plan: it has to stay the same"  # noqa: S101
            for method in (plugin.act, plugin.find if isinstance(plugin, Finds) else plugin.act):
                try:
                    line: object = await method(told, f"action-1-{occasion}-0-test")
                except DeliveryError:
                    continue
                except Exception as error:
                    raise AssertionError(f"an action raises DeliveryError, not {type(error).__name__}") from error
                _is_text("an action", line)
    await plugin.aclose()


def _is_text(who: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        raise AssertionError(f"{who} gives a text or None, not {type(given).__name__}")


async def _model(plugin: Model) -> None:
    for question in ("What happened?", HOSTILE):
        try:
            answer: object = await plugin.ask("Answer in JSON.", question)
        except ModelError:
            continue
        except Exception as error:  # what is looked for: it fails the check, with its cause
            raise AssertionError(f"a model raises ModelError, not {type(error).__name__}") from error
        assert isinstance(answer, Answer), f"a model gives Answer, not {type(answer).__name__}"  # noqa: S101 - as above
    await plugin.aclose()
