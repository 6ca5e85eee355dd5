"""What a failed call means, in our own error tree and in words: which source, what it said, what to do about it."""

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx2

from aiops_processor.errors import SourceError, SourceRefused, SourceUnavailable, SourceUnreadable

_LONGEST = 300
_TRANSIENT_TYPES = frozenset({"timeout", "canceled", "unavailable", "internal"})


@dataclass(frozen=True)
class Source:
    """Who was asked, as messages name it. `secrets` never show in a message, whatever a server echoes."""

    name: str
    host: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"{self.name} at {self.host}"

    def setting(self, suffix: str) -> str:
        """The name of one of the source's settings: `PROMETHEUS_TOKEN`, or its place in the file for a named source."""
        service, _, named = self.name.partition("/")
        return f"{service}.{suffix.lower()} of source {named}" if named else f"{service.upper()}_{suffix}"

    def says(self, text: str) -> str:
        """The source's words, in one line of at most 300 characters."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        line = " ".join(text.split())
        return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def refusal(source: Source, status: int, body: bytes, after: float | None = None) -> SourceError:
    """The error for an answer that is no success. `after` is how many seconds the server asked us to wait."""
    said = "HTML" if is_html(body) else _words(source, body)
    parts = (f"{source} answered {status}", said, _remedy(source, status, said))
    message = ": ".join(part for part in parts if part)
    if status in (408, 429) or status >= 500:
        return SourceUnavailable(message, after)
    if status < 400 or (said == "HTML" and status not in (401, 403)):
        return SourceUnreadable(message)
    return SourceRefused(message)


def is_html(body: bytes) -> bool:
    """Whether a person's browser was answered: neither API ever begins with a `<`."""
    return body.lstrip()[:1] == b"<"


def reported(source: Source, error_type: str, error: str) -> SourceError:
    """The error for `"status": "error"` in an answer that HTTP calls a success."""
    message = f"{source} answered an error: {source.says(f'{error_type}: {error}')}"
    return SourceUnavailable(message) if error_type in _TRANSIENT_TYPES else SourceRefused(message)


def no_answer(source: Source, error: httpx2.HTTPError | ssl.SSLError) -> SourceError:
    """The error for a call that HTTP got no answer to.

    The library's own text is not repeated but for connections: it may quote a header, and with it a credential.
    """
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        remedy = f"set {source.setting('CA_FILE')} to the authority that signed it"
        return SourceRefused(f"{source} shows a certificate that we do not trust: {remedy}")
    if any(isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER" for cause in causes):
        return SourceUnreadable(f"{source} does not speak TLS: is {source.setting('URL')} http:// and not https://?")
    if any(isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or "") for cause in causes):
        settings = f"{source.setting('CERT_FILE')} and {source.setting('KEY_FILE')}"
        return SourceRefused(f"{source} wants a certificate that it trusts from us: set {settings}")
    if isinstance(error, httpx2.LocalProtocolError):
        remedy = (
            f"check {source.setting('TOKEN')} and {source.setting('HEADERS')} for characters that no header may have"
        )
        return SourceRefused(f"{source} cannot be asked: {remedy}")
    if isinstance(error, httpx2.DecodingError | httpx2.UnsupportedProtocol):
        return SourceUnreadable(f"{source} did not answer as an HTTP server does ({type(error).__name__})")
    return SourceUnavailable(f"{source} {_how(source, error)}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks us to wait (RFC 9110, 10.2.3); a date counts from the answer's own Date."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def _words(source: Source, body: bytes) -> str:
    """What the source says is wrong: JSON `error`, or text/plain."""
    text = body[: 64 * 1024].decode(errors="replace").strip()
    try:
        told = json.loads(text)
    except ValueError:
        return source.says(text)
    if not isinstance(told, dict):
        return source.says(text)
    said = told.get("error") or told.get("message")
    kind = told.get("errorType")
    return source.says(f"{kind}: {said}" if kind and said else str(said or text))


def _remedy(source: Source, status: int, said: str) -> str:
    if "no org id" in said:
        return f"tenants are on: set {source.setting('TENANT')}"
    if status == 401:
        return f"set {source.setting('TOKEN')} or {source.setting('USERNAME')}"
    if status == 403:
        return (
            f"the credentials lack the right to read: check {source.setting('TOKEN')} or {source.setting('USERNAME')}"
        )
    if status == 404 or 300 <= status < 400:
        return f"check the path of {source.setting('URL')}"
    return ""


def _how(source: Source, error: httpx2.HTTPError | ssl.SSLError) -> str:
    if isinstance(error, httpx2.ConnectTimeout):
        return "does not take connections (timed out)"
    if isinstance(error, httpx2.TimeoutException):
        return f"was too slow ({type(error).__name__})"
    if isinstance(error, httpx2.ConnectError):
        return f"cannot be reached: {source.says(str(error))}"
    if isinstance(error, httpx2.ProxyError):
        return "cannot be reached through the HTTP proxy: check HTTP_PROXY and NO_PROXY"
    return f"broke the connection off ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
