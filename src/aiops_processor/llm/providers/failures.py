"""What the providers' library raises, said in our own error tree: by its types and by the status of the answer.

Only a prompt that is too long is known by its text: no two servers have a code for it.
"""

import re
from collections.abc import Iterator

import httpx2
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
)

from aiops_processor.errors import ModelError, ModelRefused, ModelUnavailable, ModelUnreadable, PromptTooLong

_MAY_PASS = (ModelRateLimitError, ModelUnavailableError, ModelServerError, ModelConnectionError)
_STATUS_MAY_PASS = frozenset({408, 409, 425, 429})
_TOO_LONG = re.compile(
    # OpenAI, vLLM, DeepSeek: "maximum context length"; llama.cpp: "the available context size"; Ollama: "the context
    # length"; Anthropic: "prompt is too long"; LiteLLM: ContextWindowExceededError
    r"(?i)context[ _]?(?:length|size|window)|prompt is too long|input is too long|too many (?:input )?tokens"
)
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""There was no connection, so there was no request."""
_STATUS_FREE = frozenset({408, 409, 425, 429, 503, 529})
"""It said no before it worked. A 500, 502 or 504 may stand in the place of an answer that was paid for."""
_STATUS_TOO_LONG = frozenset({400, 413, 422, 500})


def as_ours(error: AgentRunError, who: str) -> ModelError:
    """The error of our tree for one of the library's. The message holds `who` and a status, never a body or a key."""
    status = _status(error)
    if _is_too_long(error, status):
        return PromptTooLong(f"{who} answered {status}: the prompt is longer than the model's window")
    if isinstance(error, ModelQuotaExceededError):
        return ModelRefused(f"{who} answered {status}: the account has no money or quota left; top it up")
    if isinstance(error, _MAY_PASS) or status in _STATUS_MAY_PASS or status >= 500:
        retry_after = error.retry_after if isinstance(error, ModelAPIError) else None
        free = status in _STATUS_FREE or isinstance(error, ModelRateLimitError) or _never_sent(error)
        return ModelUnavailable(f"{who} {_unavailable(error, status)}", retry_after, free=free)
    if status:
        return ModelRefused(f"{who} answered {status}: {_remedy(error, status)}")
    return ModelUnreadable(f"{who} answered something that is no chat completion; is the base URL right?")


def _is_too_long(error: AgentRunError, status: int) -> bool:
    if isinstance(error, ModelContextWindowExceededError):
        return True
    said = str(error.body) if isinstance(error, ModelAPIError) else ""
    return status in _STATUS_TOO_LONG and _TOO_LONG.search(said) is not None


def _unavailable(error: AgentRunError, status: int) -> str:
    if isinstance(error, ModelTimeoutError):
        return "did not answer in time"
    if isinstance(error, ModelConnectionError):
        return f"cannot be reached or broke off ({_root(error)})"
    limited = status == 429 or isinstance(error, ModelRateLimitError)
    return f"answered {status}: {'rate limit' if limited else 'may pass'}"


def _root(error: BaseException) -> str:
    """The name of what lies at the bottom: ConnectError, RemoteProtocolError, …"""
    *_, root = _causes(error)
    return type(root).__name__


def _never_sent(error: BaseException) -> bool:
    return any(isinstance(each, NEVER_SENT) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _remedy(error: AgentRunError, status: int) -> str:
    """Why it said no and what a person can do."""
    if status == 402:
        return "the account has no money or quota left; top it up"
    if isinstance(error, ModelAuthenticationError) or status in {401, 403}:
        return "it does not take this key; check the API key and what it may use"
    if isinstance(error, ModelNotFoundError) or status == 404:
        return "no such model or address; check the model's name and the base URL"
    if status in range(300, 400):
        return "it redirects; check the base URL"
    return "it refuses the request; check the model's name and settings"


def _status(error: AgentRunError) -> int:
    """The HTTP status behind an error, 0 where there is none."""
    if isinstance(error, ModelHTTPError):
        return error.status_code
    status = getattr(error.__cause__, "status_code", 0)  # of a redirect; every SDK calls it so
    return status if isinstance(status, int) else 0
