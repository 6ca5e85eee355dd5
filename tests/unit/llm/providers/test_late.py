"""A model is made with its first question, and once."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest
from pydantic import HttpUrl

from aiops_processor.llm.asking import ModelOptions, Tries
from aiops_processor.llm.providers.late import LateModel
from aiops_processor.plugins import Answer, CallsTools, Tool

pytestmark = pytest.mark.anyio

OPTIONS = ModelOptions(model="m", base_url=HttpUrl("http://127.0.0.1:9"), context_tokens=8000)


class Echo:
    def __init__(self) -> None:
        self.closed = False

    async def ask_counted(self, system: str, question: str, tools: Sequence[Tool], tries: Tries) -> Answer:
        await tries.begin()
        return Answer(text=f"{system} {question} {len(tools)}", model="m")

    async def aclose(self) -> None:
        self.closed = True


class Factory:
    """Takes its time, and remembers in which thread."""

    def __init__(self) -> None:
        self.made: list[Echo] = []
        self.threads: set[int] = set()

    def __call__(self) -> Echo:
        time.sleep(0.05)
        self.threads.add(threading.get_ident())
        self.made.append(Echo())
        return self.made[-1]


async def test_it_is_made_once_with_the_first_question_and_holds_nobody_up() -> None:
    factory = Factory()
    model = LateModel("late", OPTIONS, factory)
    assert (model.prompt_tokens, isinstance(model, CallsTools), factory.made) == (6000, True, [])
    answers = await asyncio.gather(model.ask("be brief", "why?"), model.ask("be brief", "where?"))
    assert [answer.text for answer in answers] == ["be brief why? 0", "be brief where? 0"]
    assert len(factory.made) == 1
    assert threading.get_ident() not in factory.threads
    await model.aclose()
    assert factory.made[0].closed


async def test_one_that_was_never_asked_has_nothing_to_close() -> None:
    factory = Factory()
    await LateModel("late", OPTIONS, factory).aclose()
    assert factory.made == []
