"""The plugin door: what a plugin looks like, and how it is found.

Built-ins come through the same door as a third party's: an entry point in the group `aiops_processor.plugins`
named `<kind>.<name>` that points at a class. Nothing of a plugin is imported before it is configured, so that
one model provider's SDK does not cost memory in a process that uses another.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ValidationError

from aiops_processor.errors import PluginError
from aiops_processor.models.notification import Message, Receipt

GROUP = "aiops_processor.plugins"


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
    """

    async def find(self, message: Message, key: str) -> str | None: ...


class Plugin(Protocol):
    """A class with typed options. `Options` is a pydantic model with `extra="forbid"`."""

    Options: ClassVar[type[BaseModel]]


def names(kind: str) -> list[str]:
    """The names of the plugins of a kind, sorted."""
    return sorted(point.name.removeprefix(f"{kind}.") for point in entry_points(group=GROUP) if _is(point, kind))


def make(kind: str, name: str, options: Mapping[str, Any]) -> Any:
    """The plugin `<kind>.<name>`, made with these options. Raises PluginError, which names the known ones."""
    plugin = load(kind, name)
    try:
        return plugin(plugin.Options(**options))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        known = ", ".join(plugin.Options.model_fields)
        raise PluginError(f"{kind} {name}: {problems} (known options: {known})") from None


def load(kind: str, name: str) -> Any:
    """The class behind `<kind>.<name>`. Raises PluginError."""
    for point in entry_points(group=GROUP, name=f"{kind}.{name}"):
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise PluginError(f"{kind} {name} ({point.value}) cannot be loaded: {error}") from error
    raise PluginError(f"no {kind} is called {name!r}; known: {', '.join(names(kind))}")


def _is(point: EntryPoint, kind: str) -> bool:
    return point.name.startswith(f"{kind}.")
