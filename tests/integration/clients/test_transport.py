"""Credentials, tenants, certificates, path prefixes and proxies, over real sockets, for each of the three services."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aiops_processor.clients.alertmanager import Alertmanager
from aiops_processor.clients.http import Endpoint, Retries
from aiops_processor.clients.loki import Loki
from aiops_processor.clients.prometheus import Prometheus
from aiops_processor.errors import ConfigError, SourceError, SourceRefused, SourceUnavailable

pytestmark = pytest.mark.anyio

Client = Prometheus | Loki | Alertmanager
EACH = pytest.mark.parametrize("kind", [Prometheus, Loki, Alertmanager])
ONCE = Retries(tries=1)


async def probed(kind: type[Client], **endpoint: Any) -> None:
    client = kind(Endpoint(timeout_seconds=5, **endpoint), retries=ONCE)
    try:
        await client.healthy()
    finally:
        await client.aclose()


@EACH
async def test_who_we_are_goes_along_with_every_question(kind: type[Client], recorder: Any) -> None:
    await probed(kind, url=recorder.url, token="t0ken-of-ours", tenant="team", headers={"X-More": "more"})
    headers = recorder.asked[0].headers
    assert headers["Authorization"] == "Bearer t0ken-of-ours"
    assert (headers["X-Scope-OrgID"], headers["X-More"]) == ("team", "more")


@EACH
async def test_basic_credentials_stand_in_the_address_or_apart(kind: type[Client], recorder: Any) -> None:
    await probed(kind, url=recorder.url, username="me", password="p4ssword")
    await probed(kind, url=recorder.url.replace("://", "://me:p4ssword@"))
    sent = {asked.headers["Authorization"] for asked in recorder.asked}
    assert sent == {"Basic bWU6cDRzc3dvcmQ="}


@EACH
async def test_a_path_prefix_is_kept(kind: type[Client], recorder: Any) -> None:
    await probed(kind, url=f"{recorder.url}/team/metrics/")
    assert recorder.asked
    assert all(asked.path.startswith("/team/metrics/") for asked in recorder.asked)


@EACH
async def test_an_authority_of_ones_own_is_trusted_where_it_is_named(
    kind: type[Client], certificates: Any, serve_tls: Callable[[ssl.SSLContext], Any]
) -> None:
    server = serve_tls(certificates.server_context())
    await probed(kind, url=server.url, ca_file=str(certificates.authority))
    asked = len(server.asked)
    assert asked
    elsewhere = ({}, {"ca_file": str(certificates.another)})
    for trusted in elsewhere:
        with pytest.raises(SourceRefused, match="_CA_FILE"):
            await probed(kind, url=server.url, **trusted)
    with pytest.raises(SourceRefused, match="_CA_FILE"):  # signed by the right one, and for another name
        await probed(kind, url=server.url.replace("127.0.0.1", "localhost"), ca_file=str(certificates.authority))
    assert len(server.asked) == asked


@EACH
async def test_a_server_that_wants_our_certificate_gets_it(
    kind: type[Client], certificates: Any, serve_tls: Callable[[ssl.SSLContext], Any]
) -> None:
    server = serve_tls(certificates.server_context(ask_clients=True))
    trusted = {"url": server.url, "ca_file": str(certificates.authority)}
    with pytest.raises(SourceError) as caught:
        await probed(kind, **trusted)
    # The refusal may arrive as one, or as a connection that breaks.
    assert re.search(r"set [A-Z]+_CERT_FILE and [A-Z]+_KEY_FILE|broke the connection off", str(caught.value))
    assert not server.asked
    await probed(kind, **trusted, cert_file=str(certificates.client), key_file=str(certificates.client_key))
    assert server.asked


async def test_a_certificate_without_its_key_is_named(certificates: Any) -> None:
    with pytest.raises(ConfigError, match=r"PROMETHEUS_CERT_FILE: cannot read .*client\.pem"):
        await probed(Prometheus, url="https://127.0.0.1:9", cert_file=str(certificates.client))


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that opens tunnels (CONNECT) and remembers what for."""
    seen: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_tunnel_all, args=(listening, seen), daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", seen
    listening.close()


def _tunnel_all(listening: socket.socket, seen: list[bytes]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        head = client.recv(65536)
        seen.append(head.split(b"\r\n")[0])
        host, port = head.split()[1].decode().split(":")
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        target.close()


async def test_tls_goes_through_the_proxy_of_the_environment(
    proxy: tuple[str, list[bytes]],
    certificates: Any,
    serve_tls: Callable[[ssl.SSLContext], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, seen = proxy
    server = serve_tls(certificates.server_context())
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.setenv("NO_PROXY", "")
    await probed(Prometheus, url=server.url, ca_file=str(certificates.authority))
    assert seen[0].startswith(b"CONNECT 127.0.0.1:")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    await probed(Prometheus, url=server.url, ca_file=str(certificates.authority))
    assert len(seen) == 1


@EACH
async def test_what_is_not_encrypted_goes_through_the_proxy_of_the_environment(
    kind: type[Client], recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", recorder.url)
    monkeypatch.setenv("NO_PROXY", "")
    await probed(kind, url="http://metrics.invalid:9090/team", token="t0ken-of-ours")
    assert recorder.asked[0].headers["Host"] == "metrics.invalid:9090"
    assert recorder.asked[0].path.startswith("/team/")
    assert recorder.asked[0].headers["Authorization"] == "Bearer t0ken-of-ours"
    monkeypatch.setenv("NO_PROXY", "metrics.invalid")
    with pytest.raises(SourceUnavailable):
        await probed(kind, url="http://metrics.invalid:9090/team")
