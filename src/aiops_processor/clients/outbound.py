"""Where connections may go that were not configured one by one: links in alerts, and what an address redirects to.

Alerts are written by whoever can make a metric. A link in one must not make us ask the cloud's metadata service or a
neighbour for it (server-side request forgery): names must be on a list, and what they resolve to must be public. The
address that was looked at is the one that is connected to, for a name may resolve to another a moment later.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx2

from aiops_processor.errors import SourceRefused, SourceUnavailable

MOST_REDIRECTS = 3
TIMEOUT_SECONDS = 10.0
PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OWN_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215: leads to private IPv4 addresses
_TELL_SECRETS = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
"""Where AWS, Google, Alibaba, Oracle and Azure tell machines their secrets, besides 169.254.169.254."""
_MAPPED_BITS = 32

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host and port. Raises OSError."""


async def resolved(host: str, port: int) -> Sequence[str]:
    """As the system resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


@dataclass(frozen=True)
class Outbound:
    """The list of hosts (`host`, `host:port`, or `*.below.example`), and whether they may be at private addresses.

    `setting` is what the list is called in messages.
    """

    allow: tuple[str, ...] = ()
    private: bool = False
    setting: str = "OUTBOUND_ALLOW"

    def refusal(self, host: str, port: int | None = None) -> str | None:
        """Why nobody may be asked there, None where the name is on the list; with `port` where the list has one."""
        name = host.lower().rstrip(".")
        if any(_fits(name, port, pattern.lower()) for pattern in self.allow):
            return None
        return f"{host[:100]} is not in {self.setting}"

    def checked(self, host: str, addresses: Sequence[str]) -> str:
        """The first of the addresses, when all of them may be asked. Raises SourceRefused."""
        for address in addresses:
            if not self._may(host, address):
                hint = "" if self.private else "; OUTBOUND_PRIVATE would allow some of those"
                raise SourceRefused(f"{host[:100]} is at a private address{hint}")
        if not addresses:
            raise SourceRefused(f"{host[:100]} has no address")
        return addresses[0]

    def _may(self, host: str, address: str) -> bool:
        """A name must not lead to this machine itself, nor any host to what tells cloud machines their secrets."""
        if is_public(address):
            return True
        found = _plain(address)
        if found.is_link_local or found.is_multicast or found.is_unspecified:
            return False
        if (found.is_reserved and not found.is_loopback) or found in _TELL_SECRETS or found in _OWN_NAT64:
            return False
        return self.private and (not found.is_loopback or host in (address, "localhost"))

    def client(
        self, transport: httpx2.AsyncBaseTransport | None = None, resolve: Resolve = resolved
    ) -> httpx2.AsyncClient:
        """A client that goes nowhere else, redirects included. Raises SourceRefused where it is led elsewhere."""
        inner = transport or httpx2.AsyncHTTPTransport()
        return httpx2.AsyncClient(
            transport=Guarded(self, inner, resolve),
            timeout=TIMEOUT_SECONDS,
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
        )


class Guarded(httpx2.AsyncBaseTransport):
    """Looks at every request, the redirected ones too, and sends it to the address that was looked at."""

    def __init__(self, outbound: Outbound, inner: httpx2.AsyncBaseTransport, resolve: Resolve) -> None:
        self._outbound = outbound
        self._inner = inner
        self._resolve = resolve

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host, port = request.url.host, request.url.port or PORTS[request.url.scheme]
        if reason := self._outbound.refusal(host, port):
            raise SourceRefused(reason)
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            raise SourceUnavailable(f"{host[:100]} cannot be resolved ({error.strerror})") from None
        pinned = request.url.copy_with(host=self._outbound.checked(host, addresses))
        # The certificate is still that of the name: it is what the server is asked for, and checked against.
        named = {**request.extensions, "sni_hostname": host}
        return await self._inner.handle_async_request(
            httpx2.Request(request.method, pinned, headers=request.headers, stream=request.stream, extensions=named)
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


def is_public(address: str) -> bool:
    """Whether the whole internet has it in common."""
    found = _plain(address)
    if found.is_multicast or found.is_reserved or found in _TELL_SECRETS or found in _OWN_NAT64:
        return False  # Python calls some of these global: `::127.0.0.1`, `192.0.0.192`
    return found.is_global and not (isinstance(found, ipaddress.IPv6Address) and found.is_site_local)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address; an IPv4 one in IPv6's clothes as what it is."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if not isinstance(found, ipaddress.IPv6Address):
        return found
    if found in _NAT64:
        return ipaddress.IPv4Address(int(found) & (2**_MAPPED_BITS - 1))
    return found.ipv4_mapped or found.sixtofour or found


def _fits(name: str, port: int | None, pattern: str) -> bool:
    host, _, only = pattern.rpartition(":")
    if only.isdigit() and ":" not in host:
        return port == int(only) and _fits(name, None, host)
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
