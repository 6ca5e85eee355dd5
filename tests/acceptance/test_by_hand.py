"""What a person does by hand: the script, the command line, the guide's own example."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiops_processor import Alert, AlertAnalyzer, AnalysisResult
from aiops_processor.web.examples import ALERT, WEBHOOK

TOP = Path(__file__).resolve().parents[2]


def aiops(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AIOPS_DATA_DIR": str(folder / "data"), **settings}
    command = [sys.executable, "-m", "aiops_processor", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, cwd=TOP)


def test_the_script_passes_on_a_service_that_works(make_service: Callable[..., Any], peer: Any) -> None:
    service = make_service(PROMETHEUS_URL=peer.url)
    ran = subprocess.run([TOP / "test-alert.sh", service.url], capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["alert_name"] == "HighCPUUsage"


def test_the_script_fails_when_the_system_fails(port: Callable[[], int]) -> None:
    ran = subprocess.run([TOP / "test-alert.sh", f"http://127.0.0.1:{port()}"], capture_output=True, timeout=180)
    assert ran.returncode == 1
    assert b"does not answer" in ran.stderr


def test_the_examples_of_the_api_are_taken(make_service: Callable[..., Any], wait: Callable[..., Any]) -> None:
    service = make_service()
    assert service.post("/webhook/alerts", WEBHOOK)[0] == 200
    for body in (ALERT, WEBHOOK, {k: v for k, v in ALERT.items() if k != "status"}):
        status, result = service.post("/analyze?notify=false", body)
        assert status == 200
        assert AnalysisResult.model_validate(result).alert_name == "HighErrorRate"

    def incidents() -> list[bool]:
        return sorted(incident["manual"] for incident in service.get("/api/v1/incidents"))

    # A webhook is grouped after it is answered.
    wait(lambda: incidents() == [False, True, True, True], lambda: f"one incident of the webhook: {incidents()}")


def test_analyze_prints_the_report_in_each_format(tmp_path: Path, peer: Any) -> None:
    for form in ("text", "markdown", "json"):
        ran = aiops("analyze", "test_alert.json", "--format", form, folder=tmp_path, PROMETHEUS_URL=peer.url)
        assert ran.returncode == 0, ran.stderr
        assert "HighCPUUsage" in ran.stdout
    assert json.loads(ran.stdout)


def test_a_dry_run_prints_queries_evidence_and_prompt_and_asks_no_model(tmp_path: Path, peer: Any) -> None:
    settings = {"PROMETHEUS_URL": peer.url, "DEEPSEEK_API_KEY": "sk-x", "LLM_BASE_URL": f"{peer.url}/llm"}
    ran = aiops("analyze", "test_alert.json", "--dry-run", folder=tmp_path, **settings)
    assert ran.returncode == 0, ran.stderr
    assert all(f"=== {title} ===" in ran.stdout for title in ("QUERIES", "EVIDENCE", "PROMPT"))
    assert peer.asked("/llm") == 0
    assert peer.asked("/api") > 0


def test_analyze_names_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"status": "firing", "labels": {"alertname": 7}, "startsAt": "2026-01-31T12:00:00Z"}')
    ran = aiops("analyze", str(bad), folder=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.startswith("aiops: alerts.0.labels.alertname")
    assert aiops("analyze", "nowhere.json", folder=tmp_path).stderr.startswith("aiops: nowhere.json cannot be read")


def test_a_port_that_is_taken_is_one_line_with_the_remedy(tmp_path: Path, peer: Any) -> None:
    taken = peer.url.rpartition(":")[2]
    serving = aiops("serve", folder=tmp_path, API_PORT=taken)
    assert serving.returncode == 1
    (line,) = serving.stderr.splitlines()
    assert line.startswith(f"aiops: API_HOST and API_PORT: nobody can listen at 127.0.0.1:{taken} (")
    assert "choose another port" in line
    demo = aiops("demo", "--once", "--port", taken, folder=tmp_path)
    assert (demo.returncode, len(demo.stderr.splitlines())) == (1, 1), demo.stderr
    assert "name another with --port" in demo.stderr


def test_check_names_each_misconfiguration_with_its_remedy(tmp_path: Path, peer: Any, port: Callable[[], int]) -> None:
    ran = aiops("check", folder=tmp_path, LOKI_URL=f"http://127.0.0.1:{port()}", API_HOST="0.0.0.0")
    assert ran.returncode == 1
    for words in ("PROMETHEUS_URL is not set", "LOKI_URL: loki", "set API_TOKEN", "SLACK_WEBHOOK_URL", "send_resolved"):
        assert words in ran.stdout, words
    enough = aiops("check", folder=tmp_path, PROMETHEUS_URL=peer.url)
    assert enough.returncode == 0, "channels, a model and Loki may be missing"
    for words in ("! no channel is configured", "! LOKI_URL is not set", "! DEEPSEEK_API_KEY is not set"):
        assert words in enough.stdout, words
    assert "continue: true" in enough.stdout, "pasted, it leaves the other routes as they are"
    fine = aiops(
        "check",
        folder=tmp_path,
        PROMETHEUS_URL=peer.url,
        LOKI_URL=peer.url,
        DEEPSEEK_API_KEY="sk-secret",
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        API_TOKEN="sk-hunter2",
        API_SIGNING_SECRET="8d7c0b1f6a5e4d3c2b1a",
    )
    assert fine.returncode == 0, fine.stdout
    assert "API_TOKEN has 10 characters" in fine.stdout
    assert "API_SIGNING_SECRET has" not in fine.stdout
    assert "sk-" not in fine.stdout
    assert peer.asked("/hook") == 0


def test_check_names_what_is_wrong_in_the_plugins_folder_and_goes_on_and_writes_nothing(
    tmp_path: Path, peer: Any
) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "shop.yaml").write_text("pack: shop\nqueries: [{name: a, expr: 'sum(('}]\n")
    settings = {"PLUGINS_FOLDER": str(folder), "PROMETHEUS_URL": peer.url, "DEEPSEEK_API_KEY": "sk-x"}
    ran = aiops("check", folder=tmp_path, **settings)
    assert "✗ query pack shop.yaml: " in ran.stdout
    (folder / "wrong.py").write_text("from aiops_processor.plugins import plugin\n@plugin('filter')\ndef f(a): ...\n")
    ran = aiops("check", folder=tmp_path, **settings)
    assert ran.stdout.count("wrong.py: filter f: takes (a); the right form is") == 1
    assert "✓ prometheus answers" in ran.stdout
    assert "send_resolved" in ran.stdout
    assert not (tmp_path / "data").exists()


def test_check_asks_postgresql_and_leaves_the_data_directory_alone(tmp_path: Path, postgresql: Any) -> None:
    address = postgresql.database()
    ran = aiops("check", folder=tmp_path, DATABASE_URL=address)
    assert "✓ database aiops_" in ran.stdout
    assert "for example LOKI_URL=http://localhost:3100" in ran.stdout
    assert not (tmp_path / "data").exists()
    for wrong, remedy in ((address.replace("aiops_", "nowhere_"), "create the database"), ("mysql://x/y", "expected")):
        ran = aiops("check", folder=tmp_path, DATABASE_URL=wrong)
        assert ran.returncode == 1
        (line,) = [line for line in ran.stdout.splitlines() if "DATABASE_URL" in line]
        assert line.startswith("✗ DATABASE_URL: ")
        assert remedy in line


def test_check_sends_a_test_alert_the_whole_way(make_service: Callable[..., Any], peer: Any, tmp_path: Path) -> None:
    settings = {"PROMETHEUS_URL": peer.url, "GENERIC_WEBHOOK_URL": f"{peer.url}/hook"}
    service = make_service(**settings)
    ran = aiops("check", "--send-test-alert", folder=tmp_path, API_PORT=str(service.port), **settings)
    assert "the test alert became incident 1 (analysed), and was resolved" in ran.stdout, ran.stdout
    assert {message["event"] for message in peer.told()} >= {"opened", "analysed"}


ALERTMANAGER_YML = """
route: {{receiver: {receiver}, group_by: [alertname], group_wait: 100ms, group_interval: 1s}}
receivers:
  - name: elsewhere
  - name: aiops
    webhook_configs: [{{url: "{url}/webhook/alerts", send_resolved: true}}]
"""


@pytest.mark.parametrize("receiver", ["aiops", "elsewhere"])
def test_check_sends_a_test_alert_through_alertmanager(
    receiver: str,
    make_service: Callable[..., Any],
    peer: Any,
    tmp_path: Path,
    start_alertmanager: Callable[..., Any],
    port: Callable[[], int],
    wait: Callable[..., Any],
) -> None:
    service = make_service(PROMETHEUS_URL=peer.url)
    place = port()
    start_alertmanager(place, ALERTMANAGER_YML.format(receiver=receiver, url=service.url))
    alertmanager = f"127.0.0.1:{place}"
    settings = {"PROMETHEUS_URL": peer.url, "ALERTMANAGER_URL": f"http://{alertmanager}"}
    check = ["check", "--send-test-alert", "--wait", "8"]
    wait(lambda: "alertmanager answers" in aiops("check", folder=tmp_path, **settings).stdout, "it is up")
    ran = aiops(*check, folder=tmp_path, API_PORT=str(service.port), **settings)
    if receiver == "aiops":
        assert "the test alert went through Alertmanager and became incident 1" in ran.stdout, ran.stdout
        wait(lambda: service.get("/api/v1/incidents")[0]["state"] == "resolved", "the resolve came too")
    else:
        assert "tells elsewhere, but it did not come to" in ran.stdout, ran.stdout
        assert f"http://{alertmanager}/#/alerts?silenced=true" in ran.stdout


def test_migrate_says_what_it_did(tmp_path: Path) -> None:
    assert "went from nothing, now at" in aiops("migrate", folder=tmp_path).stdout
    assert "was up to date, now at" in aiops("migrate", folder=tmp_path).stdout


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    ran = aiops("serve", folder=tmp_path, API_PORT="many")
    assert ran.returncode == 1
    assert ran.stderr.startswith("aiops: API_PORT")
    assert len(ran.stderr.splitlines()) == 1
    ran = aiops("serve", folder=tmp_path, LLM_PROVIDER="skynet", LLM_BASE_URL="http://127.0.0.1:9")
    assert ran.stderr == "aiops: no model is called 'skynet'; known: anthropic, deepseek, ollama, openai\n"


@pytest.mark.anyio
async def test_the_guides_own_test(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROMETHEUS_URL", "LOKI_URL", "DEEPSEEK_API_KEY", "LLM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    analyzer = AlertAnalyzer()
    alert = Alert(
        status="firing",
        labels={"alertname": "TestAlert"},
        annotations={"summary": "Test"},
        startsAt="2025-10-16T10:00:00Z",
        endsAt="",
        generatorURL="http://test",
        fingerprint="test123",
    )
    result = await analyzer.analyze_alert(alert)
    assert result is not None
    assert result.alert_name == "TestAlert"
    results = await analyzer.batch_analyze_alerts([alert, alert])
    assert [one.alert_name for one in results if isinstance(one, AnalysisResult)] == ["TestAlert", "TestAlert"]
    await analyzer.aclose()


def test_the_demo_names_what_changed_and_where(tmp_path: Path) -> None:
    ran = aiops("demo", "--once", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    top = ran.stdout.split("CHANGED MOST")[1].split("CHECKED AND HEALTHY")[0]
    assert "payments" in top
    assert "certificate" in ran.stdout
    assert "incident 1 is resolved" in ran.stdout
