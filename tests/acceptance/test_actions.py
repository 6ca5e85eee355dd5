"""Actions of the real process: approved with a credential, killed in the middle, and never done twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACTIONS = """
actions:
  - {{name: ticket, kind: jira, on: [analysed, resolved], dry_run: false, options: {{url: "{url}/jira", project: OPS}}}}
  - name: restart
    kind: webhook
    dry_run: false
    approvers: [this machine]
    options: {{url: "{url}/restart/s3cret-path"}}
  - {{name: rehearsal, kind: webhook, options: {{url: "{url}/rehearsal"}}}}
"""


def test_a_kill_in_the_middle_of_an_action_neither_repeats_nor_loses_it(
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
    tmp_path: Path,
) -> None:
    (tmp_path / "aiops.yaml").write_text(ACTIONS.format(url=peer.url))
    create, search, comment = (f"/jira/rest/api/2/{path}" for path in ("issue", "search/jql", "issue/OPS-1/comment"))
    peer.delays[create] = peer.delays["/restart"] = 300
    service = make_service(PROMETHEUS_URL=peer.url, AIOPS_CONFIG=str(tmp_path / "aiops.yaml"))
    assert service.post("/webhook/alerts", webhook("HighErrorRate"))[0] == 200

    def states() -> dict[str, str]:
        return {each["name"]: each["state"] for each in service.get("/api/v1/incidents/1")["actions"]}

    wait(lambda: peer.asked(create) and states().get("restart") == "waiting", f"the actions begin\n{service.log()}")
    assert states() == {"ticket": "running", "restart": "waiting", "rehearsal": "dry run"}
    assert service.post("/api/v1/incidents/1/actions/restart/approve", {})[0] == 200
    wait(lambda: peer.asked("/restart"), "what was approved begins")
    service.kill()

    # The tracker had taken the first ticket; whether the restart was done nobody can tell.
    peer.delays.clear()
    peer.answers[search] = {"issues": [{"id": "1", "key": "OPS-1"}]}
    peer.answers[comment] = {"comments": []}
    service.start()
    wait(lambda: states()["ticket"] == "done" and states()["restart"] == "unknown", lambda: f"{states()}")
    assert service.post("/webhook/alerts", webhook("HighErrorRate", status="resolved"))[0] == 200
    wait(lambda: peer.asked(comment), lambda: f"the ticket is commented on: {states()}")
    wait(lambda: [each["state"] for each in detail(service)["actions"]].count("done") == 2, "both are written down")
    assert (peer.asked(create) - peer.asked(comment), peer.asked("/restart"), peer.asked("/rehearsal")) == (1, 1, 0)

    lines = [each["text"] for each in detail(service)["timeline"] if each["kind"] == "action"]
    assert "ticket: created OPS-1" in lines
    assert "ticket: commented on OPS-1" in lines
    assert "restart: approved by this machine" in lines
    assert any(line.startswith("restart: not known: perhaps done") for line in lines)
    audited = {(each["actor"], each["action"]) for each in service.get("/api/v1/audit")}
    assert ("this machine", "action: approved by this machine") in audited
    told = json.dumps([detail(service), service.get("/api/v1/audit")]) + service.log()
    assert "s3cret-path" not in told
    assert "not known" in service.get("/incidents/1")


def detail(service: Any) -> Any:
    return service.get("/api/v1/incidents/1")
