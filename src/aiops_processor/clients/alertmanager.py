"""The Alertmanager HTTP API, version 2 (0.16 and later).

Source: prometheus/alertmanager `api/v2/openapi.yaml`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeVar

import httpx2
import msgspec

from aiops_processor.clients.http import Endpoint, Parameters, Retries, Service
from aiops_processor.errors import SourceUnreadable

T = TypeVar("T")
State = Literal["unprocessed", "active", "suppressed"]


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    """What the API writes; keys that we do not know are left."""


class Named(_Wire, frozen=True):
    """A receiver."""

    name: str


class AlertStatus(_Wire, frozen=True):
    """`suppressed` alerts are silenced, inhibited or muted by the ones named."""

    state: State
    silenced_by: list[str] = []
    inhibited_by: list[str] = []
    muted_by: list[str] = []


class KnownAlert(_Wire, frozen=True, kw_only=True):
    """An alert as Alertmanager has it. `ends_at` lies in the future while it fires: then it counts as resolved."""

    labels: dict[str, str]
    fingerprint: str
    status: AlertStatus
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    annotations: dict[str, str] = {}
    receivers: list[Named] = []
    generator_url: str = msgspec.field(default="", name="generatorURL")


class _Grouped(_Wire, frozen=True):
    fingerprint: str


class _Group(_Wire, frozen=True):
    receiver: Named
    alerts: list[_Grouped] = []


class NewAlert(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """An alert to tell Alertmanager. Without `ends_at` it fires until Alertmanager's `resolve_timeout`."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")


class Matcher(_Wire, frozen=True):
    """A silence's matcher: `is_equal` False is a negated one."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class SilenceStatus(_Wire, frozen=True):
    state: Literal["expired", "active", "pending"]


class NewSilence(_Wire, frozen=True, kw_only=True):
    """A silence to make."""

    matchers: Sequence[Matcher]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str


class Silence(NewSilence, frozen=True, kw_only=True):
    """A silence as Alertmanager has it."""

    id: str
    status: SilenceStatus
    updated_at: datetime


class Cluster(_Wire, frozen=True):
    """Whether it has found its peers: `ready`, `settling`, or `disabled` where it stands alone."""

    status: Literal["ready", "settling", "disabled"]
    name: str = ""
    peers: list[dict[str, str]] | None = None


class Version(_Wire, frozen=True):
    version: str = ""


class Status(_Wire, frozen=True):
    """`uptime` is when it was started: it forgets its alerts then."""

    cluster: Cluster
    uptime: datetime
    version_info: Version = Version()


class _SilenceId(msgspec.Struct):
    silence_id: str = msgspec.field(name="silenceID")


class Alertmanager:
    """One Alertmanager. Every method raises a SourceError where there is no usable answer.

    `transport` stands in for the network: an in-process server, or a test's.
    """

    name = "alertmanager"

    def __init__(
        self,
        endpoint: Endpoint,
        transport: httpx2.AsyncBaseTransport | None = None,
        retries: Retries | None = None,
    ) -> None:
        self._service = Service(self.name, endpoint, transport, retries)

    async def alerts(
        self,
        *,
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
        receiver: str = "",
        matchers: Sequence[str] = (),
    ) -> list[KnownAlert]:
        """The alerts in these states. `receiver` is a regular expression for the whole name of a receiver."""
        asked: Parameters = {
            "active": _flag(active),
            "silenced": _flag(silenced),
            "inhibited": _flag(inhibited),
            **({"receiver": receiver} if receiver else {}),
            **({"filter": list(matchers)} if matchers else {}),
        }
        return self._read(await self._service.get(_path("alerts"), asked), list[KnownAlert])

    async def audible(self) -> set[tuple[str, str]]:
        """(receiver, fingerprint) of every alert that no time interval mutes.

        0.28 and later; older ones leave nothing out, for they do not say what they mute. Source: `api/v2/api.go`.
        """
        body = await self._service.get(_path("alerts/groups"), {"muted": "false"})
        groups = self._read(body, list[_Group])
        return {(group.receiver.name, alert.fingerprint) for group in groups for alert in group.alerts}

    async def status(self) -> Status:
        """Its version, its cluster, and since when it runs."""
        return self._read(await self._service.get(_path("status")), Status)

    async def silences(self, matchers: Sequence[str] = ()) -> list[Silence]:
        """All silences, the expired ones that it still keeps among them."""
        asked: Parameters = {"filter": list(matchers)} if matchers else {}
        return self._read(await self._service.get(_path("silences"), asked), list[Silence])

    async def post_silence(self, silence: NewSilence) -> str:
        """Make a silence; its id. Tried once: a second try could leave two."""
        body = await self._service.post_json(_path("silences"), msgspec.json.encode(silence), again=False)
        return self._read(body, _SilenceId).silence_id

    async def post_alerts(self, alerts: Sequence[NewAlert]) -> None:
        """Tell it that alerts fire, or with `ends_at` in the past that they no longer do."""
        await self._service.post_json(_path("alerts"), msgspec.json.encode(alerts))

    async def healthy(self) -> None:
        """Returns where the server answers, raises a SourceError where it does not."""
        await self.status()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._service.aclose()

    def _read(self, body: bytes, shape: type[T]) -> T:
        source = self._service.source
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.ValidationError as error:
            raise SourceUnreadable(f"{source} answered another shape than its API: {source.says(str(error))}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceUnreadable(f"{source} answered what is not JSON: {source.says(str(error))}") from None


def _path(question: str) -> str:
    return f"/api/v2/{question}"


def _flag(value: object) -> str:
    return "true" if value else "false"
