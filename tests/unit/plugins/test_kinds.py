"""What may be called as its kind is, and what is said of the rest."""

from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict

from aiops_processor.errors import PluginError
from aiops_processor.plugins.kinds import KINDS, check


def two(alert: Any, now: Any) -> None: ...


def one(alert: Any) -> None: ...


class Callable:
    def __call__(self, alert: Any, now: Any, more: int = 0) -> None: ...


class Forgetful: ...


class Blocking:
    def send(self, message: Any, key: str, previous: Any) -> None: ...

    async def aclose(self) -> None: ...


class Acts:
    async def act(self, message: Any, key: str) -> None: ...

    async def aclose(self) -> None: ...


class PlansLater(Acts):
    async def plan(self, message: Any) -> str:
        return "later"


class FindsAtOnce(Acts):
    def find(self, message: Any, key: str) -> None: ...


class FindsWithoutKey(Acts):
    async def find(self, message: Any) -> None: ...


class Loose(Callable):
    class Options(BaseModel): ...


class Strict(Callable):
    class Options(BaseModel):
        model_config = ConfigDict(extra="forbid")


class NoModel(Callable):
    Options: ClassVar[Any] = dict


@pytest.mark.parametrize("made", [two, Callable, Callable(), Strict])
def test_functions_classes_and_objects_fit(made: Any) -> None:
    check("filter", "it", made)


@pytest.mark.parametrize(
    ("kind", "made", "said"),
    [
        ("filter", one, r"filter it: takes \(alert.*the right form is `def it\(alert: Alert, now: datetime\) -> str"),
        ("filter", Forgetful, r"is missing; the right form is .* as its method `__call__\(self, …\)`"),
        ("notifier", Forgetful, "`send` is missing; the right form is `class it with `name`"),
        ("notifier", Blocking, "`send` has to be `async def`"),
        ("action", PlansLater, r"`plan` is `async` and takes .* the right form is `def plan\(self, message"),
        ("action", FindsAtOnce, r"`find` takes .* the right form is `async def find\(self, message"),
        ("action", FindsWithoutKey, r"`find` is `async` and takes \(self, message"),
        ("filter", 7, "is missing"),
        ("filter", Loose, 'needs model_config = ConfigDict\\(extra="forbid"\\)'),
        ("filter", NoModel, "has to be a pydantic model"),
        ("fliter", two, "no kind of plugin called 'fliter'; known: filter, source"),
    ],
)
def test_what_does_not_fit_is_told_the_right_form(kind: str, made: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        check(kind, "it", made)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_shows_the_arguments_that_it_is_given(kind: str) -> None:
    given = [name for names in KINDS[kind].methods.values() for name in names]
    assert [name for name in given if name not in KINDS[kind].shape] == []
