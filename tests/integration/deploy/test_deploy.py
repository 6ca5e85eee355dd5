"""What is shipped for Docker and systemd, looked at by the programs that read it, as far as they can be had here.

There is no Docker daemon, no Loki, no Alloy and no Grafana to run it with: docs/how-to/docker.md says so.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aiops_processor import config
from aiops_processor.telemetry import Metrics

TOP = Path(__file__).resolve().parents[3]
COMPOSE = TOP / "deploy" / "compose"
RULES = (COMPOSE / "prometheus" / "rules" / "services.yml", TOP / "deploy" / "prometheus" / "aiops.yml")


def run(name: str, *arguments: str | Path, folder: Path | None = None) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"needs the program {name}")
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, cwd=folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = read(COMPOSE / "compose.yaml")["services"]
    return found


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    """The files of Prometheus as they lie in its container, below a folder of the test."""
    shutil.copytree(COMPOSE / "prometheus" / "rules", tmp_path / "etc" / "prometheus" / "rules")
    shutil.copytree(TOP / "deploy" / "prometheus", tmp_path / "etc" / "prometheus" / "aiops")
    (tmp_path / "run" / "secrets").mkdir(parents=True)
    (tmp_path / "run" / "secrets" / "api_token").write_text("t")
    text = (COMPOSE / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    moved = re.sub(r"(?<![\w/])/(etc|run)/", rf"{tmp_path}/\1/", text)
    (tmp_path / "prometheus.yml").write_text(moved)
    return tmp_path


def test_prometheus_takes_its_configuration_with_all_of_its_rules(placed: Path) -> None:
    said = run("promtool", "check", "config", placed / "prometheus.yml")
    assert said.count("rules found") == len(RULES)


def test_alertmanager_takes_its_configuration() -> None:
    assert "SUCCESS" in run("amtool", "check-config", COMPOSE / "alertmanager" / "alertmanager.yml")


def test_each_shipped_alert_fires_with_the_label_of_its_logs_and_none_without_a_reason(tmp_path: Path) -> None:
    for path in (*RULES, Path(__file__).parent / "rules_test.yml"):
        shutil.copy(path, tmp_path)
    assert "SUCCESS" in run("promtool", "test", "rules", "rules_test.yml", folder=tmp_path)


def test_every_shipped_alert_is_among_those_that_are_tested() -> None:
    shipped = {rule["alert"] for path in RULES for group in read(path)["groups"] for rule in group["rules"]}
    assert shipped == {name for name, _ in fired()}


def fired() -> list[tuple[str, str]]:
    """(alert, service) of all that fire in the rules' own test."""
    first = read(Path(__file__).parent / "rules_test.yml")["tests"][0]
    (asked,) = first["promql_expr_test"]
    found = [re.findall(r'(\w+)="([^"]*)"', each["labels"]) for each in asked["exp_samples"]]
    return [(labels["alertname"], labels["service"]) for labels in map(dict, found)]


def test_the_shipped_alerts_find_the_shipped_logs(services: dict[str, Any]) -> None:
    """The label `service` of every alert is the one that Alloy puts on the lines of a container of compose.yaml."""
    shipped = {relabelled(name)["service"] for name in services}
    assert shipped == set(services)
    assert {service for _, service in fired()} <= shipped
    targets = [
        each
        for job in read(COMPOSE / "prometheus" / "prometheus.yml")["scrape_configs"]
        for each in job["static_configs"]
    ]
    assert {target["labels"]["service"] for target in targets} <= shipped
    assert relabelled("", name="alone")["service"] == "alone", "a container outside of compose is its own service"


def relabelled(service: str, name: str = "") -> dict[str, str]:
    """The labels that Alloy's rules make of a container, by its documentation: replace is what a rule does."""
    labels = {
        "__meta_docker_container_name": f"/{name or f'aiops-{service}-1'}",
        "__meta_docker_container_log_stream": "stdout",
        "__meta_docker_container_label_com_docker_compose_service": service,
    }
    text = (COMPOSE / "alloy" / "config.alloy").read_text(encoding="utf-8")
    rules = re.findall(r"rule \{(.*?)\n  \}", text, re.DOTALL)
    assert len(rules) == text.count("rule {")
    for rule in rules:
        given = dict(re.findall(r'(\w+)\s*=\s*\[?"([^"]*)"\]?', rule))
        assert set(given) <= {"source_labels", "regex", "target_label"}, "nothing that this does not know"
        found = re.fullmatch(given.get("regex", "(.*)"), labels.get(given["source_labels"], ""))
        if found:
            labels[given["target_label"]] = found[1]
    return {key: value for key, value in labels.items() if not key.startswith("__")}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.override.yaml"])
def test_the_compose_files_are_what_the_compose_specification_says(name: str) -> None:
    checker = Path(config.__file__).parents[2] / ".venv" / "bin" / "check-jsonschema"
    run(
        str(checker) if checker.exists() else "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        COMPOSE / name,
    )


def test_every_service_has_limits_rotated_logs_and_a_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert name == "aiops-processor" or re.search(r":v?\d", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_the_model_that_the_page_pulls_is_one_that_this_ollama_knows(services: dict[str, Any]) -> None:
    page = (TOP / "docs" / "how-to" / "docker.md").read_text(encoding="utf-8")
    assert re.findall(r"ollama pull (\S+)", page) == ["qwen3:8b"]
    version = services["ollama"]["image"].partition(":")[2]
    assert tuple(map(int, version.split("."))) >= (0, 6, 6), "older ones answer 412 to it"


def test_every_volume_secret_and_file_of_the_compose_file_is_there(services: dict[str, Any], tmp_path: Path) -> None:
    whole = read(COMPOSE / "compose.yaml")
    shutil.copy(COMPOSE / "secrets.sh", tmp_path)
    subprocess.run(["sh", tmp_path / "secrets.sh"], check=True)
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert {each["file"] for each in whole["secrets"].values()} == {f"./secrets/{name}" for name in made}
    token = (tmp_path / "secrets" / "api_token").read_text()
    assert re.fullmatch("[0-9a-f]{48}", token)
    subprocess.run(["sh", tmp_path / "secrets.sh"], check=True)
    assert (tmp_path / "secrets" / "api_token").read_text() == token, "what is there stays"
    for service in services.values():
        assert set(service.get("secrets", [])) <= set(whole["secrets"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if not source.startswith((".", "/")):
                assert source in whole["volumes"]
            elif source.startswith("."):
                assert (COMPOSE / source).exists(), source


def test_the_processor_is_given_settings_that_exist(services: dict[str, Any]) -> None:
    known = {name for name, _ in config.variables()} | {f"{name}_FILE" for name, secret in config.variables() if secret}
    assert set(services["aiops-processor"]["environment"]) <= known
    override = read(COMPOSE / "compose.override.yaml")["services"]["aiops-processor"]
    assert set(override["environment"]) - {"PYTHONPATH"} <= known
    assert "--reload" in override["command"]


def test_the_rules_about_ourselves_ask_for_metrics_that_we_have() -> None:
    ours = {line.split()[2] for line in Metrics().exposition().decode().splitlines() if line.startswith("# TYPE")}
    asked = set(re.findall(r"\baiops_\w+", (TOP / "deploy" / "prometheus" / "aiops.yml").read_text(encoding="utf-8")))
    assert asked
    assert asked - {"aiops_processor"} <= ours


def test_the_image_is_slim_runs_the_wheel_alone_and_is_not_root() -> None:
    stages = (TOP / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")
    final = stages[-1]
    assert final.startswith("python:3.12-slim\n")
    copied = re.findall(r"^COPY (.+)$", final, re.MULTILINE)
    assert copied == ["--from=build /opt/aiops /opt/aiops"], "nothing of the source"
    assert "--require-hashes -r requirements.txt" in stages[1]
    assert re.search(r"^USER 10001$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    allowed = {line[1:] for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    wanted = {path for line in re.findall(r"^COPY ([^-].*) \S+$", stages[1], re.MULTILINE) for path in line.split()}
    assert wanted == allowed
    assert all((TOP / path).exists() for path in wanted)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = (TOP / "deploy" / "systemd" / "aiops-processor.service").read_text(encoding="utf-8")
    unit = tmp_path / "aiops-processor.service"
    unit.write_text(text.replace("/opt/aiops/bin/aiops", "/bin/true"))
    run("systemd-analyze", "verify", unit)
    section = text.split("[Service]")[1]
    known = {name for name, _ in config.variables()} | {f"{name}_FILE" for name, secret in config.variables() if secret}
    named = {
        each.split("=")[0] for line in re.findall(r"^Environment=(.*)$", section, re.MULTILINE) for each in line.split()
    }
    assert named - {config.FILE_VARIABLE} <= known
