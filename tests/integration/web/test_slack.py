"""Buttons in Slack on the whole service: signed posts, the socket, and who it was in timeline and audit."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from aiops_processor.app import create_app
from aiops_processor.clients.outbound import Outbound
from aiops_processor.clients.slack import SlackAnswers
from aiops_processor.models.action import ActionRecord, mark
from aiops_processor.models.incident import Incident
from aiops_processor.settings import ActionSettings, LogSettings, ServiceSettings, Settings, SlackSettings

pytestmark = pytest.mark.anyio

SECRET = "s1gning-secret"
ANSWER_TO = "https://hooks.slack.com/actions/T1/2/3"
SILENCE = ActionSettings(
    name="silence", kind="webhook", on=(), dry_run=False, approvers=("slack:U1",), options={"url": "http://127.0.0.1:1"}
)
RESTART = ActionSettings(
    name="restart", kind="webhook", dry_run=False, approvers=("slack:U1",), options={"url": "http://127.0.0.1:1"}
)


def settings(tmp_path: Path, **slack: Any) -> Settings:
    return Settings(
        aiops=ServiceSettings(data_dir=str(tmp_path), settle_seconds=0),
        log=LogSettings(level="error"),
        slack=SlackSettings(signing_secret=SecretStr(SECRET), **slack),
        actions=(SILENCE, RESTART),
    )


class Told:
    """What was said to whoever pressed."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        assert body["response_type"] == "ephemeral"
        assert body["replace_original"] is False
        self.said.append((str(request.url), body["text"]))
        return httpx2.Response(200)


class House:
    """The service with one analysed incident, and Slack in front of it."""

    def __init__(self, app: FastAPI, client: httpx2.AsyncClient, until: Callable[..., Awaitable[Any]]) -> None:
        self.app, self.client, self.told, self._until = app, client, Told(), until
        presses = app.state.service.presses
        presses.answers = SlackAnswers(Outbound(), httpx2.MockTransport(self.told))
        self.mark = ""

    async def fire(self) -> None:
        alert = {"labels": {"alertname": "Down", "service": "checkout"}, "startsAt": "2026-01-31T12:00:00Z"}
        assert (await self.client.post("/analyze", json=alert)).status_code == 200
        self.mark = mark(Incident.model_validate((await self.detail())["incident"]))
        await self._until(lambda: self.action("restart"))

    async def detail(self) -> Any:
        return (await self.client.get("/api/v1/incidents/1")).json()

    async def action(self, name: str) -> Any:
        return next((each for each in (await self.detail())["actions"] if each["name"] == name), None)

    async def history(self) -> list[str]:
        return [each["text"] for each in (await self.detail())["timeline"]]

    async def audited(self) -> list[tuple[str, str, int | None]]:
        found = (await self.client.get("/api/v1/audit")).json()
        return [(each["actor"], each["action"], each["status"]) for each in found]

    def payload(self, action_id: str, member: str = "U1", value: str = "", name: str = "ada") -> str:
        return json.dumps(
            {
                "type": "block_actions",
                "user": {"id": member, "username": name, "name": name, "team_id": "T1"},
                "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1"},
                "trigger_id": "1.2.3",
                "response_url": ANSWER_TO,
                "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": value or self.mark}],
            }
        )

    async def press(self, action_id: str, member: str = "U1", **others: str) -> httpx2.Response:
        return await self.post(urlencode({"payload": self.payload(action_id, member, **others)}).encode())

    async def post(self, body: bytes, secret: str = SECRET, ago: int = 0) -> httpx2.Response:
        stamp = str(int(time.time()) - ago)
        made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={made}",
            "x-forwarded-for": "203.0.113.9",  # from outside: nobody on this machine
        }
        return await self.client.post("/webhook/slack", content=body, headers=headers)


@pytest.fixture
async def house(tmp_path: Path, until: Any) -> AsyncIterator[House]:
    app = create_app(settings(tmp_path))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
            house = House(app, client, until)
            await house.fire()
            yield house


async def test_who_acknowledges_and_judges_in_slack_stands_in_timeline_and_audit(house: House) -> None:
    for button in ("acknowledge", "acknowledge", "right", "right", "wrong"):
        answer = await house.press(f"aiops:{button}")
        assert (answer.status_code, answer.text) == (200, "")
    detail, history = await house.detail(), await house.history()
    assert detail["incident"]["acknowledged_by"] == "ada (slack:U1)"
    assert history.count("acknowledged by ada (slack:U1)") == 1
    assert [each["said"] for each in detail["feedback"]] == ["right", "wrong"], "the same once more is said already"
    assert ("ada (slack:U1)", "Slack: acknowledge", 200) in await house.audited()
    assert house.told.said[0] == (
        ANSWER_TO,
        "Noted: the analysis was right. Its page takes the true cause, for the next time.",
    )


async def test_only_listed_people_approve_and_only_what_they_read(house: House) -> None:
    record = await house.action("restart")
    value = f"{house.mark} {ActionRecord.model_validate(record).digest}"
    assert (await house.press("aiops:approve:restart", member="U2", value=value)).status_code == 200
    assert house.told.said[-1][1] == "Nothing was done: slack:U2 may not: slack:U1 may."
    await house.press("aiops:approve:restart", value=f"{house.mark} 0123456789abcdef")
    assert "read it again" in house.told.said[-1][1]
    assert (await house.action("restart"))["state"] == "waiting"
    await house.press("aiops:approve:restart", value=value)
    assert (await house.action("restart"))["decided_by"] == "slack:U1"
    assert "restart: approved by slack:U1" in await house.history()
    statuses = [each[2] for each in await house.audited() if each[1] == "Slack: approve restart"]
    assert statuses == [200, 409, 403]


async def test_silence_is_asked_for_by_listed_people_alone(house: House) -> None:
    await house.press("aiops:ask:silence", member="U2")
    assert await house.action("silence") is None
    await house.press("aiops:ask:silence")
    assert (await house.action("silence"))["decided_by"] == "slack:U1"
    assert any(line.startswith("silence: asked for by slack:U1: post incident 1") for line in await house.history())


async def test_an_incident_of_another_life_is_not_touched(house: House) -> None:
    for value in ("1-19990101000000", "99-20260131120000", "x", f"{10**30}-1", "-1", "١-1"):
        await house.press("aiops:acknowledge", value=value)
    assert (await house.detail())["incident"]["acknowledged_at"] is None
    assert {said for _, said in house.told.said} == {"This incident is gone, or was another service's."}


async def test_what_slack_did_not_sign_is_refused_and_does_nothing(house: House) -> None:
    body = urlencode({"payload": house.payload("aiops:acknowledge")}).encode()
    assert (await house.post(body, secret="another")).status_code == 401
    assert (await house.post(body, ago=400)).status_code == 401
    assert (await house.client.post("/webhook/slack", content=body)).status_code == 401, "from this machine, too"
    outside = {"x-forwarded-for": "203.0.113.9"}
    assert (await house.client.post("/webhook/slack", content=body, headers=outside)).status_code in (401, 403)
    assert (await house.detail())["incident"]["acknowledged_at"] is None


@pytest.mark.parametrize("payload", ["", "{", "[]", '{"user": 1}', "\udcff"])
async def test_what_is_no_interaction_is_said_to_be_none(house: House, payload: str) -> None:
    body = urlencode({"payload": payload}, errors="surrogateescape").encode()
    assert (await house.post(body)).status_code == 422


async def test_interactions_that_are_none_of_ours_are_taken_and_left(house: House) -> None:
    others = [
        {"type": "view_submission", "user": {"id": "U1"}},
        {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "other", "value": "x"}]},
        {"type": "block_actions", "actions": [{"action_id": "aiops:acknowledge", "value": "1-1"}]},
    ]
    for each in others:
        assert (await house.post(urlencode({"payload": json.dumps(each)}).encode())).status_code == 200
    assert house.told.said == []


async def test_nobody_is_answered_but_slack() -> None:
    told = Told()
    answers = SlackAnswers(Outbound(), httpx2.MockTransport(told))
    for where in (
        "https://evil.example/",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com@evil.example/",
        "https://[",
        "",
    ):
        await answers.say(where, "words")
    answers.gate = Outbound(("elsewhere.example",))
    await answers.say(ANSWER_TO, "words")
    assert told.said == []
    await answers.aclose()


class FakeSlack:
    """Socket Mode as Slack does it: a new address for each connection, envelopes that want an acknowledgement."""

    def __init__(self) -> None:
        self.envelopes: list[dict[str, Any]] = []
        self.acknowledged: list[str] = []
        self.pressed = asyncio.Event()
        self.connections = 0
        self.authorization = ""
        self.url = ""

    async def open(self, request: Request) -> JSONResponse:
        self.authorization = request.headers["authorization"]
        return JSONResponse({"ok": True, "url": f"{self.url.replace('http', 'ws')}/link?ticket={self.connections}"})

    async def link(self, socket: WebSocket) -> None:
        await socket.accept()
        self.connections += 1
        await socket.send_json({"type": "hello", "num_connections": 1})
        await self.pressed.wait()
        for envelope in [each for each in self.envelopes if each["envelope_id"] not in self.acknowledged][:1]:
            await socket.send_json(envelope)
            self.acknowledged.append((await socket.receive_json())["envelope_id"])
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
        await socket.close()

    def server(self) -> uvicorn.Server:
        app = Starlette(
            routes=[
                Route("/api/apps.connections.open", self.open, methods=["POST"]),
                WebSocketRoute("/link", self.link),
            ]
        )
        return uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="wsproto", lifespan="off"))


@pytest.fixture
async def slack(until: Any) -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    server = fake.server()
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    fake.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield fake
    server.should_exit = server.force_exit = True
    await serving


async def test_behind_a_firewall_the_same_comes_over_a_socket_that_we_open(
    tmp_path: Path, slack: FakeSlack, until: Any
) -> None:
    app = create_app(settings(tmp_path, app_token=SecretStr("xapp-1"), api_url=f"{slack.url}/api"))
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
            house = House(app, client, until)
            await house.fire()
            buttons = ("aiops:acknowledge", "aiops:right")
            slack.envelopes = [
                {"type": "interactive", "envelope_id": str(n), "payload": json.loads(house.payload(button))}
                for n, button in enumerate(buttons)
            ]
            slack.pressed.set()

            async def done() -> bool:
                return len(slack.acknowledged) == len(buttons)

            await until(done)  # each on a connection of its own
            detail = await house.detail()
            assert detail["incident"]["acknowledged_by"] == "ada (slack:U1)"
            assert [each["said"] for each in detail["feedback"]] == ["right"]
            assert slack.authorization == "Bearer xapp-1"
            assert slack.connections >= len(buttons)
