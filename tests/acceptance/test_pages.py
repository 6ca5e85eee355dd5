"""The console in a real browser, served by the real process."""

import json
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

ALONE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[str], str]:
    """What the browser made of a page: its document after everything was loaded and run."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    if not browser:
        pytest.skip("chromium is not installed")

    def dump(url: str) -> str:
        command = [browser, *ALONE, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", url]
        return subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout

    return dump


def test_an_alert_is_followed_from_the_empty_list_to_its_page(
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
    browse: Callable[[str], str],
) -> None:
    service = make_service(PROMETHEUS_URL=peer.url, LOKI_URL=peer.url, GENERIC_WEBHOOK_URL=f"{peer.url}/hook")
    wait(lambda: f'"address": "{service.url}", "event": "listening"' in service.log(), "it says where it listens")
    assert "No incident yet" in browse(service.url)

    body = webhook("HighErrorRate")
    body["alerts"][0]["annotations"]["summary"] = "<script>document.title = 'taken over'</script>"
    assert service.post("/webhook/alerts", body)[0] == 200
    wait(lambda: peer.told("analysed"), f"the analysis is told\n{service.log()}")
    wait(lambda: service.get("/queue/status")["queue_size"] == 0, "nothing is left to do")

    listed = browse(service.url)
    (address,) = re.findall(r'<h2><a href="\./(incidents/\d+)">HighErrorRate on checkout</a>', listed)
    page = browse(f"{service.url}/{address}")
    assert "<title>HighErrorRate on checkout · aiops-processor</title>" in page
    assert "&lt;script&gt;document.title" in page
    for part in ("Firing since", 'id="answer"', 'id="alerts"', 'id="timeline"', "webhook · analysed", "What was asked"):
        assert part in page

    form = urllib.parse.urlencode({"said": "wrong", "cause": "a full disk", "by": "ada"}).encode()
    assert 'id="feedback"' in page
    assert service.post(f"/{address}/feedback", form)[0] == 200, "it leads back to the page"
    assert service.post(f"/{address}/acknowledge", b"by=ada")[0] == 200
    page = browse(f"{service.url}/{address}")
    for part in ("a full disk", "Acknowledged by ada", "called wrong by ada"):
        assert part in page


SCRIPTS = (
    "<script>document.title='ta'+'ken'</script>",
    "<img src=x onerror=\"document.title='ta'+'ken'\">",
    "\"'><svg onload=\"document.title='ta'+'ken'\">",
    "</textarea></title><script>document.title='ta'+'ken'</script>",
)
LINK = "javascript:document.title='ta'+'ken'"


def test_what_strangers_write_stays_text_in_a_real_browser(
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
    browse: Callable[[str], str],
) -> None:
    """Labels, annotations, links, log lines, a model's answer, feedback: whatever is shown was written by somebody."""
    hostile = " ".join(SCRIPTS)
    said = {**_said(hostile), "evidence": [{"id": "L1", "statement": hostile}]}
    message = {"role": "assistant", "content": json.dumps(said)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    peer.answers["/v1/chat/completions"] = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": hostile,
        "choices": [choice],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    peer.answers["/loki/api/v1/label/service/values"] = {"status": "success", "data": [hostile]}
    service = make_service(
        PROMETHEUS_URL=peer.url,
        LOKI_URL=peer.url,
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        LLM_PROVIDER="openai",
        LLM_MODEL="m",
        LLM_BASE_URL=f"{peer.url}/v1",
        OPENAI_API_KEY="sk-not-real-but-needed",
    )
    body = webhook("Hostile")
    (alert,) = body["alerts"]
    alert["labels"] |= dict(zip(("service", "namespace", "severity", "pod"), SCRIPTS, strict=True))
    alert["annotations"] = {"summary": hostile, "description": hostile, "runbook_url": LINK, "dashboard_url": LINK}
    alert["generatorURL"] = LINK
    body["groupKey"], body["externalURL"] = hostile, LINK
    change = {"title": hostile, "service": SCRIPTS[0], "url": LINK, "version": hostile, "by": hostile}
    service.post("/webhook/changes", change)
    assert service.post("/webhook/alerts", body)[0] == 200
    wait(lambda: peer.told("analysed"), f"the analysis is told\n{service.log()}")
    (incident,) = service.get("/api/v1/incidents")
    address = f"{service.url}/incidents/{incident['id']}"
    form = urllib.parse.urlencode({"said": "wrong", "cause": hostile, "by": hostile}).encode()
    assert service.post(f"/incidents/{incident['id']}/feedback", form)[0] == 200
    for page in (browse(address), browse(service.url)):
        assert "&lt;script&gt;document.title" in page, "it is shown"
        assert "taken" not in page, "and did not run"
        assert Dangers(page).found == []


class Dangers(HTMLParser):
    """What in a page would run, or be loaded, if nothing forbade it. We have none of these ourselves."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        runs = [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "").lower()[:20]]
        if runs or tag in {"script", "img", "iframe", "object", "embed", "base"}:
            self.found.append(f"{tag} {runs}")


def _said(text: str) -> dict[str, Any]:
    return {
        "summary": text,
        "root_cause": text,
        "outcome": "found",
        "confidence": 0.9,
        "hypotheses": [{"cause": text, "supports": ["L1"]}],
        "remediation_steps": [{"priority": 1, "action": text, "command": text, "description": text}],
        "severity_assessment": text,
        "affected": [text],
    }
