"""A model that a plugin brought: whatever goes wrong in it is a ModelError, as of ours."""

import structlog

from aiops_processor.errors import ModelError, ModelUnavailable, ModelUnreadable, PluginFault
from aiops_processor.plugins import Answer, Model

log = structlog.get_logger(__name__)


class OwnModel:
    """Asks another model. What it raises that is no ModelError may pass, so the next model is asked, or it later."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.prompt_tokens = model.prompt_tokens
        self._model = model

    async def ask(self, system: str, question: str) -> Answer:
        """Raises a ModelError."""
        try:
            answer: object = await self._model.ask(system, question)
        except ModelError:
            raise
        except PluginFault as fault:  # it was not called
            raise ModelUnavailable(str(fault)) from None
        except Exception as error:  # a stranger's code may raise anything; logged with it, and the next is asked
            log.warning("a plugin failed", kind="model", plugin=self.name, exc_info=error)
            raise ModelUnavailable(f"{self.name} raised {type(error).__name__}") from None
        if not isinstance(answer, Answer):
            raise ModelUnreadable(f"{self.name} answered with {type(answer).__name__}, not Answer")
        return answer

    async def aclose(self) -> None:
        await self._model.aclose()
