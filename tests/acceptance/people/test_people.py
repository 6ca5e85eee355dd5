"""The whole story as people see it: a real Alertmanager, and servers that speak as Slack, PagerDuty and mail do."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

ALERTMANAGER_YML = """
route: {{receiver: aiops, group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}}
receivers:
  - name: aiops
    webhook_configs: [{{url: "{url}/webhook/alerts", send_resolved: true}}]
"""


def test_one_slack_message_one_page_and_a_thread_of_three_mails(
    story: Any,
    make_service: Callable[..., Any],
    start_alertmanager: Callable[..., Any],
    port: Callable[[], int],
    wait: Callable[..., Any],
) -> None:
    people, mails = story.people, story.mails
    service = make_service(**story.settings, AIOPS_EXTERNAL_URL="https://aiops.example")
    alertmanager = port()
    start_alertmanager(alertmanager, ALERTMANAGER_YML.format(url=service.url))
    wait(lambda: tell(alertmanager, "HighErrorRate"), "Alertmanager takes the alert")
    wait(lambda: [m for m in people.messages.values() if "🔎" in m[-1]], lambda: f"the analysis\n{service.log()}")
    wait(lambda: len(mails.mails) == 2, "the analysis comes by mail")
    wait(lambda: len(people.events) == 2, "and to PagerDuty")
    assert tell(alertmanager, "HighErrorRate", ends=time.time())
    wait(lambda: len(mails.mails) == 3, lambda: f"the end comes by mail\n{service.log()}")
    wait(lambda: people.events[-1]["event_action"] == "resolve", "and to PagerDuty")
    wait(lambda: people.replies, "and into Slack's thread")

    story.check()
    (said,) = people.messages.values()
    assert [text[0] for text in said] == ["🔴", "🔎", "🟢"], "one message, edited twice"
    assert len(mails.mails) == 3
    assert people.events[0]["links"][0]["href"] == "https://aiops.example/incidents/1"


def test_a_kill_between_sending_and_writing_it_down_costs_at_most_one_repeat(
    people: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**people.settings)
    people.holding = "/v2/enqueue"
    assert service.post("/webhook/alerts", webhook("HighErrorRate"))[0] == 200
    wait(lambda: people.events, "PagerDuty has the page, and the service does not know")
    wait(lambda: [m for m in people.messages.values() if "🔎" in m[-1]], "Slack does not wait for it")
    service.kill()
    people.holding = ""
    service.start()
    wait(lambda: len(people.events) >= 3, lambda: f"the page again, and the analysis\n{service.log()}")
    people.holding = "chat.update"
    updates = sum("chat.update" in path for path in people.asked)
    assert service.post("/webhook/alerts", webhook("HighErrorRate", status="resolved"))[0] == 200
    wait(lambda: sum("chat.update" in path for path in people.asked) > updates, "Slack has the edit")
    service.kill()
    people.holding = ""
    service.start()
    wait(lambda: people.replies, lambda: f"the end stands in the thread\n{service.log()}")
    wait(lambda: people.events[-1]["event_action"] == "resolve", "and in PagerDuty")
    wait(lambda: service.get("/queue/status")["queue_size"] == 0, "all is told")
    ((ts, said),) = people.messages.items()
    assert len(people.replies[ts]) == 1
    assert said[-1].startswith("🟢")
    assert len({event["dedup_key"] for event in people.events}) == 1
    assert [event["event_action"] for event in people.events][:3] == ["trigger"] * 3, "one repeat, which it drops"
    assert len(people.events) <= 5


def tell(port: int, name: str, ends: float | None = None) -> bool:
    """Put an alert into Alertmanager, as Prometheus would; False where it does not answer yet."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
    alert: dict[str, Any] = {
        "labels": {"alertname": name, "severity": "critical", "service": "checkout"},
        "annotations": {"summary": "It fails"},
        "startsAt": at,
    }
    if ends is not None:
        alert["endsAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts", json.dumps([alert]).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False
