"""What a stranger can do at the door of the running service: be slow, be many, be huge; and who is let in."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

PASSWORD = "correct horse battery"
HEADS = (
    b"",
    b"GET / HT",
    b"POST /webhook/alerts HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
)
BODY = b"POST /webhook/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{"


@contextmanager
def connected(service: Any, said: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as opened:
        opened.sendall(said)
        yield opened


def aiops(service: Any, *arguments: str, given: str = "") -> str:
    """A command of ours against the running service."""
    environment = {"PATH": os.environ["PATH"], "API_PORT": str(service.port), **service.variables}
    command = [sys.executable, "-m", "aiops_processor", *arguments]
    done = subprocess.run(command, env=environment, input=given, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() if done.returncode == 0 else f"{done.returncode}: {done.stderr.strip()}"


@pytest.fixture
def service(make_service: Callable[..., Any]) -> Any:
    made = make_service()
    made.variables = {}
    return made


def asked(service: Any, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
    """As from another machine: a proxy here says that it forwards."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    sent = {"X-Forwarded-For": "192.0.2.9", **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, path, body if isinstance(body, str | None) else json.dumps(body), sent)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, content


def test_who_asks_too_slowly_is_hung_up_on(service: Any) -> None:
    with ThreadPoolExecutor() as at_once:
        unread = at_once.submit(is_hung_up_on_who_does_not_read, service)
        hung_up = [*at_once.map(lambda said: is_hung_up_on(service, said), (*HEADS, BODY)), unread.result()]
    assert hung_up == [True] * len(hung_up), "within a minute"
    assert service.get("/health/live") == {"status": "live"}


def is_hung_up_on(service: Any, said: bytes) -> bool:
    with connected(service, said) as slow:
        for _ in range(120):
            try:
                slow.settimeout(0.5)
                if slow.recv(1000) == b"":
                    return True
            except TimeoutError:
                pass
            except ConnectionError:
                return True
            try:
                slow.sendall(b"x" if said else b"")  # a byte now and then is no progress
            except ConnectionError:
                return True
    return False


def is_hung_up_on_who_does_not_read(service: Any) -> bool:
    with connected(service, b"") as deaf:
        deaf.settimeout(0.5)
        for _ in range(12_000):
            try:
                deaf.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
                time.sleep(0.01)  # so that each is answered, until there is no room for answers
            except TimeoutError:
                pass
            except ConnectionError:
                return True
    return False


def test_a_body_that_comes_steadily_is_taken_however_long_it_takes(service: Any, webhook: Callable[..., Any]) -> None:
    body = json.dumps(webhook("Slow")).encode() + b" " * 60_000
    head = f"POST /webhook/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with connected(service, head) as steady:
        pieces = 24
        for number in range(pieces):  # 12 seconds: longer than between two looks
            steady.sendall(body[len(body) * number // pieces : len(body) * (number + 1) // pieces])
            time.sleep(0.5)
        assert steady.recv(100).startswith(b"HTTP/1.1 200")


def test_endless_headers_are_not_read(service: Any) -> None:
    with connected(service, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n") as endless:
        try:
            for _ in range(10_000):
                endless.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
        except ConnectionError:
            pass  # hung up on, as it should be
        else:
            pytest.fail("ten megabytes of headers were read")
    assert service.get("/health/live") == {"status": "live"}


def test_a_token_is_made_used_seen_and_revoked_on_the_command_line(service: Any, webhook: Callable[..., Any]) -> None:
    token = aiops(service, "tokens", "create", "alertmanager", "--scope", "ingest")
    bearer = {"Authorization": f"Bearer {token}"}
    assert asked(service, "POST", "/webhook/alerts", webhook("A"), **bearer)[0] == 200
    assert asked(service, "GET", "/api/v1/incidents", **bearer)[0] == 403
    assert asked(service, "POST", "/webhook/alerts", webhook("A"))[0] == 401
    listed = aiops(service, "tokens", "list")
    assert "alertmanager  ingest" in listed
    assert token not in listed
    assert aiops(service, "tokens", "revoke", "alertmanager") == "revoked"
    assert asked(service, "POST", "/webhook/alerts", webhook("A"), **bearer)[0] in {401, 403}
    log = aiops(service, "audit")
    assert "this machine (127.0.0.1)  DELETE /api/v1/tokens/alertmanager  200" in log
    assert token not in log + service.log()


def test_a_user_signs_in_by_the_form_looks_around_and_signs_out(service: Any) -> None:
    assert "12 to 256" in aiops(service, "users", "add", "ann", "--password-stdin", given="short\n")
    added = aiops(service, "users", "add", "ann", "--role", "viewer", "--password-stdin", given=f"{PASSWORD}\n")
    assert added == "ann is viewer"
    status, headers, _ = asked(service, "GET", "/", Accept="text/html")
    assert (status, headers["Location"]) == (303, "./login?next=")
    status, headers, _ = sign_in(service, "ann", PASSWORD)
    assert status == 303
    (cookie,) = [each for each in headers.get_all("Set-Cookie") if each.startswith("aiops_session=")]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    session = {"Cookie": cookie.partition(";")[0], "Accept": "text/html"}
    status, _, page = asked(service, "GET", "/", **session)
    assert (status, "Sign out" in page) == (200, True)
    assert asked(service, "POST", "/analyze", {}, **session)[0] == 403
    assert asked(service, "POST", "/logout", "", **session)[0] == 403, "without the form's key"
    form = {**session, "Content-Type": "application/x-www-form-urlencoded"}
    assert asked(service, "POST", "/logout", urlencode({"csrf": key_in(page)}), **form)[0] == 303
    assert asked(service, "GET", "/", **session)[0] == 303
    assert PASSWORD not in service.log()
    assert "192.0.2.9)  sign in local  303" in aiops(service, "audit")


def test_whoever_guesses_passwords_is_stopped(service: Any) -> None:
    aiops(service, "users", "add", "ann", "--password-stdin", given=f"{PASSWORD}\n")
    answers = [sign_in(service, "ann", f"guess number {number}")[0] for number in range(11)]
    assert answers == [401] * 10 + [429]
    assert sign_in(service, "ann", PASSWORD)[0] == 429


def test_a_login_that_another_site_began_is_refused(service: Any) -> None:
    aiops(service, "users", "add", "ann", "--password-stdin", given=f"{PASSWORD}\n")
    assert sign_in(service, "ann", PASSWORD, Sec_Fetch_Site="cross-site")[0] == 403
    assert sign_in(service, "ann", PASSWORD, key="wrong")[0] == 403


def sign_in(service: Any, name: str, password: str, key: str = "", **more: str) -> tuple[int, Any, Any]:
    _, headers, page = asked(service, "GET", "/login")
    fields = urlencode({"csrf": key or key_in(page), "name": name, "password": password, "next": "//evil.example"})
    sent = {"Cookie": headers["Set-Cookie"].partition(";")[0], "Content-Type": "application/x-www-form-urlencoded"}
    status, headers, page = asked(service, "POST", "/login", fields, **sent, **more)
    assert "evil" not in (headers["Location"] or "")
    return status, headers, page


def key_in(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    program = shutil.which("openssl") or pytest.skip("openssl is not installed")
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run([*command, "-subj", f"/CN={name}", "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


def test_over_tls_a_renewed_certificate_is_shown_without_a_restart(
    make_service: Callable[..., Any], tmp_path: Path, wait: Callable[..., Any]
) -> None:
    shown, key = certificate(tmp_path, "first")
    service = make_service(tls=shown, API_TLS_CERT=str(shown), API_TLS_KEY=str(key))
    service.variables = {"API_TLS_CERT": str(shown)}
    assert aiops(service, "tokens", "list") == "none", "our own command trusts this certificate"
    first = ssl.get_server_certificate(("127.0.0.1", service.port))
    silent = socket.create_connection(("127.0.0.1", service.port), timeout=45)  # by default it is waited for a minute
    other, other_key = certificate(tmp_path, "second")
    shutil.copy(other, shown)
    shutil.copy(other_key, key)
    wait(lambda: ssl.get_server_certificate(("127.0.0.1", service.port)) == other.read_text(), "the new one is shown")
    assert first != other.read_text()
    with suppress(ConnectionResetError):
        assert silent.recv(1) == b"", "who does not begin with TLS is hung up on"
    silent.close()
