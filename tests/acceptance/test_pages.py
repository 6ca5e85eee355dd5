"""The console in a real browser, served by the real process."""

import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Callable
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
