"""Every shipped example in the plugins folder of a real service, and what each of them does there.

One service for all of them. The sources, the model, the channels and the operator's own files are the test's.
"""

import json
import re
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "plugins"
ANSWER = {
    "summary": "the gateway's summary",
    "root_cause": "not known",
    "outcome": "inconclusive",
    "confidence": 0.2,
    "extra": {"jira_title": "look at the shop"},
}
CONFIGURATION = """
plugins:
  options:
    filter.office_hours: {{zone: UTC, days: 7, hours: [0, 24]}}
    model.gateway: {{url: "{peer}/gateway"}}
    notifier.ntfy: {{url: "{peer}/ntfy"}}
actions:
  - name: customers
    kind: status_page
    match: ['tier="customer"']
    dry_run: false
    approval: false
    options: {{url: "{peer}/status"}}
"""


BROKEN = """
from aiops_processor.plugins import plugin

def broken(*arguments):
    raise ValueError("hunter2")

@plugin("filter")
def broken_filter(alert, now):
    broken()

@plugin("source")
def broken_source(alerts, window):
    broken()

@plugin("window")
def broken_window(alert, now):
    return "an hour"

@plugin("order")
def broken_order(case):
    broken()

@plugin("on_event")
async def broken_listener(event):
    broken()
"""


class Lab:
    """The service, what it talks to, and the incidents by the name of their alert."""

    def __init__(self, service: Any, peer: Any, wait: Callable[..., Any]) -> None:
        self.service, self.peer, self._wait = service, peer, wait
        self.incidents: dict[str, dict[str, Any]] = {}

    def post(self, **alerts: dict[str, str]) -> None:
        """Each alert in a group of its own: by its name, with its labels."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for name, labels in alerts.items():
            alert = {"status": "firing", "labels": {"alertname": name, **labels}, "startsAt": now}
            status, _ = self.service.post("/webhook/alerts", {"groupKey": name, "alerts": [alert]})
            assert status == 200

    def analysed(self, name: str) -> dict[str, Any]:
        """The incident of this alert with all that is known of it, once it is analysed."""
        if name not in self.incidents:
            self.incidents[name] = self._wait(lambda: self._analysed(name), lambda: f"{name}:\n{self.service.log()}")
        return self.incidents[name]

    def _analysed(self, name: str) -> dict[str, Any] | None:
        for each in self.service.get("/api/v1/incidents?limit=200"):
            if each["title"].startswith(name) and each["state"] == "analysed":
                return self.service.get(f"/api/v1/incidents/{each['id']}")
        return None

    def now(self, name: str) -> dict[str, Any]:
        """The same as it is now: what is done beside the analysis may come after it."""
        return self.service.get(f"/api/v1/incidents/{self.analysed(name)['incident']['id']}")

    def filtered(self) -> dict[str, str]:
        return {each["alert"]["labels"]["alertname"]: each["reason"] for each in self.service.get("/api/v1/filtered")}

    def until(self, look: Callable[[], Any], what: str) -> Any:
        return self._wait(look, lambda: f"{what}:\n{self.service.log()}")

    def asked(self, text: str) -> bool:
        """Whether Prometheus or Loki was asked something with this text in it."""
        return any(text in _decoded(body) for path, body in list(self.peer.requests) if "/api/v1/" in path)

    def bodies(self, path: str) -> str:
        return "\n".join(_decoded(body) for at, body in list(self.peer.requests) if at == path)


def _decoded(body: bytes) -> str:
    return unquote_plus(body.decode())


@pytest.fixture
def lab(peer: Any, make_service: Callable[..., Any], wait: Callable[..., Any], tmp_path: Path) -> Lab:
    shutil.copytree(EXAMPLES, tmp_path / "plugins")
    switched = datetime.now(UTC) - timedelta(minutes=1)
    (tmp_path / "plugins" / "flags.csv").write_text(f"{switched.isoformat()},new-basket,basket\n")
    (tmp_path / "plugins" / "on_call.txt").write_text("ada\n")
    (tmp_path / "plugins" / "broken.py").write_text(BROKEN)
    (tmp_path / "aiops.yaml").write_text(CONFIGURATION.format(peer=peer.url))
    peer.answers["/gateway"] = {"text": json.dumps(ANSWER)}
    peer.answers["/api/v1/label/__name__/values"] = {"status": "success", "data": ["up"]}
    service = make_service(
        AIOPS_CONFIG=str(tmp_path / "aiops.yaml"),
        PROMETHEUS_URL=peer.url,
        LOKI_URL=peer.url,
        SLACK_WEBHOOK_URL=f"{peer.url}/slack",
        LLM_PROVIDER="gateway",
        PLUGINS_SECONDS="120",  # this machine may be busy; what is too slow is tried elsewhere
        PLUGINS_FILTER_SECONDS="120",
    )
    return Lab(service, peer, wait)


def test_each_example_does_what_its_page_says_beside_plugins_that_fail(lab: Lab) -> None:
    lab.post(
        ApiSlow={"service": "my-api"},
        TransactionsDropped={"service": "orders"},
        PaymentsFail={"service": "payment-service"},
        HighErrorRate={"service": "auth", "component": "auth", "team": "identity"},
        ReportLate={"service": "reports", "component": "batch"},
        BasketEmpty={"service": "basket", "tier": "customer"},
        OnlyATest={"environment": "test"},
        NodeClockDrift={"instance": "a"},
        QueueGrows={"severity": "info"},
    )
    for check in (
        queries,
        log_queries,
        filters,
        windows,
        order,
        source,
        prompts,
        model,
        channels,
        action,
        web,
        metrics,
    ):
        check(lab)
    for check in (faults, reload):
        check(lab)


def queries(lab: Lab) -> None:
    lab.analysed("ApiSlow")
    assert lab.asked('rate(http_requests_total{service="my-api", status=~"5.."}[')
    lab.analysed("TransactionsDropped")
    assert lab.asked("transaction_count")


def log_queries(lab: Lab) -> None:
    lab.analysed("PaymentsFail")
    assert lab.asked('{service="payment-service"} |~ "payment.*failed"')
    assert lab.asked('sum(count_over_time({service="payment-service"} | json | status="completed" [')
    lab.analysed("HighErrorRate")
    assert lab.asked('{service=~".*auth.*"} |~ "failed.*login"')


def filters(lab: Lab) -> None:
    found = lab.until(lambda: len(lab.filtered()) == 3 and lab.filtered(), "three alerts are filtered")
    assert found["OnlyATest"] == "skip_tests: test environment"
    assert found["NodeClockDrift"] == "ignore_list: on our ignore list"
    assert found["QueueGrows"].startswith("office_hours: info at ")


def windows(lab: Lab) -> None:
    def baseline(name: str) -> timedelta:
        window = lab.analysed(name)["evidence"]["window"]
        start, onset = (datetime.fromisoformat(window[each]) for each in ("start", "onset"))
        return onset - start

    assert baseline("ReportLate") == timedelta(hours=6)
    assert baseline("ApiSlow") == timedelta(minutes=15)


def order(lab: Lab) -> None:
    lab.until(lambda: lab.now("BasketEmpty")["incident"]["priority"] == -10, "the customers' is the first")
    assert lab.analysed("ApiSlow")["incident"]["priority"] > 0


def source(lab: Lab) -> None:
    (found,) = [each for each in lab.analysed("BasketEmpty")["evidence"]["findings"] if each["entity"] == "basket"]
    assert found["statement"].startswith("flag new-basket was switched at ")
    assert (found["id"], found["source"]) == ("C1", "plugin feature_flags")


def prompts(lab: Lab) -> None:
    lab.analysed("HighErrorRate")
    asked = [body for path, body in list(lab.peer.requests) if path == "/gateway"]
    systems = [json.loads(body)["system"] for body in asked]
    assert all("You work for Example Shop." in system and '"jira_title"' in system for system in systems)
    about_auth = [system for system in systems if "after each rotation of keys" in system]
    assert len(about_auth) == sum("wiki.example.com/high-error-rate" in system for system in systems) == 1


def model(lab: Lab) -> None:
    analysis = lab.analysed("ApiSlow")["analysis"]
    assert analysis["model"] == "gateway"
    assert analysis["summary"].startswith("the gateway's summary")
    assert analysis["extra"]["jira_title"].startswith("look at the shop")


def channels(lab: Lab) -> None:
    lab.until(lambda: "BasketEmpty on basket" in lab.bodies("/ntfy"), "ntfy is told")
    lab.until(lambda: "Team: identity" in lab.bodies("/slack"), "Slack is told whose it is")


def action(lab: Lab) -> None:
    def told() -> bool:
        return "customers: told customers" in [entry["text"] for entry in lab.now("BasketEmpty")["timeline"]]

    lab.until(told, "its timeline says that it was done")
    assert json.loads(lab.bodies("/status")) == {"title": "BasketEmpty on basket"}


def web(lab: Lab) -> None:
    assert lab.service.get("/on-call") == {"on_call": "ada"}
    with urllib.request.urlopen(f"{lab.service.url}/health/live", timeout=30) as response:
        assert len(response.headers["x-request-id"]) == 32


def metrics(lab: Lab) -> None:
    lab.analysed("HighErrorRate")
    lab.until(lambda: 'shop_incidents_analysed_total{team="identity"} 1.0' in lab.service.get("/metrics"), "counted")


def faults(lab: Lab) -> None:
    """Those that fail are seen everywhere, and nobody else failed."""
    kinds = ("filter", "source", "window", "order", "on_event")
    counted = lab.until(lambda: _faulty(lab, len(kinds)), "all of them failed")
    assert {plugin.partition("_")[0] for _, plugin in counted} == {"broken"}
    assert {kind for kind, _ in counted} == set(kinds)
    detail = lab.analysed("ApiSlow")
    said = "filter broken_filter: raised ValueError; the alert went on"
    assert said in [entry["text"] for entry in detail["timeline"]]
    said = "order broken_order: raised ValueError; its place in the queue is the usual one"
    lab.until(lambda: said in [entry["text"] for entry in lab.now("ApiSlow")["timeline"]], "its history says so")
    gaps = [gap["reason"] for gap in detail["analysis"]["gaps"]]
    assert "source broken_source: raised ValueError" in gaps
    assert any("window broken_window: answered with str, not Window" in gap for gap in gaps)


def _faulty(lab: Lab, count: int) -> list[tuple[str, str]]:
    found = re.findall(
        r'aiops_plugin_faults_total{fault="\w+",kind="(\w+)",plugin="(\w+)"}', lab.service.get("/metrics")
    )
    return found if len(found) >= count else []


def reload(lab: Lab) -> None:
    """A changed file is taken up, a broken one is not."""
    file = lab.service.folder / "plugins" / "skip_tests.py"
    changed = file.read_text().replace('"environment"', '"stage"')
    file.write_text(changed.replace("(alert, now)", "(alert)"))
    lab.service.process.send_signal(signal.SIGHUP)
    lab.until(lambda: "the settings were not reloaded" in lab.service.log(), "the wrong signature is told")
    assert "the right form is `def skip_tests(alert: Alert, now: datetime)" in lab.service.log()
    file.write_text(changed)
    lab.service.process.send_signal(signal.SIGHUP)
    lab.until(lambda: '"event": "settings reloaded"' in lab.service.log(), "the plugins are reloaded")
    lab.post(OnlyAStage={"stage": "test"})
    lab.until(lambda: lab.filtered().get("OnlyAStage") == "skip_tests: test environment", "the new filter is asked")
