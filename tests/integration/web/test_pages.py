"""The console's pages over a real database."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from aiops_processor.web.console import pages

pytestmark = pytest.mark.anyio

Reading = Callable[[str], Awaitable[Any]]
"""Gives a page as its elements, links and text."""


async def test_an_empty_list_tells_a_newcomer_what_to_do(read: Reading) -> None:
    page = await read("/")
    assert "No incident yet" in page.text
    assert "aiops check" in page.text
    assert "/webhook/alerts" in page.text


@pytest.mark.usefixtures("four_incidents")
async def test_the_list_says_of_each_incident_what_it_is_since_when_and_what_came_of_it(read: Reading) -> None:
    text = (await read("/")).text
    failing, over, waiting, found = (text.index(title) for title in ("KubeApi", "PodCrash", "DiskAlmost", "HighError"))
    assert failing < over < waiting < found, "newest first"
    assert "The analysis failed page firing for 8 min 25 s · 1 alert" in text[failing:over]
    assert "Not an incident, confidence 50 %. Nothing unusual" in text[over:waiting]
    assert "critical resolved lasted 4 min 55 s" in text[over:waiting]
    assert "analysed at 2026-01-31 12:09:40 UTC" in text[waiting:found]
    assert "Cause found, confidence 82 %. Checkout fails 44 %" in text[found:]
    assert "2 alerts" in text[found:]


@pytest.mark.usefixtures("fifty_one_incidents")
async def test_the_list_is_paged_without_losing_or_repeating_one(read: Reading) -> None:
    path, seen = "/", []
    for _ in range(3):
        page = await read(path)
        seen += [int(link.rpartition("/")[2]) for link in page.links() if link.startswith("./incidents/")]
        path = next((link.removeprefix(".") for link in page.links() if "before=" in link), "")
    assert path == "", "the last page leads nowhere"
    assert seen == list(range(pages.PAGE_SIZE * 2 + 1, 0, -1))


@pytest.mark.parametrize("before", ["x", "-1", "0", "9" * 19, "9" * 40, "٣"])
async def test_a_mistyped_page_is_no_error(read: Reading, before: str) -> None:
    page = await read(f"/?before={before}")
    assert "Incidents" in page.text


@pytest.mark.usefixtures("four_incidents")
async def test_an_incident_begins_with_what_fires_and_the_answer(read: Reading) -> None:
    text = (await read("/incidents/1")).text
    parts = (
        "HighErrorRate and 1 more on checkout",
        "Firing since 2026-01-31 12:01:00 UTC (8 min 30 s)",
        "Cause found, confidence 82 % (explained by deepseek-v4-pro)",
        "Checkout fails 44 %",
        "Root cause The TLS certificate",
        "Not looked at",
        "Loki: 127.0.0.1:3100 did not answer within 10 s",
        "See which certificate is served",
        "Roll back checkout",
        "Evidence 4, strongest first",
    )
    places = [text.find(part, text.index("Skip")) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


@pytest.mark.usefixtures("four_incidents")
async def test_a_claim_that_was_not_verified_is_marked_and_counted(read: Reading) -> None:
    text = (await read("/incidents/1")).text
    assert "1 of 3 statements could not be verified: nothing in the evidence bears out all that they say." in text
    assert "The card processor changed its certificate authority not verified" in text
    assert re.search(r"44.2 % of the requests to checkout fail, 0.1 % before \[ M1 \] verified", text)


@pytest.mark.usefixtures("four_incidents")
async def test_evidence_has_id_entity_statement_numbers_chart_query_link_and_lines(read: Reading) -> None:
    page = await read("/incidents/1")
    assert (
        "M1 checkout metric share of http_requests_total of checkout that failed rose from 0.1 to 44.2 %" in page.text
    )
    assert "0.1 → 44.2 %, 31 × its usual noise" in page.text
    assert 'sum(rate(http_requests_total{service="checkout",code=~"5.."}[1m]))' in page.text
    assert "0 in 15 min → 212 in 6 min" in page.text
    assert "ERROR charge failed: certificate has expired at payments.Client.charge" in page.text
    assert "https://grafana.example/explore?panes=a" in page.links()
    assert "https://grafana.example/explore?panes=b" in page.links()
    assert [tag for tag, _ in page.elements].count("path") == 1 + 2 * 2, "the brand, and onset and line of two charts"


@pytest.mark.usefixtures("four_incidents")
async def test_a_citation_leads_to_its_finding(read: Reading) -> None:
    page = await read("/incidents/1")
    cited = {link.removeprefix("#") for link in page.links() if link.startswith("#")} - {"main"}
    assert {"M1", "L1", "C1"} <= cited
    assert cited <= page.ids()


@pytest.mark.usefixtures("four_incidents")
async def test_what_was_healthy_asked_and_told_is_there(read: Reading) -> None:
    text = (await read("/incidents/1")).text
    assert "Checked and healthy catalog: 9 measures as usual" in text
    assert "failed errors of db loki" in text
    assert "absent restarts prometheus" in text
    assert "log · analysed sent" in text
    assert "slack · analysed failed hooks.slack.example: 404 no_service" in text
    assert "webhook · analysed pending" in text
    assert "opened HighErrorRate and 1 more on checkout (same Alertmanager group {}:{namespace=shop})" in text


@pytest.mark.usefixtures("four_incidents")
async def test_an_incident_that_waits_says_so_and_comes_again_by_itself(read: Reading) -> None:
    waiting, analysed_one = await read("/incidents/2"), await read("/incidents/1")
    assert "Waiting for more alerts of the same cause; analysed at 2026-01-31 12:09:40 UTC." in waiting.text
    refreshing = ("meta", {"http-equiv": "refresh", "content": "5"})
    assert refreshing in waiting.elements
    assert refreshing not in analysed_one.elements, "nobody's page moves while it is read"


@pytest.mark.usefixtures("four_incidents")
async def test_a_failed_analysis_is_loud_and_says_why(read: Reading) -> None:
    assert "The analysis failed: the analysis was begun 5 times and never ended" in (await read("/incidents/4")).text


async def test_nothing_that_strangers_write_becomes_markup_or_a_link(read: Reading, hostile_incident: Any) -> None:
    for path in ("/", f"/incidents/{hostile_incident.id}"):
        page = await read(path)
        assert "<script>alert(1)</script>" in page.text, "shown as what it is"
        assert not {"script", "img", "b", "style", "iframe"} & {tag for tag, _ in page.elements}
        names = {name for _, attributes in page.elements for name in attributes}
        assert not {name for name in names if name.startswith("on") or name == "style"}
        allowed = ("#", "./", "../", "https://prometheus.example/")
        assert [link for link in page.links() if not link.startswith(allowed)] == []
        assert not re.search(r"[\u202e\x1b]", page.text), "nothing turns the text or moves the cursor"
    assert hostile_incident.link in page.text


@pytest.mark.parametrize(
    "path", ["/incidents/99", "/incidents/x", "/incidents/-1", f"/incidents/{2**63}", "/incidents/<b>", "/static/x.css"]
)
async def test_what_is_not_there_is_a_page_too(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "All incidents" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize("path", ["/static/%2e%2e/pages.py", "/static/..%2fpages.py", "/static//etc/passwd"])
async def test_nothing_but_the_static_files_is_served(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.usefixtures("broken_database")
async def test_a_store_that_does_not_answer_is_a_page_with_its_reason(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 503
    assert "the database did not answer: disk I/O error" in answer.text


@pytest.mark.usefixtures("four_incidents")
@pytest.mark.parametrize("path", ["/", "/incidents/1", "/incidents/99", "/static/console.css"])
async def test_every_answer_keeps_scripts_frames_and_referrers_out(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
    assert not any("script-src" in part or "unsafe" in part for part in policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("public, max-age=3600" if path.endswith(".css") else "no-store")


@pytest.mark.usefixtures("four_incidents")
async def test_links_hold_at_any_depth_and_behind_any_prefix(client: httpx2.AsyncClient) -> None:
    for path in ("/", "/incidents", "/incidents/1", "/incidents/1/", "/incidents/99"):
        (sheet, _) = re.findall(r'<link rel="\w+" href="([^"]+)"', (await client.get(path)).text)
        assert not sheet.startswith("/")
        answer = await client.get(str(httpx2.URL(f"http://aiops{path}").join(sheet)))
        assert answer.headers["content-type"].startswith("text/css"), path


async def test_an_unchanged_style_sheet_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    first = await client.get("/static/console.css")
    again = await client.get("/static/console.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
