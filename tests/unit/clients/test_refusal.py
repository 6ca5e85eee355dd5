"""What a failed call is called: the type says whether it may pass, the words say what to do."""

import ssl

import httpx2
import pytest

from aiops_processor.clients.refusal import Source, no_answer, refusal, reported, retry_after
from aiops_processor.errors import SourceError, SourceRefused, SourceUnavailable, SourceUnreadable

PROMETHEUS = Source("prometheus", "prom:9090")
LOKI = Source("loki", "loki:3100")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, SourceRefused),
        (401, SourceRefused),
        (403, SourceRefused),
        (404, SourceRefused),
        (408, SourceUnavailable),
        (413, SourceRefused),
        (422, SourceRefused),
        (429, SourceUnavailable),
        (500, SourceUnavailable),
        (502, SourceUnavailable),
        (503, SourceUnavailable),
        (504, SourceUnavailable),
        (304, SourceUnreadable),
    ],
)
def test_the_status_decides_whether_it_may_pass(status: int, kind: type[SourceError]) -> None:
    assert type(refusal(PROMETHEUS, status, b"why")) is kind


@pytest.mark.parametrize(
    ("source", "status", "body", "message"),
    [
        (
            PROMETHEUS,
            422,
            b'{"status":"error","errorType":"execution","error":"duplicate series"}',
            "prometheus at prom:9090 answered 422: execution: duplicate series",
        ),
        (
            LOKI,
            400,
            b"parse error :\n  unexpected $end\n",
            "loki at loki:3100 answered 400: parse error : unexpected $end",
        ),
        (
            LOKI,
            401,
            b"no org id\n",
            "loki at loki:3100 answered 401: no org id: tenants are on: set LOKI_TENANT",
        ),
        (
            PROMETHEUS,
            401,
            b"Unauthorized",
            "prometheus at prom:9090 answered 401: Unauthorized: set PROMETHEUS_TOKEN or PROMETHEUS_USERNAME",
        ),
        (
            PROMETHEUS,
            404,
            b"404 page not found\n",
            "prometheus at prom:9090 answered 404: 404 page not found: check the path of PROMETHEUS_URL",
        ),
        (LOKI, 502, b"<html>Bad Gateway</html>", "loki at loki:3100 answered 502: HTML"),
        (LOKI, 500, b'{"message":"panic"}', "loki at loki:3100 answered 500: panic"),
        (LOKI, 500, b"", "loki at loki:3100 answered 500"),
        (LOKI, 400, b"\xff\xfe", "loki at loki:3100 answered 400: ��"),
        (LOKI, 400, b'["odd"]', 'loki at loki:3100 answered 400: ["odd"]'),
        (LOKI, 400, b'{"code":3}', 'loki at loki:3100 answered 400: {"code":3}'),
    ],
)
def test_the_message_has_the_source_its_own_words_and_the_remedy(
    source: Source, status: int, body: bytes, message: str
) -> None:
    assert str(refusal(source, status, body)) == message


def test_a_page_for_people_is_unreadable_but_a_login_is_a_refusal() -> None:
    assert isinstance(refusal(PROMETHEUS, 404, b"<html>Not here</html>"), SourceUnreadable)
    assert isinstance(refusal(PROMETHEUS, 403, b"<html>Forbidden</html>"), SourceRefused)


def test_long_words_are_cut_at_300_characters() -> None:
    assert str(refusal(LOKI, 400, b"x" * 1000)) == f"loki at loki:3100 answered 400: {'x' * 300}…"


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("timeout", SourceUnavailable),
        ("canceled", SourceUnavailable),
        ("unavailable", SourceUnavailable),
        ("internal", SourceUnavailable),
        ("bad_data", SourceRefused),
        ("execution", SourceRefused),
        ("", SourceRefused),
    ],
)
def test_an_error_inside_a_success_is_judged_by_its_type(error_type: str, kind: type[SourceError]) -> None:
    error = reported(PROMETHEUS, error_type, "because")
    assert type(error) is kind
    assert "because" in str(error)


def test_a_connection_that_fails_may_pass() -> None:
    error = no_answer(LOKI, httpx2.ConnectError("[Errno 111] Connection refused"))
    assert type(error) is SourceUnavailable
    assert str(error) == "loki at loki:3100 cannot be reached: [Errno 111] Connection refused"


def test_tls_where_there_is_none_names_the_setting() -> None:
    failure = httpx2.ConnectError("[SSL: WRONG_VERSION_NUMBER]")
    failure.__cause__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    failure.__cause__.reason = "WRONG_VERSION_NUMBER"
    error = no_answer(LOKI, failure)
    assert type(error) is SourceUnreadable
    assert "is LOKI_URL http:// and not https://?" in str(error)


def test_a_header_that_cannot_be_sent_is_not_repeated() -> None:
    error = no_answer(LOKI, httpx2.LocalProtocolError("Illegal header value b'Bearer secret'"))
    assert type(error) is SourceRefused
    assert "secret" not in str(error)


@pytest.mark.parametrize("failure", [httpx2.ReadTimeout(""), httpx2.ProxyError(""), httpx2.RemoteProtocolError("")])
def test_what_breaks_on_the_way_may_pass(failure: httpx2.HTTPError) -> None:
    assert type(no_answer(LOKI, failure)) is SourceUnavailable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Fri, 31 Dec 1999 23:59:50 GMT"}, 9.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:49 GMT", "date": "Fri, 31 Dec 1999 23:59:50 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
