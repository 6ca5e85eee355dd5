"""The whole story as people see it: a real Alertmanager, and servers that speak as Slack, PagerDuty and mail do."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROUTING_KEY = "R0123456789abcdef0123456789abcde"
ALERTMANAGER_YML = """
route: {{receiver: aiops, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}}
receivers:
  - name: aiops
    webhook_configs: [{{url: "{url}/webhook/alerts", send_resolved: true}}]
"""


class People:
    """Slack's Web API and PagerDuty's Events API v2, as strict as they are.

    `messages` are Slack's by ts, each with what it said first and last; `replies` by the ts of their thread. While
    `holding` names a path, requests to it are taken and not answered.
    """

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = {}
        self.replies: dict[str, list[str]] = {}
        self.events: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.holding = ""
        people = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = people.answer(self.path, self.headers.get("Authorization", ""), body)
                people.asked.append(self.path)
                while people.holding and people.holding in self.path:
                    time.sleep(0.02)
                content = json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass  # whoever asked was killed meanwhile

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the name is the base class's

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, authorization: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self._pagerduty(body) if path == "/v2/enqueue" else (200, self._slack(path, authorization, body))

    def _slack(self, path: str, authorization: str, body: dict[str, Any]) -> dict[str, Any]:
        if authorization != "Bearer xoxb-people":
            return {"ok": False, "error": "not_authed"}
        if body.get("channel") != "C1":
            return {"ok": False, "error": "channel_not_found"}
        blocks = body.get("blocks", [])
        if (
            not body.get("text")
            or len(blocks) > 50
            or any(len(str(b.get("text", {}).get("text"))) > 3000 for b in blocks)
        ):
            return {"ok": False, "error": "invalid_blocks"}
        if path.endswith("/chat.update"):
            if body["ts"] not in self.messages:
                return {"ok": False, "error": "message_not_found"}
            self.messages[body["ts"]].append(body["text"])
            return {"ok": True, "channel": "C1", "ts": body["ts"], "text": body["text"]}
        ts = f"1700000000.{len(self.messages) + sum(map(len, self.replies.values())):06d}"
        if "thread_ts" in body:
            self.replies.setdefault(body["thread_ts"], []).append(body["text"])
        else:
            self.messages[ts] = [body["text"]]
        return {"ok": True, "channel": "C1", "ts": ts, "message": {"text": body["text"], "ts": ts}}

    def _pagerduty(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        payload = body.get("payload", {})
        wrong = [
            *([] if body.get("routing_key") == ROUTING_KEY else ["'routing_key' is invalid"]),
            *(
                []
                if body.get("event_action") in {"trigger", "acknowledge", "resolve"}
                else ["'event_action' is invalid"]
            ),
        ]
        if body.get("event_action") == "trigger":
            wrong += [f"'payload.{name}' is missing" for name in ("summary", "source") if not payload.get(name)]
            if payload.get("severity") not in {"critical", "error", "warning", "info"}:
                wrong.append("'payload.severity' is invalid")
        if wrong:
            return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": wrong}
        self.events.append(body)
        return 202, {"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}

    def close(self) -> None:
        self.holding = ""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def people() -> Iterator[People]:
    made = People()
    yield made
    made.close()


@pytest.fixture
def settings(people: People, mail_server: Callable[..., Any]) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": "xoxb-people",
        "SLACK_CHANNEL": "C1",
        "SLACK_API_URL": f"{people.url}/api",
        "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
        "PAGERDUTY_URL": people.url,
    }


def test_one_slack_message_one_page_and_a_thread_of_three_mails(
    people: People,
    settings: dict[str, str],
    mail_server: Callable[..., Any],
    tmp_path: Path,
    make_service: Callable[..., Any],
    start_program: Callable[..., Any],
    port: Callable[[], int],
    wait: Callable[..., Any],
) -> None:
    mails = mail_server()
    service = make_service(
        **settings,
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(mails.port),
        SMTP_TLS="none",
        SMTP_SENDER="AIOps <aiops@example.com>",
        SMTP_TO="oncall@example.com",
        AIOPS_EXTERNAL_URL="https://aiops.example",
    )
    alertmanager = port()
    (tmp_path / "alertmanager.yml").write_text(ALERTMANAGER_YML.format(url=service.url))
    arguments = (f"--web.listen-address=127.0.0.1:{alertmanager}", "--cluster.listen-address=")
    start_program(
        "prometheus-alertmanager", *arguments, "--config.file=alertmanager.yml", f"--storage.path={tmp_path / 'am'}"
    )
    wait(lambda: tell(alertmanager, "HighErrorRate"), "Alertmanager takes the alert")
    wait(lambda: [m for m in people.messages.values() if "🔎" in m[-1]], lambda: f"the analysis\n{service.log()}")
    wait(lambda: len(mails.mails) == 2, "the analysis comes by mail")
    wait(lambda: len(people.events) == 2, "and to PagerDuty")
    assert tell(alertmanager, "HighErrorRate", ends=time.time())
    wait(lambda: len(mails.mails) == 3, lambda: f"the end comes by mail\n{service.log()}")
    wait(lambda: people.events[-1]["event_action"] == "resolve", "and to PagerDuty")
    wait(lambda: people.replies, "and into Slack's thread")

    ((ts, said),) = people.messages.items()
    assert [text[0] for text in said] == ["🔴", "🔎", "🟢"], "one message, edited twice"
    assert [text[0] for text in people.replies[ts]] == ["🟢"]
    assert [event["event_action"] for event in people.events] == ["trigger", "trigger", "resolve"]
    assert len({event["dedup_key"] for event in people.events}) == 1, "one alert, opened and closed once"
    assert people.events[0]["links"][0]["href"] == "https://aiops.example/incidents/1"
    first, second, third = mails.mails
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == first["Message-ID"]
    assert third["In-Reply-To"] == second["Message-ID"]
    assert third["References"].split() == [first["Message-ID"], second["Message-ID"]]
    assert second["Subject"] == third["Subject"] == f"Re: {first['Subject']}"


def test_a_kill_between_sending_and_writing_it_down_costs_at_most_one_repeat(
    people: People,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings)
    people.holding = "/v2/enqueue"
    assert service.post("/webhook/alerts", webhook("HighErrorRate"))[0] == 200
    wait(lambda: people.events, "PagerDuty has the page, and the service does not know")
    wait(lambda: [m for m in people.messages.values() if "🔎" in m[-1]], "Slack does not wait for it")
    service.kill()
    people.holding = ""
    service.start()
    wait(lambda: len(people.events) >= 3, lambda: f"the page again, and the analysis\n{service.log()}")
    people.holding = "chat.update"
    updates = sum("chat.update" in path for path in people.asked)
    assert service.post("/webhook/alerts", webhook("HighErrorRate", status="resolved"))[0] == 200
    wait(lambda: sum("chat.update" in path for path in people.asked) > updates, "Slack has the edit")
    service.kill()
    people.holding = ""
    service.start()
    wait(lambda: people.replies, lambda: f"the end stands in the thread\n{service.log()}")
    wait(lambda: people.events[-1]["event_action"] == "resolve", "and in PagerDuty")
    wait(lambda: service.get("/queue/status")["queue_size"] == 0, "all is told")
    ((ts, said),) = people.messages.items()
    assert len(people.replies[ts]) == 1
    assert said[-1].startswith("🟢")
    assert len({event["dedup_key"] for event in people.events}) == 1
    assert [event["event_action"] for event in people.events][:3] == ["trigger"] * 3, "one repeat, which it drops"
    assert len(people.events) <= 5


def tell(port: int, name: str, ends: float | None = None) -> bool:
    """Put an alert into Alertmanager, as Prometheus would; False where it does not answer yet."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
    alert: dict[str, Any] = {
        "labels": {"alertname": name, "severity": "critical", "service": "checkout"},
        "annotations": {"summary": "It fails"},
        "startsAt": at,
    }
    if ends is not None:
        alert["endsAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts", json.dumps([alert]).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False
