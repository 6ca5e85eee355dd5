"""Where links in alerts may lead, and where not."""

from collections.abc import Sequence

import httpx2
import pytest

from aiops_processor import parts
from aiops_processor.clients.outbound import Outbound, is_public
from aiops_processor.errors import ConfigError, SourceRefused, SourceUnavailable
from aiops_processor.settings import GenericSettings, OutboundSettings, Settings

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.215.14"
NAMES = {
    "runbooks.example": [PUBLIC],
    "sub.wiki.example": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "inside.wiki.example": ["10.0.0.7"],
    "both.wiki.example": [PUBLIC, "127.0.0.1"],
    "nowhere.wiki.example": [],
}
GATE = Outbound(("runbooks.example", "*.wiki.example"))


async def resolve(host: str, port: int) -> Sequence[str]:
    if host == "away.wiki.example":
        raise OSError(-2, "Name or service not known")
    return NAMES.get(host, [host])


class Server:
    """Answers every request, and remembers to which address it came and for which name."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
        if request.url.path.startswith("/to/"):
            return httpx2.Response(302, headers={"location": f"http://{request.url.path.removeprefix('/to/')}/"})
        return httpx2.Response(200, text="a runbook")


async def get(url: str, gate: Outbound = GATE) -> tuple[str, Server]:
    server = Server()
    async with gate.client(httpx2.MockTransport(server), resolve) as client:
        return (await client.get(url)).text, server


async def test_the_address_that_was_looked_at_is_the_one_that_is_asked() -> None:
    text, server = await get("https://runbooks.example/db")
    assert text == "a runbook"
    assert server.asked == [(PUBLIC, "runbooks.example", "runbooks.example")]
    assert (await get("http://sub.wiki.example/"))[0] == "a runbook"


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/",
        "http://wiki.example/",
        "http://wiki.example.evil.example/",
        "http://runbooks.example@evil.example/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "http://inside.wiki.example/",
        "http://both.wiki.example/",
        "http://nowhere.wiki.example/",
        "http://runbooks.example/to/169.254.169.254",
        "http://runbooks.example/to/inside.wiki.example",
        "http://runbooks.example/to/evil.example",
    ],
)
async def test_nothing_that_is_not_listed_or_is_private_is_asked_not_even_by_a_redirect(url: str) -> None:
    with pytest.raises(SourceRefused):
        await get(url)


async def test_a_redirect_within_the_list_is_followed() -> None:
    assert (await get("http://runbooks.example/to/sub.wiki.example"))[0] == "a runbook"


async def test_private_addresses_can_be_allowed_and_then_still_by_name() -> None:
    inside = Outbound(("*.wiki.example",), private=True)
    assert (await get("http://inside.wiki.example/", inside))[0] == "a runbook"
    with pytest.raises(SourceRefused, match="OUTBOUND_ALLOW"):
        await get("http://10.0.0.7/", inside)


TELL_SECRETS = ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "127.0.0.1",
        "::1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b:1::a9fe:a9fe",
        "fe80::1",
        "0.0.0.0",
        *TELL_SECRETS,
    ],
)
def test_a_name_never_leads_to_this_machine_or_to_what_clouds_tell_their_machines(address: str) -> None:
    with pytest.raises(SourceRefused, match="private address"):
        Outbound(("inside.example",), private=True).checked("inside.example", [address])


def test_a_host_may_be_listed_with_its_port_and_this_machine_by_its_number() -> None:
    gate = Outbound(("wiki.example:8443", "127.0.0.1"), private=True)
    assert gate.refusal("wiki.example", 8443) is None
    assert gate.refusal("wiki.example", 443) is not None
    assert gate.checked("127.0.0.1", ["127.0.0.1"]) == "127.0.0.1"
    assert gate.checked("localhost", ["::1", "127.0.0.1"]) == "::1", "most machines have both in their list of hosts"


async def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    with pytest.raises(SourceUnavailable, match="cannot be resolved"):
        await get("http://away.wiki.example/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "fec0::1",
        *TELL_SECRETS,
    ],
)
async def test_what_is_private(address: str) -> None:
    assert not is_public(address)


async def test_where_there_is_a_list_a_channel_must_be_on_it() -> None:
    hook = GenericSettings.model_validate({"webhook_url": "https://hooks.example/secret-path"})
    given = Settings(generic=hook, outbound=OutboundSettings(allow="hooks.example, other.example"))
    assert "webhook" in parts.channels(given)
    with pytest.raises(ConfigError, match=r"GENERIC_WEBHOOK_URL: hooks\.example is not in OUTBOUND_ALLOW") as caught:
        parts.channels(Settings(generic=hook, outbound=OutboundSettings(allow="other.example")))
    assert "secret-path" not in str(caught.value)
