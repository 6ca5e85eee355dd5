"""What people do by hand, at the running service: over its API and on the command line."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_acknowledging_and_trying_again_by_hand(
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
    tmp_path: Path,
) -> None:
    peer.statuses["/hook"] = 404
    service = make_service(GENERIC_WEBHOOK_URL=f"{peer.url}/hook", WATCHDOG_SECONDS="3600")

    def aiops(*arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "API_PORT": str(service.port)}
        command = [sys.executable, "-m", "aiops_processor", *arguments]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
        return ended.stdout + ended.stderr

    service.post("/webhook/alerts", webhook("HighErrorRate"))
    failed = wait(lambda: service.get("/api/v1/deliveries?state=failed"), "a message has failed")
    peer.statuses.clear()
    before = len(peer.told("opened"))
    number = str(failed[-1]["id"])
    assert "404" in aiops("deliveries", "list", "--state", "failed")
    assert aiops("deliveries", "retry", number) == "the message is due\n"
    wait(lambda: len(peer.told("opened")) > before, "it is told again")
    assert "409" in aiops("deliveries", "retry", number)
    assert aiops("incidents", "acknowledge", "1", "--by", "ada") == "acknowledged\n"
    assert service.get("/api/v1/incidents/1")["incident"]["acknowledged_by"] == "ada"
    assert "HighErrorRate" in aiops("incidents", "list")
    assert "409" in aiops("incidents", "retry", "1")
    assert service.post("/api/v1/incidents/9/acknowledge", {})[0] == 404
    (watchdog,) = wait(lambda: service.get("/api/v1/watchdogs"), "a Watchdog is expected by configuration")
    assert "last heard of" in aiops("watchdogs", "list")
    assert aiops("watchdogs", "forget", str(watchdog["id"])) == "forgotten\n"
