"""The check for plugin authors finds what a kind does not promise, and lets pass what it does."""

from typing import Any

import pytest

from aiops_processor.errors import DeliveryRefused, DeliveryUncertain, PluginError
from aiops_processor.testing import FakeModel, FakeNotifier, conforms

pytestmark = pytest.mark.anyio


class Act:
    """An action that does what its promise says."""

    plans = 0

    def plan(self, message: Any) -> str | None:
        return f"page {message.incident.title}"

    async def act(self, message: Any, key: str) -> Any:
        return f"paged {key}"

    async def find(self, message: Any, key: str) -> Any:
        return None

    async def aclose(self) -> None: ...


class Unsteady(Act):
    def plan(self, message: Any) -> str | None:
        self.plans += 1
        return f"page for the {self.plans}th time"


class Raises(Act):
    async def act(self, message: Any, key: str) -> Any:
        raise KeyError("service")


class Wordless(Act):
    async def find(self, message: Any, key: str) -> Any:
        return {"found": key}


class Refuses(Act):
    async def act(self, message: Any, key: str) -> Any:
        raise DeliveryUncertain("it broke off")

    async def find(self, message: Any, key: str) -> Any:
        raise DeliveryRefused("no")


@pytest.mark.parametrize("action", [Act(), Refuses()])
async def test_an_action_that_keeps_its_promise_passes(action: Any) -> None:
    await conforms("action", action)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Unsteady(), "it has to stay the same"),
        (Raises(), "an action raises DeliveryError, not KeyError"),
        (Wordless(), "an action gives a text or None, not dict"),
    ],
)
async def test_an_action_that_does_not_is_told_why(action: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        await conforms("action", action)


async def test_a_wrong_signature_is_told_with_the_right_one() -> None:
    class Short(Act):
        async def act(self, message: Any) -> Any: ...  # type: ignore[override]

    with pytest.raises(PluginError, match="the right form is"):
        await conforms("action", Short())


async def test_the_fakes_pass_and_a_filter_that_gives_a_bool_does_not() -> None:
    await conforms("notifier", FakeNotifier())
    await conforms("model", FakeModel("{}"))
    with pytest.raises(AssertionError, match="answered with bool"):
        await conforms("filter", lambda alert, now: True)
