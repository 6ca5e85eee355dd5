"""Where people are told: Slack, PagerDuty and a mailbox, and what has to have come there when an incident is over."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

ROUTING_KEY = "R0123456789abcdef0123456789abcde"


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

    @property
    def settings(self) -> dict[str, str]:
        """What leads a service here."""
        return {
            "SLACK_BOT_TOKEN": "xoxb-people",
            "SLACK_CHANNEL": "C1",
            "SLACK_API_URL": f"{self.url}/api",
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_URL": self.url,
        }

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


class Story:
    """What people were told of incidents from the beginning to the end, wherever they look.

    Each incident is one Slack message that becomes the analysis and then the end, one alert of PagerDuty, which is
    closed once, and one thread of mails.
    """

    def __init__(self, people: People, mails: Any) -> None:
        self.people = people
        self.mails = mails
        address = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mails.port), "SMTP_TLS": "none"}
        whom = {"SMTP_SENDER": "AIOps <aiops@example.com>", "SMTP_TO": "oncall@example.com"}
        self.settings = {**people.settings, **address, **whom}

    def check(self) -> None:
        """Fails where it is not so."""
        for ts, said in self.people.messages.items():
            marks = [text[0] for text in said]
            assert (marks[0], set(marks[1:-1]), marks[-1]) == ("🔴", {"🔎"}, "🟢"), marks
            assert self.people.replies[ts][-1].startswith("🟢")
        events: dict[str, list[str]] = {}
        for event in self.people.events:
            events.setdefault(event["dedup_key"], []).append(event["event_action"])
        assert len(events) == len(self.people.messages)
        for actions in events.values():
            assert actions[0] == "trigger"
            assert actions[-1] == "resolve"
            assert actions.count("resolve") == 1
        for thread in self.threads():
            assert len(thread) >= 3
            for before, mail in pairwise(thread):
                assert mail["In-Reply-To"] == before["Message-ID"]
                assert mail["References"].split()[0] == thread[0]["Message-ID"]
                # A long one is folded before its first word, which leaves a space.
                assert mail["Subject"].strip() == f"Re: {thread[0]['Subject'].strip()}"
        assert len(self.threads()) == len(self.people.messages)

    def threads(self) -> list[list[Any]]:
        """The mails of each incident, in the order in which they came."""
        found: dict[str, list[Any]] = {}
        for mail in self.mails.mails:
            root = (mail["References"] or mail["Message-ID"]).split()[0]
            found.setdefault(root, []).append(mail)
        return list(found.values())


@pytest.fixture
def people() -> Iterator[People]:
    made = People()
    yield made
    made.close()


@pytest.fixture
def story(people: People, mail_server: Callable[..., Any]) -> Story:
    """Slack, PagerDuty and a mailbox, and what has to have come there when an incident is over."""
    return Story(people, mail_server())
