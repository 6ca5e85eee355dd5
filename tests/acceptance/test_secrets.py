"""No secret of the settings is ever shown: one of each kind is planted, everything fails, and everything is read."""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aiops_processor import config

ADDRESSES = ("PROMETHEUS_URL", "LOKI_URL", "ALERTMANAGER_URL")
HEADERS = ("PROMETHEUS_HEADERS", "LOKI_HEADERS", "ALERTMANAGER_HEADERS", "GENERIC_WEBHOOK_HEADERS")
WITH_A_PASSWORD = ("GRAFANA_URL", "OLLAMA_URL", "PAGERDUTY_URL", "TELEGRAM_API_URL", "OIDC_ISSUER")
"""Addresses of other services, in which somebody might put one."""
FILE = """
sources:
  - name: shop
    match: ['team="shop"']
    prometheus: {{url: "http://{place}/prometheus", token: {s[1]}, headers: {{X-Key: {s[2]}}}}}
    loki: {{url: "http://me:{s[3]}@{place}/loki"}}
    alertmanager: {{url: "http://{place}/am", username: me, password: {s[4]}}}
channels:
  - {{name: a, kind: webhook, options: {{url: "http://{place}/a/{s[5]}", secret: {s[6]}, headers: {{X-Key: {s[7]}}}}}}}
  - {{name: b, kind: slack_bot, options: {{url: "http://{place}/b", token: {s[8]}, channel: C1}}}}
  - {{name: c, kind: pagerduty, options: {{url: "http://{place}/c", routing_key: {s[9]}}}}}
  - {{name: d, kind: telegram, options: {{url: "http://{place}/d", token: {s[10]}, chat_id: "1"}}}}
  - {{name: e, kind: slack, options: {{url: "http://{place}/e/{s[11]}"}}}}
  - {{name: f, kind: apprise, options: {{urls: "json://{place}/f/{s[12]}"}}}}
actions:
  - name: jira
    kind: jira
    dry_run: false
    options: {{url: "http://{place}/j", username: me, password: {s[13]}, project: A}}
  - name: github
    kind: github
    dry_run: false
    options: {{url: "http://{place}/g", token: {s[14]}, repository: a/b}}
  - {{name: gitlab, kind: gitlab, dry_run: false, options: {{url: "http://{place}/l", token: {s[15]}, project: a/b}}}}
  - name: hook
    kind: webhook
    dry_run: false
    approval: false
    options: {{url: "http://{place}/h/{s[16]}", secret: {s[17]}, headers: {{X-Key: {s[18]}}}}}
"""
NOT_PLANTED = {
    "DATABASE_URL": "without its database the service does not start; tests/unit/storage/test_address.py",
    "PROMETHEUS_PASSWORD": "stands in PROMETHEUS_URL",
    "LOKI_PASSWORD": "stands in LOKI_URL",
    "ALERTMANAGER_PASSWORD": "stands in ALERTMANAGER_URL",
}
PAGES = (
    "/",
    "/incidents/1",
    "/login",
    "/health",
    "/queue/status",
    "/metrics",
    "/openapi.json",
    "/nowhere",
    "/api/v1/incidents",
    "/api/v1/incidents/1",
    "/api/v1/incidents/0",
    "/api/v1/deliveries",
    "/api/v1/dead-letters",
    "/api/v1/watchdogs",
    "/api/v1/changes",
    "/api/v1/tokens",
    "/api/v1/users",
    "/api/v1/audit",
    "/api/v1/filtered",
    "/filtered",
)


class Echo:
    """Refuses everything, and repeats in its refusal all it was told: address, headers, body."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._refuse(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def do_GET(self) -> None:
                self._refuse(b"")

            def _refuse(self, body: bytes) -> None:
                said = f"{self.path} {dict(self.headers)} {body.decode(errors='replace')}"
                scheme, _, value = self.headers.get("Authorization", "").partition(" ")
                echo.asked.append(f"{said} {base64.b64decode(value)!r}" if scheme == "Basic" else said)
                content = json.dumps({"status": "error", "errorType": "bad_data", "error": said}).encode()
                self.send_response(400)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


def planted(echo: Echo) -> tuple[dict[str, str], dict[str, str]]:
    """The environment, and by setting the secret that stands in it. The words are none that masking would know."""
    secrets = {name: f"planted{number}willow{number}tree" for number, name in enumerate(secret_settings())}
    variables: dict[str, str] = {}
    for name, secret in secrets.items():
        if name in ADDRESSES:
            variables[name] = f"http://me:{secret}@{echo.place}"
        elif name in HEADERS:
            variables[name] = json.dumps({"X-Key": secret})
        elif name in WITH_A_PASSWORD:
            variables[name] = f"http://me:{secret}@{echo.place}/{name.lower()}"
        elif name.endswith("_WEBHOOK_URL") or name == "HEARTBEAT_URL":
            variables[name] = f"http://{echo.place}/hook/{secret}"
        elif name == "APPRISE_URLS":
            variables[name] = f"json://{echo.place}/{secret}"
        else:
            variables[name] = secret
    return variables, secrets


def secret_settings() -> list[str]:
    marked = [name for name, secret in config.variables() if secret and name not in NOT_PLANTED]
    return [*marked, *ADDRESSES, *HEADERS, *WITH_A_PASSWORD]


def planted_in_the_file(echo: Echo) -> tuple[str, dict[str, str]]:
    """A configuration file, and by its place there each secret."""
    secrets = [f"planted{number}birch{number}tree" for number in range(19)]
    places = {f"s[{number}] of FILE": secret for number, secret in enumerate(secrets) if number}
    return FILE.format(place=echo.place, s=secrets), places


def test_no_planted_secret_is_shown_anywhere(
    echo: Echo, make_service: Callable[..., Any], webhook: Callable[..., Any], wait: Callable[..., Any], tmp_path: Path
) -> None:
    variables, secrets = planted(echo)
    del variables["LOKI_TOKEN"], secrets["LOKI_TOKEN"]  # Loki shows the user of its address, the others their tokens
    more = {
        "OIDC_CLIENT_ID": "us",
        "AIOPS_EXTERNAL_URL": "http://localhost",
        "LLM_PROVIDER": "openai",
        "LLM_MODEL": "m",
        "LLM_BASE_URL": f"http://{echo.place}/v1",
        "LLM_FALLBACKS": "deepseek:m, ollama:m",
        "LLM_MAX_RETRIES": "0",
        "LOG_LEVEL": "debug",
        "SLACK_CHANNEL": "C1",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": echo.place.rpartition(":")[2],
        "SMTP_TLS": "none",
        "SMTP_USERNAME": "us",
        "SMTP_SENDER": "us@example.com",
        "SMTP_TO": "you@example.com",
        "TELEGRAM_CHAT_ID": "1",
        "SLACK_API_URL": f"http://{echo.place}/api",
        "AIOPS_CONFIG": str(tmp_path / "aiops.yaml"),
    }
    text, of_the_file = planted_in_the_file(echo)
    (tmp_path / "aiops.yaml").write_text(text)
    secrets |= of_the_file
    service = make_service(**variables, **more)
    body = webhook("Broken")
    body["alerts"][0]["labels"]["team"] = "shop"
    assert service.post("/webhook/alerts?source=shop", body)[0] == 200
    wait(lambda: all_told(service), lambda: f"all is done\n{service.log()}")
    service.post("/webhook/alerts", b"no webhook")
    service.post("/login", b"csrf=x&name=x&password=x")
    service.get("/login/oidc")
    shown = {path: str(service.get(path)) for path in PAGES}
    shown["the log"] = service.log()
    environment = {"PATH": os.environ["PATH"], "AIOPS_DATA_DIR": str(tmp_path), "API_PORT": str(service.port)}
    command = [sys.executable, "-m", "aiops_processor", "check"]
    done = subprocess.run(command, env={**environment, **variables, **more}, capture_output=True, text=True)
    shown["aiops check"] = done.stdout + done.stderr
    broken = {**environment, **variables, **more, "API_PORT": secrets["API_TOKEN"], "TIME_WINDOW_MINUTES": "no number"}
    done = subprocess.run(command, env=broken, capture_output=True, text=True)
    shown["a wrong setting"] = done.stdout + done.stderr
    assert "TIME_WINDOW_MINUTES" in shown["a wrong setting"]
    as_sent = {f"{name}, as it is sent": as_basic(secret) for name, secret in secrets.items()}
    hidden = {**secrets, **as_sent}
    found = [(name, where) for name, secret in hidden.items() for where, text in shown.items() if secret in text]
    assert not found, "\n".join(map(str, found))
    sent = " ".join(echo.asked)
    assert secrets["PROMETHEUS_TOKEN"] in sent, "the secrets were used"
    assert secrets["GENERIC_WEBHOOK_URL"] in sent
    assert secrets["OPENAI_API_KEY"] in sent
    for name in ("SLACK_BOT_TOKEN", "PAGERDUTY_ROUTING_KEY", "TELEGRAM_BOT_TOKEN", "TEAMS_WEBHOOK_URL", "APPRISE_URLS"):
        assert secrets[name] in sent, name
    unsent = [place for place, secret in of_the_file.items() if secret not in sent]
    assert unsent == ["s[6] of FILE", "s[17] of FILE"], "these sign"


def as_basic(password: str) -> str:
    return base64.b64encode(f"me:{password}".encode()).decode()


def all_told(service: Any) -> bool:
    """Whether it is analysed, and every channel was tried; mail goes on for ever: it cannot tell that it is in vain."""
    found = service.get("/api/v1/deliveries")
    ended = {each["channel"] for each in found if each["occasion"] == "analysed" and each["state"] != "pending"}
    tried = {each["channel"] for each in found if each["attempts"] and each["error"]}
    return ended >= {each["channel"] for each in found} - {"mail"} and "mail" in tried


@pytest.mark.parametrize("name", [name for name, secret in config.variables() if secret])
def test_settings_that_are_printed_show_no_secret(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other, _ in config.variables():
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "planted-willow-tree")
    assert "planted-willow-tree" not in f"{config.load()!r} {config.load()}"
