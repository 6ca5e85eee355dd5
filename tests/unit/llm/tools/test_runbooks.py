import gzip
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import httpx2
import pytest

from aiops_processor.errors import QueryError, SourceError
from aiops_processor.llm.tools.runbook_text import RunbookText
from aiops_processor.llm.tools.runbooks import MOST_BYTES, Runbooks
from aiops_processor.models.alert import Alert

pytestmark = pytest.mark.anyio

Respond = Callable[[httpx2.Request], httpx2.Response]


def alerts(url: str) -> list[Alert]:
    about = {"runbook_url": url} if url else {}
    return [
        Alert.model_validate(
            {
                "status": "firing",
                "labels": {"alertname": "A"},
                "annotations": about,
                "startsAt": "2026-01-31T12:00:00Z",
                "fingerprint": "f",
            }
        )
    ]


def fetching(
    respond: Respond, hosts: Sequence[str] = ("wiki.example",), address: str = "93.184.216.34"
) -> tuple[Runbooks, list[httpx2.Request]]:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return respond(request)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return [address]

    return Runbooks(hosts, resolve=resolve, transport=httpx2.MockTransport(answer)), seen


def plain(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, text="check the pool")


async def test_a_runbook_is_fetched_from_the_address_that_was_looked_at() -> None:
    runbooks, seen = fetching(plain)
    assert (await runbooks.find("A", alerts("https://wiki.example/a?b=c"))).text == "check the pool"
    assert (str(seen[0].url), seen[0].headers["host"]) == ("https://93.184.216.34/a?b=c", "wiki.example")
    assert seen[0].extensions["sni_hostname"] == "wiki.example"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a",
        "https://wiki.example.evil.example/",
        "https://wiki.example:8443/a",
        "https://wiki.example@evil.example/",
        "https://user@wiki.example/",
        "file:///etc/passwd",
        "gopher://wiki.example/",
        "//wiki.example/a",
        "https://wiki.example:99999/",
        "javascript:alert(1)",
    ],
)
async def test_what_is_not_on_the_list_is_never_asked(url: str) -> None:
    runbooks, seen = fetching(plain)
    with pytest.raises(SourceError):
        await runbooks.find("A", alerts(url))
    assert not seen


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "127.0.0.1", "::1", "0.0.0.0", "fe80::1%eth0", "::ffff:169.254.169.254"]
)
async def test_a_listed_host_with_a_dangerous_address_is_not_asked(address: str) -> None:
    runbooks, seen = fetching(plain, address=address)
    with pytest.raises(SourceError, match="address"):
        await runbooks.find("A", alerts("https://wiki.example/a"))
    assert not seen


async def test_this_machine_is_asked_where_the_list_says_so_by_its_number() -> None:
    runbooks, seen = fetching(plain, hosts=("127.0.0.1:9000",), address="127.0.0.1")
    assert (await runbooks.find("A", alerts("http://127.0.0.1:9000/a"))).text == "check the pool"
    with pytest.raises(SourceError, match="not in RUNBOOK_HOSTS"):
        await runbooks.find("A", alerts("http://127.0.0.1:9001/a"))
    assert len(seen) == 1


async def test_a_private_address_may_be_asked_where_its_host_is_listed() -> None:
    runbooks, _ = fetching(plain, address="10.1.2.3")
    assert await runbooks.find("A", alerts("http://wiki.example/a"))


@pytest.mark.parametrize("to", ["https://evil.example/", "http://169.254.169.254/latest", "https://wiki.example:8443/"])
async def test_a_redirect_to_a_host_that_is_not_listed_is_refused(to: str) -> None:
    runbooks, seen = fetching(lambda _: httpx2.Response(302, headers={"location": to}))
    with pytest.raises(SourceError, match="not in RUNBOOK_HOSTS"):
        await runbooks.find("A", alerts("https://wiki.example/a"))
    assert len(seen) == 1


async def test_redirects_on_the_host_are_followed_but_not_for_ever() -> None:
    moved, seen = fetching(
        lambda request: plain(request) if request.url.path == "/b" else httpx2.Response(301, headers={"location": "/b"})
    )
    assert (await moved.find("A", alerts("https://wiki.example/a"))).text == "check the pool"
    circle, seen = fetching(lambda _: httpx2.Response(301, headers={"location": "/a"}))
    with pytest.raises(SourceError, match="without an end"):
        await circle.find("A", alerts("https://wiki.example/a"))
    assert len(seen) == 4


async def test_a_long_page_is_cut_and_a_page_of_html_is_read_as_words() -> None:
    long, _ = fetching(lambda _: httpx2.Response(200, content=b"x" * (3 * MOST_BYTES)))
    assert len((await long.find("A", alerts("https://wiki.example/a"))).text) == MOST_BYTES
    page = "<html><head><title>t</title></head><script>evil()</script><p>check  <b>the</b> pool</p>"
    html, _ = fetching(lambda _: httpx2.Response(200, html=page))
    assert (await html.find("A", alerts("https://wiki.example/a"))).text == "check the pool"


async def test_a_folder_comes_first_and_only_for_alerts_of_the_incident(tmp_path: Path) -> None:
    (tmp_path / "A.md").write_text("# in the folder")
    (tmp_path / "B.md").write_text("# of another")
    runbooks = Runbooks(folder=tmp_path)
    assert (await runbooks.find("A", alerts("https://evil.example"))).text == "# in the folder"
    for name in ("B", "../A", "/etc/passwd", ""):
        with pytest.raises(QueryError):
            await runbooks.find(name, alerts(""))


@pytest.mark.parametrize("name", ["../A", "sub/A", "/etc/hosts", "..", ".A", "A\x00", "A\n"])
async def test_an_alert_cannot_name_a_file_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "runbooks"
    (folder / "sub").mkdir(parents=True)
    for path in (tmp_path / "A.md", folder / "sub" / "A.md", folder / ".A.md", folder / "..md"):
        path.write_text("nobody's business")
    (alert,) = alerts("")
    called_so = alert.model_copy(update={"labels": {"alertname": name}})
    with pytest.raises(QueryError, match="no runbook"):
        await Runbooks(folder=folder).find(called_so.name, [called_so])


async def test_a_packed_page_is_unpacked_so_far_and_no_further() -> None:
    read = 0
    packed = gzip.compress(b" " * 64 * 1024 * 1024)

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for place in range(0, len(packed), 64):
            read += 64
            yield packed[place : place + 64]

    bomb, _ = fetching(lambda _: httpx2.Response(200, headers={"content-encoding": "gzip"}, content=pieces()))
    assert len((await bomb.find("A", alerts("https://wiki.example/a"))).text) == MOST_BYTES
    assert read < len(packed) / 2


LATIN = "# Überlauf\nprüfe den Pool"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
async def test_a_file_in_the_folder_is_read_as_it_was_saved(tmp_path: Path, codec: str) -> None:
    (tmp_path / "A.md").write_bytes(LATIN.encode(codec))
    assert await Runbooks(folder=tmp_path).find("A", alerts("")) == RunbookText(LATIN)


async def test_letters_that_cannot_be_read_are_a_gap_that_names_the_file_the_line_and_the_remedy(
    tmp_path: Path,
) -> None:
    (tmp_path / "A.md").write_bytes(b"# one\n" + "prüfe".encode("latin-1"))
    found = await Runbooks(folder=tmp_path).find("A", alerts(""))
    assert found.text == "# one\npr\ufffdfe"
    lost = "so some of its letters are lost: save it as UTF-8"
    assert found.gap == f"A.md in RUNBOOK_FOLDER is not UTF-8 (line 2), {lost}"


async def test_a_long_file_that_is_cut_within_a_letter_has_lost_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "A.md").write_bytes(b"x" * (MOST_BYTES - 1) + "ü".encode())
    assert await Runbooks(folder=tmp_path).find("A", alerts("")) == RunbookText("x" * (MOST_BYTES - 1))
    (tmp_path / "A.md").write_bytes(("x" * MOST_BYTES).encode("utf-16") + b"x")
    assert (await Runbooks(folder=tmp_path).find("A", alerts(""))).gap == ""
    (tmp_path / "A.md").write_bytes("À".encode("latin-1"))
    assert (await Runbooks(folder=tmp_path).find("A", alerts(""))).gap, "a whole file ends with a whole letter"


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("text/plain; charset=iso-8859-1", "prüfe"),
        ("text/html; charset=windows-1252", "<p>prüfe</p>"),
        ("text/html", '<html><head><meta charset="windows-1252"></head><p>prüfe</p>'),
        ("text/html", "<meta http-equiv=x content='text/html; charset=iso-8859-1'><p>prüfe</p>"),
    ],
)
async def test_a_page_is_read_in_the_encoding_that_it_says_it_has(kind: str, page: str) -> None:
    said, _ = fetching(
        lambda _: httpx2.Response(200, headers={"content-type": kind}, content=page.encode("windows-1252"))
    )
    assert await said.find("A", alerts("https://wiki.example/a")) == RunbookText("prüfe")


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8", "text/plain; charset=punycode"])
async def test_a_page_that_is_not_what_it_says_is_a_gap(kind: str) -> None:
    wrong, _ = fetching(lambda _: httpx2.Response(200, headers={"content-type": kind}, content=b"pr\xfcfe"))
    found = await wrong.find("A", alerts("https://wiki.example/a"))
    assert found.text == "pr\ufffdfe"
    assert found.gap.startswith("the runbook at wiki.example is not UTF-8 (line 1)")
