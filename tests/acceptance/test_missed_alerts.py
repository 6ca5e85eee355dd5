"""What real Alertmanagers never send, send twice, or forget: with the waits made short by settings."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHORT = {
    "ALERTMANAGER_ROUND_SECONDS": "0.5",
    "ALERTMANAGER_ADOPT_SECONDS": "3",
    "ALERTMANAGER_ABSENT_SECONDS": "4",
    "AIOPS_SETTLE_SECONDS": "1",
}
CONFIGURATION = """
route:
  receiver: aiops
  group_by: [group]
  group_wait: 500ms
  group_interval: 2s
  repeat_interval: 1h
  routes: [{{receiver: other, matchers: ['team="other"']}}]
receivers:
  - name: aiops
    webhook_configs: [{{url: "{url}/webhook/alerts?source={source}", send_resolved: true, max_alerts: {max_alerts}}}]
  - name: other
    webhook_configs: [{{url: "{other}"}}]
"""
NAMED = """
sources:
  - {{name: europe, match: ['cluster="eu"'], alertmanager: {{url: "{europe}", absent_seconds: 4, round_seconds: 0.5}}}}
  - {{name: asia, match: ['cluster="ap"'], alertmanager: {{url: "{asia}", absent_seconds: 4, round_seconds: 0.5}}}}
"""
PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{cluster: test}}}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: node, static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]}}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
"""
RULES = "groups: [{name: test, rules: [{alert: InstanceDown, expr: up == 0, labels: {severity: critical}}]}]"


class Alertmanager:
    """A real one that posts to the service."""

    def __init__(self, start: Callable[..., Any], wait: Callable[..., Any], port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._start, self._wait = start, wait
        self._process: Any = None

    def start(
        self, url: str, other: str = "http://127.0.0.1:9/", max_alerts: int = 0, source: str = "default"
    ) -> "Alertmanager":
        told = CONFIGURATION.format(url=url, other=other, max_alerts=max_alerts, source=source)
        self._process = self._start(self.port, told)
        self._wait(self._answers, "Alertmanager answers")
        return self

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)

    def fire(self, *names: str, group: str = "g", age: float = 1, **labels: str) -> None:
        self._post("alerts", [self._alert(name, group, age, labels) for name in names])

    def resolve(self, name: str, group: str = "g", age: float = 1, **labels: str) -> None:
        self._post("alerts", [{**self._alert(name, group, age, labels), "endsAt": rfc3339(-0.5)}])

    def silence(self, name: str) -> None:
        matcher = {"name": "alertname", "value": name, "isRegex": False, "isEqual": True}
        times = {"startsAt": rfc3339(), "endsAt": rfc3339(3600)}
        self._post("silences", {"matchers": [matcher], **times, "createdBy": "a test", "comment": "quiet"})

    def listed(self) -> list[str]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as response:
            return [alert["labels"]["alertname"] for alert in json.load(response)]

    def _alert(self, name: str, group: str, age: float, labels: dict[str, str]) -> dict[str, Any]:
        named = {"alertname": name, "group": group, "service": group, "severity": "critical", **labels}
        return {"labels": named, "startsAt": rfc3339(-age), "generatorURL": "http://prometheus/graph?g0.expr=up"}

    def _post(self, what: str, body: Any) -> None:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v2/{what}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=5) as response:
            assert response.status == 200

    def _answers(self) -> bool:
        try:
            self.listed()
        except OSError:
            return False
        return True


def rfc3339(seconds: float = 0) -> str:
    at = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f"{at % 1:.3f}Z"[1:]


@pytest.fixture
def make_alertmanager(
    start_alertmanager: Callable[..., Any], wait: Callable[..., Any], port: Callable[[], int]
) -> Callable[[], Alertmanager]:
    return lambda: Alertmanager(start_alertmanager, wait, port())


def alert_names(peer: Any) -> set[str]:
    return {alert["labels"]["alertname"] for message in peer.told() for alert in message["alerts"]}


def incident_of(service: Any, name: str) -> dict[str, Any] | None:
    return next((each for each in service.get("/api/v1/incidents") if name in each["title"]), None)


def ended(service: Any, name: str) -> bool:
    incident = incident_of(service, name)
    return incident is not None and incident["resolved_at"] is not None


def test_two_alertmanagers_that_post_the_same_make_one_incident_and_one_message(
    peer: Any, make_service: Callable[..., Any], make_alertmanager: Callable[[], Alertmanager], wait: Callable[..., Any]
) -> None:
    both = [make_alertmanager(), make_alertmanager()]
    addresses = {"ALERTMANAGER_URL": both[0].url, "ALERTMANAGER_PEERS": both[1].url}
    service = make_service(GENERIC_WEBHOOK_URL=f"{peer.url}/hook", **addresses, **SHORT)
    for number, alertmanager in enumerate(both):
        alertmanager.start(service.url).fire("A", "B", age=2 + number)
    wait(lambda: peer.told("analysed"), "the incident is analysed")
    posts = 'aiops_webhooks_total{status="200"} 2.0'
    wait(lambda: posts in service.get("/metrics"), f"both have posted\n{service.get('/metrics')}")
    for alertmanager in both:
        alertmanager.resolve("A", age=3)
        alertmanager.resolve("B", age=3)
    wait(lambda: peer.told("resolved"), "the end is told")
    time.sleep(3)
    assert [message["event"] for message in peer.told()] == ["opened", "analysed", "resolved"]
    (incident,) = service.get("/api/v1/incidents")
    assert len(service.get(f"/api/v1/incidents/{incident['id']}")["episodes"]) == 2


def test_every_alert_of_an_outage_is_there_afterwards(
    peer: Any, make_service: Callable[..., Any], make_alertmanager: Callable[[], Alertmanager], wait: Callable[..., Any]
) -> None:
    """Thirty seconds, with new alerts and new groups all the while."""
    alertmanager = make_alertmanager()
    service = make_service(GENERIC_WEBHOOK_URL=f"{peer.url}/hook", ALERTMANAGER_URL=alertmanager.url, **SHORT)
    alertmanager.start(service.url).fire("Before", group="before")
    wait(lambda: peer.told("opened"), "the first alert is told")
    service.kill()
    names = [f"During{number}" for number in range(30)]
    for number, name in enumerate(names):
        alertmanager.fire(name, group=f"g{number % 10}", age=0)
        time.sleep(1)
    service.start()
    wait(lambda: alert_names(peer) >= {"Before", *names}, "all are told")
    assert alert_names(peer) == {"Before", *names}


def test_what_fired_and_ended_while_we_were_down_is_found(
    peer: Any,
    make_service: Callable[..., Any],
    make_alertmanager: Callable[[], Alertmanager],
    start_program: Callable[..., Any],
    tmp_path: Path,
    port: Callable[[], int],
    wait: Callable[..., Any],
) -> None:
    alertmanager, prometheus, exporter = make_alertmanager(), port(), port()
    service = make_service(
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        ALERTMANAGER_URL=alertmanager.url,
        PROMETHEUS_URL=f"http://127.0.0.1:{prometheus}",
        **SHORT,
    )
    alertmanager.start(service.url)
    (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(exporter=exporter, alertmanager=alertmanager.port))
    (tmp_path / "rules.yml").write_text(RULES)
    arguments = ("--config.file=prometheus.yml", "--storage.tsdb.path=prom")
    start_program("prometheus", *arguments, f"--web.listen-address=127.0.0.1:{prometheus}")
    wait(lambda: peer.told("opened"), "the exporter, which does not run, is told")

    def start_exporter() -> Any:
        return start_program("prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{exporter}")

    running = start_exporter()
    wait(lambda: peer.told("resolved"), "its return is told")
    wait(lambda: not service.get("/api/v1/deliveries?state=pending"), "it is written down: else it may be told again")
    time.sleep(5)  # what returns within ALERTMANAGER_ADOPT_SECONDS is taken for the same alert
    service.kill()
    running.terminate()
    running.wait(10)
    wait(lambda: "InstanceDown" in alertmanager.listed(), "it fires")
    start_exporter()
    wait(lambda: "InstanceDown" not in alertmanager.listed(), "it is over")
    alertmanager.stop()  # else the post that it is still trying reaches us, and nothing was missed
    alertmanager.start(service.url)
    told = len(peer.told())
    service.start()

    def reconstructed() -> list[Any]:
        return [each for each in service.get("/api/v1/incidents") if each["reason"].startswith("reconstructed")]

    (incident,) = wait(reconstructed, f"it is found\n{service.log()[-2000:]}")
    (episode,) = service.get(f"/api/v1/incidents/{incident['id']}")["episodes"]
    assert episode["reconstructed"]
    assert len(peer.told()) == told


def test_what_max_alerts_cut_off_is_found_and_the_alerts_of_others_are_not_adopted(
    peer: Any, make_service: Callable[..., Any], make_alertmanager: Callable[[], Alertmanager], wait: Callable[..., Any]
) -> None:
    alertmanager = make_alertmanager()
    service = make_service(
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        ALERTMANAGER_URL=alertmanager.url,
        **{**SHORT, "ALERTMANAGER_ADOPT_SECONDS": "600"},  # so it is the count of what was left out that makes it look
    )
    alertmanager.start(service.url, other=f"{peer.url}/other", max_alerts=2)
    alertmanager.fire("Theirs", age=3600, team="other")
    alertmanager.fire("A", "B", "C", "D", "E")
    wait(lambda: alert_names(peer) >= set("ABCDE"), f"all five are told; {alert_names(peer)} are")
    assert peer.asked("/other")
    assert alert_names(peer) == set("ABCDE")


def test_each_named_source_is_reconciled_with_an_alertmanager_of_its_own(
    peer: Any,
    make_service: Callable[..., Any],
    make_alertmanager: Callable[[], Alertmanager],
    wait: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """What the one does not list is none of the other's business; what it never sent is found at each."""
    europe, asia = make_alertmanager(), make_alertmanager()
    (tmp_path / "aiops.yml").write_text(NAMED.format(europe=europe.url, asia=asia.url))
    service = make_service(
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        AIOPS_CONFIG=str(tmp_path / "aiops.yml"),
        AIOPS_SETTLE_SECONDS="1",
        ALERTMANAGER_ROUND_SECONDS="0.5",
    )
    europe.start(service.url, source="europe", max_alerts=1)
    asia.start(service.url, source="asia", max_alerts=1)
    for where, alertmanager in (("Eu", europe), ("Ap", asia)):
        alertmanager.fire(f"{where}Sent", f"{where}CutOff", group=where)
    names = {"EuSent", "EuCutOff", "ApSent", "ApCutOff"}
    wait(lambda: alert_names(peer) == names, lambda: f"all are told; {alert_names(peer)} are\n{service.log()[-3000:]}")
    europe.silence("EuSent")
    europe.silence("EuCutOff")
    for name in ("EuSent", "EuCutOff"):
        europe.resolve(name, group="Eu")

    def open_titles() -> set[str]:
        return {each["title"].split()[0][:2] for each in service.get("/api/v1/incidents") if not each["resolved_at"]}

    wait(lambda: open_titles() == {"Ap"}, "the end of Europe's, which is never sent, is seen")
    incidents = service.get("/api/v1/incidents")
    assert {each["source"] for each in incidents} == {"europe", "asia"}
    (still,) = [each for each in incidents if each["source"] == "asia"]
    assert still["resolved_at"] is None
    assert len(service.get(f"/api/v1/incidents/{still['id']}")["episodes"]) == 2


def test_one_that_ends_under_a_silence_is_closed_and_a_restart_of_alertmanager_closes_nothing(
    peer: Any, make_service: Callable[..., Any], make_alertmanager: Callable[[], Alertmanager], wait: Callable[..., Any]
) -> None:
    alertmanager = make_alertmanager()
    service = make_service(GENERIC_WEBHOOK_URL=f"{peer.url}/hook", ALERTMANAGER_URL=alertmanager.url, **SHORT)
    alertmanager.start(service.url)
    alertmanager.fire("Quiet", group="q")
    alertmanager.fire("Loud", group="l", age=2)
    wait(lambda: alert_names(peer) == {"Quiet", "Loud"}, "both are told")
    alertmanager.stop()
    alertmanager.start(service.url)
    time.sleep(2.5)  # it has forgotten both, and is too young to be believed; then Prometheus tells it again
    alertmanager.fire("Quiet", group="q")
    alertmanager.fire("Loud", group="l", age=5)
    time.sleep(6)
    assert not ended(service, "Quiet")
    assert not ended(service, "Loud")
    alertmanager.silence("Quiet")
    alertmanager.resolve("Quiet", group="q")
    wait(lambda: ended(service, "Quiet"), "its end, which is never sent, is seen")
    assert not ended(service, "Loud")
