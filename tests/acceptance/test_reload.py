"""SIGHUP: new settings for what comes next, nothing of what is under way is lost, and a wrong file changes nothing."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

FILE = """
log: {{level: {level}}}
prometheus: {{url: '{url}/{name}', timeout: 20}}
api: {{token_file: '{token}'}}
sources:
  - {{name: europe, match: ['cluster="eu"'], prometheus: {{url: '{url}/{name}-eu'}}}}
"""


def hangup(service: Any) -> None:
    assert service.process is not None
    os.kill(service.process.pid, signal.SIGHUP)


def posted(running: Any, webhook: Any, name: str, **labels: str) -> None:
    body = webhook(name, group=name)
    body["alerts"][0]["labels"].update(labels)
    assert running.post("/webhook/alerts", body)[0] == 200


def test_the_file_is_read_again_and_work_under_way_ends_as_it_began(
    tmp_path: Path, make_service: Callable[..., Any], peer: Any, webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    file, token = tmp_path / "aiops.yaml", tmp_path / "token"
    token.write_text("first")
    file.write_text(FILE.format(level="error", url=peer.url, name="old", token=token))
    service = make_service(AIOPS_CONFIG=str(file), GENERIC_WEBHOOK_URL=f"{peer.url}/hook")
    peer.delays["/old/api/v1/query"] = 3.0
    posted(service, webhook, "Slow")
    wait(lambda: peer.asked("/old/api/v1/query"), "the first analysis has begun")

    token.write_text("second")
    file.write_text(FILE.format(level="info", url=peer.url, name="new", token=token))
    hangup(service)
    wait(lambda: "settings reloaded" in service.log(), "the settings are read, the log's level among them")
    posted(service, webhook, "Next", cluster="eu", service="mail")
    told = wait(lambda: len(peer.told("analysed")) == 2 and peer.told("analysed"), "both are analysed")

    assert {message["analysis"]["alert_name"] for message in told} == {"Slow", "Next"}
    assert peer.asked("/new-eu/api/v1/query")
    assert not peer.asked("/old-eu")
    assert all("down" not in gap["reason"] for message in told for gap in message["analysis"]["gaps"])


def test_a_wrong_file_is_one_line_and_the_old_settings_stay(
    tmp_path: Path, make_service: Callable[..., Any], peer: Any, webhook: Callable[..., Any], wait: Callable[..., Any]
) -> None:
    file, token = tmp_path / "aiops.yaml", tmp_path / "token"
    token.write_text("t")
    file.write_text(FILE.format(level="info", url=peer.url, name="old", token=token))
    service = make_service(AIOPS_CONFIG=str(file), GENERIC_WEBHOOK_URL=f"{peer.url}/hook")
    file.write_text("prometheus: {ulr: x}\n")
    hangup(service)
    wait(lambda: "prometheus.ulr is no setting" in service.log(), "the error is logged")
    lines = [line for line in service.log().splitlines() if "not reloaded" in line]
    assert len(lines) == 1
    assert '"level": "error"' in lines[0]

    usual = FILE.format(level="info", url=peer.url, name="new", token=token)
    file.write_text(f"{usual}oidc: {{issuer: 'https://idp.example.com'}}\n")
    hangup(service)
    wait(lambda: service.log().count("not reloaded") == 2, "what the doors lack is known before any part is replaced")
    assert "OIDC_ISSUER needs OIDC_CLIENT_ID" in service.log()

    file.write_text(FILE.format(level="info", url=peer.url, name="old", token=token) + "database: {url: sqlite://}\n")
    hangup(service)
    wait(lambda: "DATABASE_URL" in service.log(), "what needs a restart is named")
    posted(service, webhook, "Later")
    wait(lambda: peer.told("analysed"), "the service still works")
    assert peer.asked("/old/api/v1/query")


def test_new_credentials_hold_at_once(
    tmp_path: Path, make_service: Callable[..., Any], peer: Any, wait: Callable[..., Any]
) -> None:
    file, token = tmp_path / "aiops.yaml", tmp_path / "token"
    token.write_text("first")
    file.write_text(FILE.format(level="info", url=peer.url, name="a", token=token))
    service = make_service(AIOPS_CONFIG=str(file))

    def accepts(given: str) -> bool:
        headers = {"Authorization": f"Bearer {given}"}
        return httpx2.get(f"{service.url}/queue/status", headers=headers, verify=False).status_code == 200

    assert [accepts("first"), accepts("second")] == [True, False]
    token.write_text("second")
    hangup(service)
    wait(lambda: accepts("second"), "the new token is taken")
    assert not accepts("first")
