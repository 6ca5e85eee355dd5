"""The whole story with the real programs: an exporter dies, Prometheus notices, Alertmanager posts, people are told."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROMETHEUS_YML = """
global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{cluster: test}}}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]
"""
RULES_YML = """
groups:
  - name: test
    rules:
      - alert: InstanceDown
        expr: up{job="node"} == 0
        for: 1s
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.instance }} does not answer"}
      - alert: Watchdog
        expr: vector(1)
"""
ALERTMANAGER_YML = """
route: {{receiver: aiops, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}}
receivers:
  - name: aiops
    webhook_configs: [{{url: "{url}/webhook/alerts", send_resolved: true}}]
"""


def test_a_dead_exporter_is_reported_and_its_return_too(
    tmp_path: Path,
    peer: Any,
    make_service: Callable[..., Any],
    start_program: Callable[..., Any],
    start_alertmanager: Callable[..., Any],
    port: Callable[[], int],
    wait: Callable[..., Any],
) -> None:
    ports = {"exporter": port(), "alertmanager": port(), "prometheus": port()}
    service = make_service(
        PROMETHEUS_URL=f"http://127.0.0.1:{ports['prometheus']}",
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        AIOPS_SETTLE_SECONDS="1",
    )
    exporter = start_exporter(start_program, ports["exporter"])
    start_alertmanager(ports["alertmanager"], ALERTMANAGER_YML.format(url=service.url))
    start_prometheus(start_program, tmp_path, ports)
    wait(lambda: "healthy" in str(service.get("/health")), "the service sees Prometheus")
    wait(lambda: scraped(ports), "Prometheus has scraped the exporter")

    exporter.terminate()
    exporter.wait(10)
    (opened,) = wait(lambda: peer.told("opened"), "the alert is told")
    assert opened["alerts"][0]["labels"]["alertname"] == "InstanceDown"
    (analysed,) = wait(lambda: peer.told("analysed"), "the analysis is told")
    instance = f"127.0.0.1:{ports['exporter']}"
    assert analysed["analysis"]["alert_name"] == "InstanceDown"
    assert any(
        instance in statement["statement"] or instance in analysed["analysis"]["summary"]
        for statement in analysed["analysis"]["evidence"]
    )
    assert any("Loki" in gap["reason"] or gap["source"] == "loki" for gap in analysed["analysis"]["gaps"])

    start_exporter(start_program, ports["exporter"])
    wait(lambda: peer.told("resolved"), "the resolve is told")
    (incident,) = service.get("/api/v1/incidents")  # the Watchdog made none
    assert incident["state"] == "resolved"


def test_an_alert_that_fired_while_we_were_away_is_found(
    peer: Any,
    make_service: Callable[..., Any],
    start_alertmanager: Callable[..., Any],
    port: Callable[[], int],
    wait: Callable[..., Any],
) -> None:
    """Alertmanager posts a first alert, we end, a second one fires and is posted in vain; started again we find it."""
    ports = {"exporter": port(), "alertmanager": port(), "prometheus": port()}
    service = make_service(
        ALERTMANAGER_URL=f"http://127.0.0.1:{ports['alertmanager']}", GENERIC_WEBHOOK_URL=f"{peer.url}/hook"
    )
    start_alertmanager(ports["alertmanager"], ALERTMANAGER_YML.format(url=service.url))
    tell(ports, wait, "First", age=3600)
    wait(lambda: peer.told("opened"), "the first alert is told")
    wait(lambda: not service.get("/api/v1/deliveries?state=pending"), "it is written down: else it may be told again")
    service.kill()
    tell(ports, wait, "Second", age=3600)
    wait(lambda: posted_in_vain(ports), "Alertmanager failed to post")
    service.start()
    wait(lambda: {"First", "Second"} <= names(peer), "the second alert is told")
    told = [alert["labels"]["alertname"] for message in peer.told("opened") for alert in message["alerts"]]
    assert sorted(told) == ["First", "Second"], "each once"


def names(peer: Any) -> set[str]:
    return {alert["labels"]["alertname"] for message in peer.told("opened") for alert in message["alerts"]}


def tell(ports: dict[str, int], wait: Callable[..., Any], name: str, age: float) -> None:
    """Put an alert into Alertmanager, as Prometheus would."""
    starts = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
    body = json.dumps([{"labels": {"alertname": name, "service": name}, "startsAt": starts}]).encode()
    url = f"http://127.0.0.1:{ports['alertmanager']}/api/v2/alerts"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})

    def sent() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status == 200
        except OSError:
            return False

    wait(sent, "Alertmanager takes the alert")


def posted_in_vain(ports: dict[str, int]) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{ports['alertmanager']}/metrics", timeout=5) as response:
        lines = response.read().decode().splitlines()
    failed = [line for line in lines if line.startswith("alertmanager_notification_requests_failed_total")]
    return any("webhook" in line and float(line.split()[-1]) > 0 for line in failed)


def start_exporter(start_program: Callable[..., Any], port: int) -> Any:
    return start_program("prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}")


def start_prometheus(start_program: Callable[..., Any], folder: Path, ports: dict[str, int]) -> None:
    (folder / "prometheus.yml").write_text(PROMETHEUS_YML.format(**ports))
    (folder / "rules.yml").write_text(RULES_YML)
    start_program(
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=prom",
        f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
    )


def scraped(ports: dict[str, int]) -> bool:
    url = f"http://127.0.0.1:{ports['prometheus']}/api/v1/query?query=count_over_time(up[30s])"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            result = json.load(response)["data"]["result"]
    except OSError:
        return False
    return bool(result) and float(result[0]["value"][1]) >= 5
