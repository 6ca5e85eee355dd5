"""One HTTP service: what is sent, what is tried again, what is refused."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from pydantic import SecretStr

from aiops_processor.clients.http import Endpoint, Retries, Service
from aiops_processor.errors import ConfigError, SourceRefused, SourceUnavailable, SourceUnreadable

pytestmark = pytest.mark.anyio

Network = Callable[..., httpx2.MockTransport]
OK = httpx2.Response(200, json={"status": "success"})


async def test_the_path_prefix_of_the_address_is_kept(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    await Service("prometheus", endpoint, answering(OK)).get(
        "/api/v1/labels", {"match[]": ["up", "down"], "start": "1"}
    )
    assert str(asked[0].url) == (
        "http://prom.example:9090/prefix/api/v1/labels?match%5B%5D=up&match%5B%5D=down&start=1"
    )


async def test_tenant_token_and_own_headers_are_sent(answering: Network, asked: list[httpx2.Request]) -> None:
    endpoint = Endpoint(url="http://x", token=SecretStr("t0ken\n"), tenant="team-a", headers={"X-Via": "aiops"})
    await Service("loki", endpoint, answering(OK)).get("/")
    sent = asked[0].headers
    assert (sent["authorization"], sent["x-scope-orgid"], sent["x-via"]) == ("Bearer t0ken", "team-a", "aiops")


async def test_user_and_password_are_sent_as_basic_credentials(answering: Network, asked: list[httpx2.Request]) -> None:
    endpoint = Endpoint(url="http://x", username="ann", password=SecretStr("pw"))
    await Service("loki", endpoint, answering(OK)).get("/")
    assert asked[0].headers["authorization"] == "Basic YW5uOnB3"


async def test_a_form_is_posted(endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]) -> None:
    await Service("prometheus", endpoint, answering(OK)).post("/q", {"query": "a b", "match[]": ["x", "y"]})
    assert (asked[0].method, asked[0].content) == ("POST", b"query=a+b&match%5B%5D=x&match%5B%5D=y")


async def test_a_server_that_takes_no_forms_is_asked_by_get_from_then_on(
    endpoint: Endpoint, answering: Network, asked: list[httpx2.Request]
) -> None:
    service = Service("prometheus", endpoint, answering(httpx2.Response(405, text="no"), OK))
    await service.post("/q", {"query": "up"})
    await service.post("/q", {"query": "up"})
    assert [(request.method, request.url.query) for request in asked] == [
        ("POST", b""),
        ("GET", b"query=up"),
        ("GET", b"query=up"),
    ]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_what_may_pass_is_tried_again(
    status: int, endpoint: Endpoint, answering: Network, retries: Retries, waited: list[float]
) -> None:
    service = Service("prometheus", endpoint, answering(httpx2.Response(status), httpx2.Response(status), OK), retries)
    assert await service.get("/") == OK.content
    assert waited == [pytest.approx(0.1), pytest.approx(0.2)]


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ConnectError("Connection refused"),
        httpx2.ReadTimeout(""),
        httpx2.ConnectTimeout(""),
        httpx2.RemoteProtocolError("Server disconnected"),
        httpx2.ReadError(""),
    ],
)
async def test_a_broken_connection_is_tried_again(
    failure: Exception, endpoint: Endpoint, answering: Network, retries: Retries, asked: list[httpx2.Request]
) -> None:
    assert await Service("loki", endpoint, answering(failure, OK), retries).get("/") == OK.content
    assert len(asked) == 2


async def test_three_failures_are_enough(
    endpoint: Endpoint, answering: Network, retries: Retries, asked: list[httpx2.Request]
) -> None:
    with pytest.raises(SourceUnavailable, match=r"^loki at prom\.example:9090 cannot be reached: refused$"):
        await Service("loki", endpoint, answering(httpx2.ConnectError("refused")), retries).get("/")
    assert len(asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500])
async def test_what_will_not_pass_is_asked_once(
    status: int, endpoint: Endpoint, answering: Network, retries: Retries, asked: list[httpx2.Request]
) -> None:
    with pytest.raises((SourceRefused, SourceUnavailable)):
        await Service("loki", endpoint, answering(httpx2.Response(status, text="no")), retries).get("/")
    assert len(asked) == 1


async def test_a_server_that_asks_for_time_gets_it(
    endpoint: Endpoint, answering: Network, retries: Retries, waited: list[float]
) -> None:
    busy = httpx2.Response(429, headers={"Retry-After": "2"})
    await Service("loki", endpoint, answering(busy, OK), retries).get("/")
    assert waited == [2.0]


async def test_a_server_that_asks_for_a_minute_is_not_waited_for(
    endpoint: Endpoint, answering: Network, retries: Retries, waited: list[float]
) -> None:
    busy = httpx2.Response(503, headers={"Retry-After": "60"})
    with pytest.raises(SourceUnavailable) as caught:
        await Service("loki", endpoint, answering(busy), retries).get("/")
    assert (waited, caught.value.retry_after) == ([], 60.0)


async def test_one_deadline_holds_for_all_tries_together() -> None:
    async def hang(request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    endpoint = Endpoint(url="http://x", timeout_seconds=0.01)
    with pytest.raises(SourceUnavailable, match=r"^loki at x gave no answer within 0\.01 seconds$"):
        await Service("loki", endpoint, httpx2.MockTransport(hang)).get("/")


async def test_a_deadline_tells_what_failed_before() -> None:
    async def sleep_for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    def busy(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(503, text="too many outstanding requests")

    endpoint = Endpoint(url="http://x", timeout_seconds=0.01)
    service = Service("loki", endpoint, httpx2.MockTransport(busy), Retries(sleep=sleep_for_ever))
    with pytest.raises(SourceUnavailable, match="before that: loki at x answered 503: too many outstanding requests"):
        await service.get("/")


async def test_an_answer_over_the_limit_is_refused(endpoint: Endpoint, answering: Network) -> None:
    service = Service("loki", endpoint, answering(httpx2.Response(200, content=b"x" * 2048)), most_bytes=1024)
    with pytest.raises(SourceRefused, match=r"answered more than 0\.000976562 MB: ask for fewer series"):
        await service.get("/")


@pytest.mark.parametrize("codings", ["gzip", "gzip, gzip", "deflate"])
async def test_an_answer_that_unpacks_to_more_than_the_limit_is_unpacked_only_so_far(
    endpoint: Endpoint, codings: str
) -> None:
    read = 0
    packed = packed_again(codings, b" " * 64 * 1024 * 1024)
    assert len(packed) < 100_000

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for place in range(0, len(packed), 64):
            read += 64
            yield packed[place : place + 64]

    answer = httpx2.Response(200, headers={"content-encoding": codings}, content=pieces())
    service = Service("loki", endpoint, httpx2.MockTransport(lambda _: answer), most_bytes=1024 * 1024)
    with pytest.raises(SourceRefused, match="answered more than 1 MB"):
        await service.get("/")
    assert read < len(packed) / 2


def packed_again(codings: str, content: bytes) -> bytes:
    for coding in codings.split(", "):
        content = gzip.compress(content) if coding == "gzip" else zlib.compress(content)
    return content


async def test_an_answer_in_an_endless_row_of_codings_is_not_unpacked(endpoint: Endpoint) -> None:
    answer = httpx2.Response(
        200, headers={"content-encoding": ", ".join(["gzip"] * 50)}, stream=httpx2.ByteStream(b"x")
    )
    service = Service("loki", endpoint, httpx2.MockTransport(lambda _: answer), Retries(tries=1))
    with pytest.raises(SourceUnreadable, match="DecodingError"):
        await service.get("/")


async def test_an_answer_at_the_limit_is_taken(endpoint: Endpoint, answering: Network) -> None:
    service = Service("loki", endpoint, answering(httpx2.Response(200, content=b"x" * 1024)), most_bytes=1024)
    assert len(await service.get("/")) == 1024


async def test_a_redirect_on_the_same_host_keeps_method_and_form(
    answering: Network, asked: list[httpx2.Request]
) -> None:
    endpoint = Endpoint(url="http://x", token=SecretStr("secret"))
    moved = httpx2.Response(301, headers={"Location": "https://x/prometheus/q"})
    assert await Service("prometheus", endpoint, answering(moved, OK)).post("/q", {"query": "up"}) == OK.content
    assert (asked[1].method, str(asked[1].url), asked[1].content) == ("POST", "https://x/prometheus/q", b"query=up")
    assert asked[1].headers["authorization"] == "Bearer secret"


async def test_a_redirect_keeps_the_parameters(answering: Network, asked: list[httpx2.Request]) -> None:
    moved = httpx2.Response(308, headers={"Location": "/loki/labels"})
    await Service("loki", Endpoint(url="http://x"), answering(moved, OK)).get("/labels", {"start": "1"})
    assert str(asked[1].url) == "http://x/loki/labels?start=1"


@pytest.mark.parametrize(
    "location", ["http://evil.example/", "http://sso.x/login", "http://x:port/", "//evil.example/q"]
)
async def test_a_redirect_to_another_host_is_not_followed(
    location: str, answering: Network, asked: list[httpx2.Request]
) -> None:
    moved = httpx2.Response(302, headers={"Location": location})
    with pytest.raises(SourceRefused, match="set PROMETHEUS_URL to what answers"):
        await Service("prometheus", Endpoint(url="http://x"), answering(moved)).get("/q")
    assert len(asked) == 1


async def test_a_redirect_from_https_to_http_is_not_followed(answering: Network) -> None:
    moved = httpx2.Response(302, headers={"Location": "http://x/q"})
    with pytest.raises(SourceRefused, match="redirects to http://x"):
        await Service("prometheus", Endpoint(url="https://x"), answering(moved)).get("/q")


async def test_redirects_in_a_circle_end(answering: Network, asked: list[httpx2.Request]) -> None:
    moved = httpx2.Response(302, headers={"Location": "/q"})
    with pytest.raises(SourceRefused, match="in a circle"):
        await Service("prometheus", Endpoint(url="http://x"), answering(moved)).get("/q")
    assert len(asked) == 4


async def test_a_login_page_is_not_an_answer(endpoint: Endpoint, answering: Network) -> None:
    page = httpx2.Response(200, html="\n<!DOCTYPE html><html>Sign in</html>")
    with pytest.raises(SourceUnreadable, match="is PROMETHEUS_URL the API or a login page"):
        await Service("prometheus", endpoint, answering(page)).get("/")


async def test_no_message_carries_a_secret(answering: Network) -> None:
    endpoint = Endpoint(url="http://ann:hunter22@x/", token=SecretStr("t0ken-t0ken"), headers={"X-Key": "k3y-k3y-k3y"})
    echo = httpx2.Response(400, text="bad: hunter22 t0ken-t0ken k3y-k3y-k3y")
    with pytest.raises(SourceRefused) as caught:
        await Service("prometheus", endpoint, answering(echo)).get("/")
    assert str(caught.value) == "prometheus at x answered 400: bad: *** *** ***"


async def test_a_certificate_we_do_not_trust_names_the_setting(
    endpoint: Endpoint, answering: Network, retries: Retries, asked: list[httpx2.Request]
) -> None:
    failure = httpx2.ConnectError("certificate verify failed")
    failure.__cause__ = ssl.SSLCertVerificationError("self-signed")
    with pytest.raises(SourceRefused, match="set PROMETHEUS_CA_FILE"):
        await Service("prometheus", endpoint, answering(failure), retries).get("/")
    assert len(asked) == 1


@pytest.mark.parametrize("url", ["", "prometheus:9090", "ftp://x", "http://", "http://x:port", "/prometheus"])
async def test_an_address_that_is_none_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^PROMETHEUS_URL: expected an address such as"):
        Service("prometheus", Endpoint(url=url))


async def test_a_server_that_wants_our_certificate_says_so_after_the_handshake(
    endpoint: Endpoint, answering: Network
) -> None:
    error = ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    with pytest.raises(SourceRefused, match="set PROMETHEUS_CERT_FILE and PROMETHEUS_KEY_FILE"):
        await Service("prometheus", endpoint, answering(error)).get("/x")
