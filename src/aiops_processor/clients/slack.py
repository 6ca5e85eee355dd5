"""What Slack is told besides messages: answers for whoever pressed a button; and its socket.

Source: https://docs.slack.dev/interactivity/handling-user-interaction and
https://docs.slack.dev/apis/events-api/using-socket-mode.
"""

import contextlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from pydantic import SecretStr

from aiops_processor.clients.outbound import Outbound
from aiops_processor.clock import Clock
from aiops_processor.errors import AiopsError, ConfigError

log = structlog.get_logger(__name__)

ANSWER_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
ANSWER_SECONDS = 5.0
OPEN_SECONDS = 10.0
FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS = 1.0, 60.0


class _Opened(msgspec.Struct):
    ok: bool = False
    url: str = ""
    error: str = ""


class _Envelope(msgspec.Struct):
    type: str = ""
    envelope_id: str = ""
    payload: msgspec.Raw = msgspec.Raw(b"{}")


class Session(Protocol):
    """As much of a WebSocket as is needed."""

    async def receive_text(self) -> str: ...

    async def send_text(self, data: str) -> None: ...


Handle = Callable[[bytes], Awaitable[None]]
"""Does what an interaction says, durably. Raises an AiopsError where it could not: Slack sends it again."""


class SlackAnswers:
    """Posts words that only whoever pressed a button sees. Nobody waits for them, and nothing depends on them."""

    def __init__(self, gate: Outbound, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`gate` may be replaced: where it has a list of hosts, Slack's must be on it."""
        self.gate = gate
        self._client = httpx2.AsyncClient(transport=transport, timeout=ANSWER_SECONDS)

    async def say(self, where: str, text: str) -> None:
        """Only to Slack: the address came with a post."""
        if not text or not _is_slacks(where) or (self.gate.allow and self.gate.refusal(urlsplit(where).hostname or "")):
            return
        body = {"response_type": "ephemeral", "replace_original": False, "text": text[:2900], "mrkdwn": False}
        try:
            await self._client.post(where, json=body)
        except httpx2.HTTPError as error:
            log.warning("an answer in Slack was not taken", error=type(error).__name__)

    async def aclose(self) -> None:
        await self._client.aclose()


class SlackSocket:
    """Socket Mode: Slack's interactions over a connection that we open. Runs until cancelled."""

    def __init__(self, api_url: str, token: SecretStr, handle: Handle, clock: Clock) -> None:
        """Raises ConfigError where the extra `[socket]` is not installed."""
        if not socket_installed():
            raise ConfigError("SLACK_APP_TOKEN needs the extra `socket`: pip install 'aiops-processor[socket]'")
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._handle = handle
        self._clock = clock
        self._wait = FIRST_WAIT_SECONDS

    async def run(self) -> None:
        """Connect, and again whenever the connection ends: Slack renews each after some hours."""
        async with httpx2.AsyncClient(timeout=OPEN_SECONDS) as client:
            while True:
                try:
                    async with self._connected(client) as session:
                        await self._listen(session)
                except (AiopsError, httpx2.HTTPError, OSError, TimeoutError, *_broken()) as error:
                    log.warning("Slack's socket ended, will connect again", error=_reason(error), seconds=self._wait)
                except Exception:  # the buttons would be dead until a restart
                    log.exception("Slack's socket failed")
                await self._clock.sleep(self._wait * (0.5 + random.random()))  # noqa: S311 - spreads reconnections
                self._wait = min(self._wait * 2, MOST_WAIT_SECONDS)

    @contextlib.asynccontextmanager
    async def _connected(self, client: httpx2.AsyncClient) -> AsyncIterator[Session]:
        headers = {"authorization": f"Bearer {self._token.get_secret_value()}"}
        answer = await client.post(f"{self._api_url}/apps.connections.open", headers=headers)
        try:
            opened = msgspec.json.decode(answer.content, type=_Opened)
        except msgspec.DecodeError:
            raise AiopsError(f"apps.connections.open answered {answer.status_code}, and nothing of Slack's") from None
        if not opened.ok or not opened.url:
            raise AiopsError(f"apps.connections.open answered {opened.error[:60]}: is SLACK_APP_TOKEN an xapp- token?")
        async with client.websocket(opened.url) as session:
            yield session

    async def _listen(self, session: Session) -> None:
        while True:
            envelope = _envelope(await session.receive_text())
            if envelope.type == "hello":
                self._wait = FIRST_WAIT_SECONDS
                log.info("listens to Slack's socket")
            elif envelope.type == "disconnect":
                self._wait = FIRST_WAIT_SECONDS
                return
            elif envelope.envelope_id:
                await self._take(session, envelope)

    async def _take(self, session: Session, envelope: _Envelope) -> None:
        """Acknowledged after it is done: what was not is sent again."""
        if envelope.type == "interactive":
            try:
                await self._handle(bytes(envelope.payload))
            except AiopsError as error:
                log.warning("what was pressed in Slack was not done", error=str(error))
                return
        await session.send_text(json.dumps({"envelope_id": envelope.envelope_id}))


def socket_installed() -> bool:
    """Whether what WebSockets need is there."""
    return bool(_broken())


def _broken() -> tuple[type[Exception], ...]:
    """What a WebSocket raises; nothing where they are not installed."""
    try:
        from httpx2.websockets import HTTPXWSException  # noqa: PLC0415 - an extra, which may be missing
    except ImportError:
        return ()
    return (HTTPXWSException,)


def _envelope(text: str) -> _Envelope:
    try:
        return msgspec.json.decode(text, type=_Envelope)
    except msgspec.DecodeError:
        raise AiopsError("Slack's socket sent what is not its protocol") from None


def _is_slacks(where: str) -> bool:
    try:
        parts = urlsplit(where)
        return parts.scheme == "https" and parts.hostname in ANSWER_HOSTS and parts.port in (None, 443)
    except ValueError:
        return False


def _reason(error: BaseException) -> Any:
    return str(error) if isinstance(error, AiopsError) else type(error).__name__
