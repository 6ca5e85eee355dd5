"""Ends at random moments under load: every alert that was answered 200 is analysed and told.

Three rounds here, twenty by `make chaos` (CHAOS_ROUNDS). A failure names its seed; CHAOS_SEED repeats it.
"""

import os
import random
import threading
import time
import urllib.error
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import pytest

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "3"))
SEED = int(os.environ.get("CHAOS_SEED", str(time.time_ns() % 100_000)))
ALERTS = 8  # that are under way when the end comes
DRAIN_SECONDS = 30  # ten are promised to a machine that has nothing else to do; here the work would take minutes


class Load:
    """Posts alerts, each of a service of its own, again and again until it is taken: as Alertmanager does."""

    def __init__(self, service: Any, webhook: Callable[..., Any]) -> None:
        self.accepted: set[str] = set()
        self.refused: set[int] = set()
        self._service, self._webhook = service, webhook
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._over.wait(0.1):
            name = f"Alert{number}"
            body = self._webhook(name, group=f"of {name}")
            for alert in body["alerts"]:
                alert["labels"]["service"] = name
            if self._post(body):
                self.accepted.add(name)
                number += 1

    def _post(self, body: Any) -> bool:
        try:
            status, _ = self._service.post("/webhook/alerts", body)
        except (urllib.error.URLError, HTTPException, OSError):
            return False
        if status != 200:
            self.refused.add(status)
        return status == 200


@pytest.fixture
def settings(request: pytest.FixtureRequest, peer: Any) -> dict[str, str]:
    settings = {
        "PROMETHEUS_URL": peer.url,
        "LLM_BASE_URL": f"{peer.url}/llm",
        "DEEPSEEK_API_KEY": "sk-test",
        "GENERIC_WEBHOOK_URL": f"{peer.url}/hook",
    }
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgresql").database()
    return settings


@pytest.mark.parametrize("settings", ["sqlite", "postgresql"], indirect=True)
def test_ends_at_random_moments_lose_nothing(
    settings: dict[str, str],
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    chance = random.Random(SEED)
    server = make_service(**settings)
    processes = [server, make_service("worker", **settings)] if "DATABASE_URL" in settings else [server]
    peer.delays |= {"/llm": 0.3, "/hook": 0.05}
    load, kills = Load(server, webhook), 0
    try:
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.2, 3))
            victim = chance.choice(processes)
            kills += 1
            if chance.random() < 0.5:
                victim.kill()
            else:
                began = time.monotonic()
                assert victim.stop() == 0, f"seed {SEED}\n{victim.log()[-3000:]}"
                assert time.monotonic() - began < DRAIN_SECONDS, f"seed {SEED}: draining took longer"
            victim.start()
        time.sleep(1)
    finally:
        load.end()
    assert load.accepted
    assert load.refused <= {503}

    def told() -> set[str]:
        return {alert["labels"]["alertname"] for message in peer.told("analysed") for alert in message["alerts"]}

    wait(lambda: told() >= load.accepted, f"seed {SEED}: {len(load.accepted)} accepted\n{server.log()[-3000:]}")
    wait(lambda: server.get("/queue/status")["queue_size"] == 0, f"seed {SEED}: nothing is left to do")
    for event in ("opened", "analysed"):
        keys = [message["key"] for message in peer.told(event)]
        repeats = max(keys.count(key) for key in set(keys))
        assert repeats <= 1 + kills, f"seed {SEED}: {repeats} times {event}"
        # Alert names are services of their own, so each is one incident; an analysis is one revision of it.
        assert len({message["incident"]["id"] for message in peer.told(event)}) >= len(load.accepted)
    states = {incident["state"] for incident in server.get("/api/v1/incidents?limit=200")}
    assert states == {"analysed"}, f"seed {SEED}"


@pytest.mark.parametrize(
    ("settings", "path"),
    [("sqlite", "/api/v1"), ("sqlite", "/llm"), ("sqlite", "/hook"), ("postgresql", "/llm")],
    indirect=["settings"],
)
def test_sigterm_with_work_under_way_ends_within_ten_seconds(
    settings: dict[str, str],
    path: str,
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings)
    peer.delays[path] = 600
    for number in range(ALERTS):
        body = webhook(f"A{number}", group=f"g{number}")
        body["alerts"][0]["labels"]["service"] = f"s{number}"
        assert service.post("/webhook/alerts", body)[0] == 200
    wait(lambda: peer.asked(path) > 3, "work is under way")
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < DRAIN_SECONDS
    peer.delays.clear()
    service.start()
    wait(lambda: len({m["incident"]["id"] for m in peer.told("analysed")}) == ALERTS, "all are told after the restart")
