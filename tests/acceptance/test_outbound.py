"""The running service connects to what is configured and to nothing else: a guard looks at every connection."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

GUARD = """
import json, sys
sys.modules["uvloop"] = None  # it connects below Python, where no hook looks
def look(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "os.posix_spawn"):
        with open(sys.argv[1], "a") as file:
            file.write(json.dumps([event, str(arguments[1] if "connect" in event or "sendto" in event else arguments)]))
            file.write(chr(10))
sys.addaudithook(look)
from aiops_processor.cli import cli
cli(sys.argv[2:])
"""


def seen(file: Path) -> set[tuple[str, str]]:
    lines = file.read_text().splitlines() if file.exists() else []
    return {(event, where) for event, where in map(json.loads, lines)}


def test_no_connection_goes_anywhere_that_is_not_configured(
    peer: Any, tmp_path: Path, port: Callable[[], int], webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    here, listening = urlsplit(peer.url).port, port()
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AIOPS_DATA_DIR": str(tmp_path / "data"),
        "AIOPS_SETTLE_SECONDS": "0.2",
        "PROMETHEUS_URL": peer.url,
        "LOKI_URL": peer.url,
        "ALERTMANAGER_URL": peer.url,
        "LLM_PROVIDER": "openai",
        "LLM_MODEL": "m",
        "LLM_BASE_URL": f"{peer.url}/v1",
        "OPENAI_API_KEY": "sk-not-real-but-needed",
        "GENERIC_WEBHOOK_URL": f"{peer.url}/hook",
    }
    log = tmp_path / "connections"
    command = [sys.executable, "-c", GUARD, str(log), "serve", "--port", str(listening)]
    with (tmp_path / "log").open("wb") as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=output)
    try:
        body = webhook("Hostile")
        links = {"runbook_url": "http://198.51.100.7/runbook", "dashboard": "http://evil.example/", "summary": "x"}
        body["alerts"][0]["annotations"] = links
        body["alerts"][0]["generatorURL"] = "http://198.51.100.8/graph?g0.expr=up"
        body["externalURL"] = "http://198.51.100.9"
        wait(lambda: process.poll() is not None or posted(listening, body), "it is taken")
        assert process.poll() is None, (tmp_path / "log").read_text()
        wait(lambda: peer.told("analysed"), "it is analysed and told")
        wait(lambda: peer.asked("/v1/chat"), "the model was asked")
    finally:
        process.terminate()
        process.wait(60)
    found = seen(log)
    assert ("socket.connect", str(("127.0.0.1", here))) in found, "the guard sees connections"
    elsewhere = {
        (event, where)
        for event, where in found
        if not (event == "socket.connect" and where in {str(("127.0.0.1", here)), str(("127.0.0.1", listening))})
        and not (event == "socket.getaddrinfo" and ("'127.0.0.1'" in where or "None" in where))
    }
    assert elsewhere == set()


def posted(port: int, body: Any) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/webhook/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False
