"""What the providers' library raises, said in our own error tree: by its types, never by its texts."""

from openai import APIStatusError
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

from aiops_processor.errors import ModelError, ModelRefused, ModelUnavailable, ModelUnreadable

_MAY_PASS = (ModelRateLimitError, ModelUnavailableError, ModelServerError, ModelConnectionError)
_STATUS_MAY_PASS = frozenset({408, 409, 425})


def as_ours(error: AgentRunError, who: str) -> ModelError:
    """The error of our tree for one of the library's. The message holds `who` and a status, never a body or a key."""
    if isinstance(error, _MAY_PASS) or _status(error) in _STATUS_MAY_PASS:
        retry_after = error.retry_after if isinstance(error, ModelAPIError) else None
        return ModelUnavailable(f"{who} {_unavailable(error)}", retry_after)
    remedy = _remedy(error)
    if remedy:
        return ModelRefused(f"{who} {remedy}")
    return ModelUnreadable(f"{who} answered something that is no chat completion; is the base URL right?")


def _unavailable(error: AgentRunError) -> str:
    if isinstance(error, ModelTimeoutError):
        return "did not answer in time"
    if isinstance(error, ModelConnectionError):
        return f"cannot be reached or broke off ({_root(error)})"
    return f"answered {_status(error)}: {'rate limit' if isinstance(error, ModelRateLimitError) else 'may pass'}"


def _root(error: BaseException) -> str:
    """The name of what lies at the bottom: ConnectError, RemoteProtocolError, …"""
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__


def _remedy(error: AgentRunError) -> str:
    """Why it said no and what a person can do; "" where it said nothing of the kind."""
    status = _status(error)
    if isinstance(error, ModelQuotaExceededError):
        return f"answered {status}: the account has no money or quota left; top it up"
    if isinstance(error, ModelAuthenticationError):
        return f"answered {status}: it does not take this key; check the API key and what it may use"
    if isinstance(error, ModelNotFoundError):
        return f"answered {status}: no such model or address; check the model's name and the base URL"
    if isinstance(error, ModelContextWindowExceededError):
        return f"answered {status}: the prompt is longer than the model's window; lower the token budget"
    if status in range(300, 400):
        return f"answered {status}: it redirects; check the base URL"
    return f"answered {status}: it refuses the request; check the model's name and settings" if status else ""


def _status(error: AgentRunError) -> int:
    """The HTTP status behind an error, 0 where there is none."""
    if isinstance(error, ModelHTTPError):
        return error.status_code
    cause = error.__cause__
    return cause.status_code if isinstance(cause, APIStatusError) else 0
