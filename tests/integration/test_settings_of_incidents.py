"""Every setting of how incidents are made and looked after does what it says; test_settings.py has the others."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from aiops_processor import config, parts
from aiops_processor.clock import SystemClock
from aiops_processor.errors import ConfigError
from aiops_processor.models.alert import Alert
from aiops_processor.services.grouping import joining
from aiops_processor.services.grouping.joining import Member, place_of
from aiops_processor.services.grouping.own_rules import ties
from aiops_processor.services.grouping.policy import Policy
from aiops_processor.telemetry import Metrics

SECTIONS = ("WATCHDOG_", "RETENTION_", "GROUPING_", "PRIORITY_", "MAX_QUERIES")
OF_ALERTMANAGER = {
    f"ALERTMANAGER_{name}"
    for name in ("PEERS", "RECEIVERS", *(f"{what}_SECONDS" for what in ("ADOPT", "ABSENT", "ROUND")))
}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

Settle = Callable[..., config.Settings]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settle:
    for name, _ in config.variables():
        monkeypatch.delenv(name, raising=False)

    def make(**variables: str) -> config.Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return config.load()

    return make


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A running service with these settings; its address."""
    started: list[subprocess.Popen[bytes]] = []

    def run(**variables: str) -> str:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = str(found.getsockname()[1])
        environment = {"PATH": os.environ["PATH"], "AIOPS_DATA_DIR": str(tmp_path), "API_PORT": port, **variables}
        started.append(subprocess.Popen([sys.executable, "-m", "aiops_processor", "serve"], env=environment))
        until(lambda: alive(f"http://127.0.0.1:{port}"), "the service answers")
        return f"http://127.0.0.1:{port}"

    yield run
    for process in started:
        process.terminate()
        process.wait(60)


def alive(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health/live", verify=False).status_code == 200
    except httpx2.TransportError:
        return False


def until(look: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    pytest.fail(f"not within {seconds} s: {what}")


def grouped(policy: Policy, apart: float, *labels: dict[str, str]) -> int:
    """How many incidents alerts with these labels are, so many seconds apart."""
    members = [
        Member("default", "", place_of(each), NOON + timedelta(seconds=apart * n), ties(each, policy.own))
        for n, each in enumerate(labels)
    ]
    return len(joining.group(members, {}, policy.rules))


def of(settled: config.Settings) -> parts.Parts:
    return parts.Parts.of(settled, SystemClock(), Metrics())


def proves_watchdog(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    """Armed by configuration; only what the matcher fits is one, and it makes no incident."""
    variables = {"WATCHDOG_SECONDS": "2", "WATCHDOG_MATCH": 'alertname="Heartbeat"'}
    url = start(GENERIC_WEBHOOK_URL=f"{recorder.url}/hook", **variables)
    until(lambda: recorder.of("/hook"), "people are told that the Watchdog is overdue")
    told = recorder.of("/hook")[0].json()
    assert (told["event"], told["alerts"][0]["labels"]["alertname"]) == ("opened", "WatchdogOverdue")
    alert = {"status": "firing", "labels": {"alertname": "Heartbeat"}, "startsAt": f"{NOON:%Y-%m-%dT%H:%M:%SZ}"}
    assert httpx2.post(f"{url}/webhook/alerts", json={"alerts": [alert]}).status_code == 200
    until(lambda: len(recorder.of("/hook")) == 2, "people are told that it is back")
    assert recorder.of("/hook")[1].json()["event"] == "resolved"
    assert httpx2.get(f"{url}/api/v1/incidents", verify=False).json() == []


def proves_retention(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    keeping = of(settings(RETENTION_INCIDENT_DAYS="3", RETENTION_EVIDENCE_DAYS="0.5")).keeping
    assert (keeping.incidents, keeping.evidence) == (timedelta(days=3), timedelta(hours=12))


def proves_queries(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    assert (of(settings()).gatherings, of(settings(MAX_QUERIES="20")).gatherings) == (16, 2)


def proves_windows(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    entity, neighbours = (
        ({"service": "a"},) * 2,
        ({"service": "a", "namespace": "n"}, {"service": "b", "namespace": "n"}),
    )
    assert (grouped(of(settings()).policy, 200, *entity), grouped(of(settings()).policy, 100, *neighbours)) == (1, 1)
    narrow = of(settings(GROUPING_WINDOW_SECONDS="199", GROUPING_NEIGHBOUR_SECONDS="99")).policy
    assert (grouped(narrow, 200, *entity), grouped(narrow, 100, *neighbours)) == (2, 2)


def proves_identity(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    labels = {"tenant_id": "7", "service": "a"}, {"tenant_id": "7", "service": "b"}
    assert grouped(of(settings()).policy, 10, *labels) == 2
    assert grouped(of(settings(GROUPING_IDENTITY="shard, tenant_id")).policy, 10, *labels) == 1


def proves_rules(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    rule = {"name": "racks", "match": ['severity=~"critical|page"'], "by": ["rack"], "window_seconds": 900}
    policy = of(settings(GROUPING_RULES=json.dumps([rule]))).policy
    one, two = ({"severity": "page", "rack": "r1", "service": each} for each in "ab")
    assert grouped(policy, 800, one, two) == 1
    assert grouped(policy, 1000, one, two) == 2
    assert grouped(policy, 800, one, {**two, "severity": "info"}) == 2
    assert grouped(policy, 800, one, {**two, "rack": "r2"}) == 2
    with pytest.raises(ConfigError, match=r"grouping\.rules\.0\.match"):
        settings(GROUPING_RULES=json.dumps([{"name": "x", "match": ["no matcher"]}]))


def proves_priority(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    rules = json.dumps([{"match": ['team="payments"'], "level": -5}])
    priority = of(settings(PRIORITY_SEVERITIES="sev1,sev2", PRIORITY_RULES=rules)).policy.priority

    def level(**labels: str) -> int:
        return priority.of([Alert(status="firing", labels={"alertname": "A", **labels}, starts_at=NOON)])

    assert [level(severity="sev1"), level(severity="SEV2"), level(severity="critical")] == [0, 1, 2]
    assert level(severity="sev2", team="payments") == -5


def proves_peers(settings: Settle, start: Callable[..., str], recorder: Any) -> None:
    """Both are asked, again and again, and what one lists for a receiver of ours is adopted when it is old enough."""
    url = start(
        ALERTMANAGER_URL=f"{recorder.url}/one",
        ALERTMANAGER_PEERS=f"{recorder.url}/two",
        ALERTMANAGER_RECEIVERS="other, pager",
        ALERTMANAGER_ADOPT_SECONDS="3",
        ALERTMANAGER_ABSENT_SECONDS="1",
        ALERTMANAGER_ROUND_SECONDS="0.2",
        AIOPS_SETTLE_SECONDS="60",
    )
    alert = {
        "labels": {"alertname": "Missed"},
        "fingerprint": "f",
        "status": {"state": "active"},
        "startsAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "endsAt": f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "updatedAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "receivers": [{"name": "pager"}],
    }
    group = {"receiver": {"name": "pager"}, "alerts": [alert]}
    recorder.answers = {"/two/api/v2/alerts/groups": [group], "/two/api/v2/alerts": [alert], "/one/api/v2/alerts": []}
    until(lambda: len(recorder.of("/one/api/v2/alerts")) > 4, "the first is asked again and again")
    assert httpx2.get(f"{url}/api/v1/incidents", verify=False).json() == []  # it may be on its way
    (incident,) = until(
        lambda: httpx2.get(f"{url}/api/v1/incidents", verify=False).json(), "what the second lists is adopted"
    )
    assert incident["title"] == "Missed"
    recorder.answers = {"/api/v2/alerts": []}
    resolved = "what both list no more is closed after a second"
    until(lambda: httpx2.get(f"{url}/api/v1/incidents", verify=False).json()[0]["resolved_at"], resolved)


PROOFS = {
    "WATCHDOG_MATCH": proves_watchdog,
    "WATCHDOG_SECONDS": proves_watchdog,
    "RETENTION_INCIDENT_DAYS": proves_retention,
    "RETENTION_EVIDENCE_DAYS": proves_retention,
    "GROUPING_WINDOW_SECONDS": proves_windows,
    "GROUPING_NEIGHBOUR_SECONDS": proves_windows,
    "GROUPING_IDENTITY": proves_identity,
    "GROUPING_RULES": proves_rules,
    "PRIORITY_SEVERITIES": proves_priority,
    "PRIORITY_RULES": proves_priority,
    "MAX_QUERIES": proves_queries,
    **dict.fromkeys(OF_ALERTMANAGER, proves_peers),
}


def test_every_setting_of_these_has_a_proof_and_every_proof_a_setting() -> None:
    names = {name for name, _ in config.variables()}
    ours = {name for name in names if name.startswith(SECTIONS)} - {
        "RETENTION_AUDIT_DAYS"
    }  # in test_settings_of_access
    assert set(PROOFS) == ours | OF_ALERTMANAGER
    assert names >= OF_ALERTMANAGER


@pytest.mark.parametrize("proof", list(dict.fromkeys(PROOFS.values())), ids=lambda proof: proof.__name__)
def test_a_setting_does_what_it_says(
    proof: Callable[..., None], settings: Settle, start: Callable[..., str], recorder: Any
) -> None:
    proof(settings, start, recorder)


def test_who_calls_whom_is_known_to_grouping_too(settings: Settle) -> None:
    labels = {"service": "gateway"}, {"service": "cart"}
    assert grouped(of(settings()).policy, 10, *labels) == 2
    known = settings().model_copy(update={"topology": {"gateway": ("cart",)}})
    assert grouped(of(known).policy, 10, *labels) == 1
