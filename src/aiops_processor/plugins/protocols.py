"""What a plugin of each kind looks like to those who call it. All may be functions, or objects that can be called.

Functions may be `async`. They run in threads of their own, within a time limit, and so does an action's `plan`; what
else a notifier, a model or an action has runs on an event loop of its own, in one thread for as long as it is open.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aiops_processor.models.alert import Alert
from aiops_processor.models.base import Frozen
from aiops_processor.models.case import Case, Event
from aiops_processor.models.evidence import Window
from aiops_processor.models.notification import Message, Receipt

AsgiScope = MutableMapping[str, Any]
AsgiApp = Callable[[AsgiScope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class Filter(Protocol):
    """Why this alert makes no incident, None where it does. It is stored all the same."""

    def __call__(self, alert: Alert, now: datetime) -> str | None: ...


class Finding(Frozen):
    """One thing that a source of your own found.

    `statement` says it with its numbers: the analysis may cite no others. `entity` is the service, pod or instance that
    it is about. `score` (0 to 1) is where it stands among the other findings. `at` is when it happened, with its time
    zone: without one it could not be put among other times.
    """

    statement: str = Field(min_length=1)
    kind: Literal["metric", "log", "change"] = "metric"
    entity: str = ""
    title: str = ""
    query: str = ""
    link: str = ""
    score: float = Field(default=0.5, ge=0, le=1)
    at: AwareDatetime | None = None


class Source(Protocol):
    """What else is known of the times of the window about these alerts; they are those of one incident."""

    def __call__(self, alerts: Sequence[Alert], window: Window) -> Sequence[Finding]: ...


class ChoosesWindow(Protocol):
    """The times that are compared for this alert, None for the usual ones. Of several alerts all times are joined."""

    def __call__(self, alert: Alert, now: datetime) -> Window | None: ...


class Order(Protocol):
    """How soon the incident is worked on, from -999999 to 999999, the smaller the sooner; None for its usual place."""

    def __call__(self, case: Case) -> int | None: ...


class Action(Protocol):
    """Does something about an incident, once: gives a line for its timeline, None where there was nothing to do.

    `key` is the same on every try. It raises DeliveryRefused (never), DeliveryUnavailable (nothing was done, later
    perhaps) or DeliveryUncertain (perhaps it was done). With the attribute `only_tells = True` it changes no system, as
    a ticket does not: nobody has to approve it unless the settings say so. `label` stands on the button of one that is
    asked for, where its name shall not.
    """

    async def act(self, message: Message, key: str) -> str | None: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Plans(Protocol):
    """An action that says beforehand what it would do: what is approved is this. None: nothing is to be done."""

    def plan(self, message: Message) -> str | None: ...


@runtime_checkable
class Finds(Protocol):
    """An action that can tell whether it was done already: its line then, None where it was not.

    Asked after a kill or a lost answer, before anything is done again. Without it such an action ends as `unknown`.
    Where it may take a while until what was done can be found, as it does until a search knows of it, the attribute
    `found_within_seconds` says how long: it is asked with growing pauses until then.
    """

    async def find(self, message: Message, key: str) -> str | None: ...


class OnEvent(Protocol):
    """Hears of everything that happened, after it was committed; for metrics and audits of your own."""

    def __call__(self, event: Event) -> None: ...


class Router(Protocol):
    """Adds endpoints to an application beside ours; whatever of ours has the same path goes first."""

    def __call__(self, app: Any) -> None: ...


class Middleware(Protocol):
    """Gives an ASGI application around `app`, through which every request goes."""

    def __call__(self, app: AsgiApp) -> AsgiApp: ...


class Notifier(Protocol):
    """A channel: takes a message, gives a receipt, raises a DeliveryError.

    `key` is the same on every retry of this message. `previous` is the receipt of the incident's last message here.
    A channel that drops what comes again under a key it knows has the attribute `deduplicates = True`: to any other an
    update whose request was cut off by a kill is not sent again.
    """

    name: str

    async def send(self, message: Message, key: str, previous: Receipt | None) -> Receipt: ...

    async def aclose(self) -> None: ...


class Tool(BaseModel):
    """Something that a model may ask for; `parameters` is the JSON schema of what it passes."""

    name: str
    about: str
    parameters: dict[str, Any]


class Call(BaseModel):
    """What a model asks for; `arguments` is JSON as the model wrote it."""

    tool: str
    arguments: str


class Answer(BaseModel):
    """What a model said, or what it asks for first, and what that cost in tokens."""

    text: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    calls: tuple[Call, ...] = ()


class Model(Protocol):
    """A language model: takes a system text and a question, gives an answer, raises a ModelError.

    `prompt_tokens` is what fits its window beside the answer, None where the window is not known or far larger.
    """

    name: str
    prompt_tokens: int | None

    async def ask(self, system: str, question: str) -> Answer: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class CallsTools(Protocol):
    """A model that can be offered tools, where its settings let it: `calls_tools`."""

    calls_tools: bool

    async def ask_with(self, system: str, question: str, tools: Sequence[Tool]) -> Answer: ...


class Options(BaseModel):
    """What the options of a plugin are best made of: an unknown one is an error that names the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Plugin(Protocol):
    """A class with typed options. `Options` is a pydantic model with `extra="forbid"`."""

    Options: ClassVar[type[BaseModel]]
