"""`aiops serve` and `aiops worker` on one PostgreSQL: work is shared, and nobody's death loses any."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def settings(peer: Any, postgresql: Any) -> dict[str, str]:
    return {
        "DATABASE_URL": postgresql.database(),
        "PROMETHEUS_URL": peer.url,
        "LLM_PROVIDER": "deepseek",
        "LLM_BASE_URL": f"{peer.url}/llm",
        "DEEPSEEK_API_KEY": "sk-test",
        "GENERIC_WEBHOOK_URL": f"{peer.url}/hook",
    }


def on(service_name: str, hook: dict[str, Any]) -> dict[str, Any]:
    """The same webhook about another service, so that it is an incident of its own."""
    for alert in hook["alerts"]:
        alert["labels"]["service"] = service_name
    return hook


def told(peer: Any) -> set[str]:
    messages = peer.told("analysed")
    return {alert["labels"]["alertname"] for message in messages for alert in message["alerts"]}


def test_the_work_of_a_worker_that_is_killed_for_good_is_taken_over(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    server = make_service(**settings, AIOPS_SETTLE_SECONDS="4")
    first = make_service("worker", **settings)
    peer.delays["/api/v1"] = 60
    assert server.post("/webhook/alerts", webhook("HighErrorRate"))[0] == 200
    server.stop()  # so that it is the worker that takes the analysis
    wait(lambda: peer.asked("/api/v1/"), "the worker gathers evidence")
    make_service("worker", **settings)
    first.kill()
    peer.delays.clear()
    wait(lambda: told(peer) == {"HighErrorRate"}, f"the other worker goes on\n{first.log()}")
    for event in ("opened", "analysed"):
        assert len({message["key"] for message in peer.told(event)}) == 1
        assert len(peer.told(event)) <= 2


def test_a_server_and_a_worker_share_the_work(
    peer: Any,
    postgresql: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    """And what a process that is told to end leaves behind is taken over."""
    empty = {**settings, "DATABASE_URL": postgresql.empty_database()}  # only one of them may make the tables
    with ThreadPoolExecutor() as at_once:
        server, worker = at_once.map(lambda command: make_service(command, **empty), ("serve", "worker"))
    peer.delays["/api/v1"] = 1
    names = {f"Alert{number}" for number in range(12)}
    for name in names:
        hook = on(name, webhook(name, group=f"of {name}"))
        assert server.post("/webhook/alerts", hook)[0] == 200
    wait(lambda: peer.told("analysed"), "the first are analysed")
    worker.stop()
    wait(lambda: told(peer) == names, f"all are analysed and told\n{server.log()[-3000:]}")
    wait(lambda: server.get("/queue/status")["queue_size"] == 0, "nothing is left to do")
    states = {incident["state"] for incident in server.get("/api/v1/incidents?limit=200")}
    assert states == {"analysed"}


def test_all_together_ask_prometheus_no_more_at_once_than_is_configured(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    bounded = {**settings, "MAX_QUERIES": "4", "ALERTMANAGER_ROUND_SECONDS": "3600"}
    with ThreadPoolExecutor() as at_once:
        server, *_ = at_once.map(lambda command: make_service(command, **bounded), ("serve", "worker", "worker"))
    peer.delays["/api/v1"] = 0.3
    names = {f"Alert{number}" for number in range(9)}
    for name in names:
        assert server.post("/webhook/alerts", on(name, webhook(name, group=f"of {name}")))[0] == 200
    wait(lambda: told(peer) == names, lambda: f"all are analysed\n{untold(server, peer, names)}")
    assert 1 < peer.most["api"] <= 4


def test_the_share_of_processes_that_die_is_freed(
    peer: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    bounded = {**settings, "MAX_QUERIES": "4", "ALERTMANAGER_ROUND_SECONDS": "3600"}  # one gathering at a time
    server, worker = make_service(**bounded), make_service("worker", **bounded)
    peer.delays["/api/v1"] = 600
    names = {f"Alert{number}" for number in range(3)}
    for name in names:
        assert server.post("/webhook/alerts", on(name, webhook(name, group=f"of {name}")))[0] == 200
    wait(lambda: peer.asked("/api/v1/"), "one of them gathers evidence, and the others wait for it")
    for process in (server, worker):
        process.kill()
    peer.delays.clear()
    other = make_service(**bounded)
    wait(lambda: told(peer) == names, lambda: f"another goes on\n{untold(other, peer, names)}")


def test_a_process_ends_when_it_is_told_to_although_its_database_is_away(
    peer: Any,
    postgresql: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    server = make_service(**settings)
    peer.delays["/llm"] = 600
    names = {f"Alert{number}" for number in range(8)}
    for name in names:
        assert server.post("/webhook/alerts", on(name, webhook(name, group=f"of {name}")))[0] == 200
    wait(lambda: peer.asked("/llm") == len(names), "all are under way")
    postgresql.stop()
    try:
        peer.delays.clear()
        time.sleep(5)  # steps end, and everything waits for the database; to be too slow here only asks less
        assert server.stop() == 0
    finally:
        postgresql.start()
    server.start()
    wait(lambda: told(peer) == names, lambda: f"all are told after the restart\n{untold(server, peer, names)}")


def test_a_worker_answers_about_itself_and_takes_no_alerts(
    settings: dict[str, str], make_service: Callable[..., Any], webhook: Callable[..., Any]
) -> None:
    worker = make_service("worker", **settings)
    assert worker.get("/health/live") == {"status": "live"}
    assert worker.get("/health/ready") == {"status": "ready"}
    assert worker.get("/health")["checks"]["store"]["status"] == "up"
    assert "aiops_queue_size" in worker.get("/metrics")
    assert worker.post("/webhook/alerts", webhook("A"))[0] == 404


def test_a_worker_on_sqlite_is_refused_with_the_remedy(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "AIOPS_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "aiops_processor", "worker"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "a worker needs PostgreSQL" in line
    assert "set DATABASE_URL=postgresql://" in line


def test_a_server_without_its_database_says_so_in_one_line(settings: dict[str, str]) -> None:
    address = settings["DATABASE_URL"].replace("postgres:@", "postgres:hunter2@").replace("aiops_", "nowhere_")
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": address}
    command = [sys.executable, "-m", "aiops_processor", "serve", "--port", "0"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert ended.returncode == 1
    assert "does not exist; create the database" in ended.stderr.splitlines()[-1]
    assert "hunter2" not in ended.stderr
    assert "Traceback" not in ended.stderr


class Posting:
    """Posts alerts one after the other, each again until it is taken, as Alertmanager does; keeps whatever happens."""

    def __init__(self, server: Any, webhook: Callable[..., Any]) -> None:
        self.accepted: set[str] = set()
        self.refused: list[tuple[int, Any]] = []
        self.error: BaseException | None = None
        self._server, self._webhook = server, webhook
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def count(self) -> tuple[int, int]:
        """How many were taken, and how often one was refused. Raises what ended the posting, if anything did."""
        if self.error:
            raise self.error
        return len(self.accepted), len(self.refused)

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for number in range(1000):
                self._post(f"Alert{number}")
                if self._over.wait(0.2):
                    return
        except BaseException as error:  # noqa: BLE001 - a thread that dies silently would tell nothing
            self.error = error

    def _post(self, name: str) -> None:
        while not self._over.is_set():
            status, answer = self._server.post("/webhook/alerts", on(name, self._webhook(name, group=f"of {name}")))
            if status == 200:
                self.accepted.add(name)
                return
            self.refused.append((status, answer))
            time.sleep(0.1)


def untold(server: Any, peer: Any, names: set[str]) -> str:
    """What became of those that nobody was told the analysis of, for a person to read."""
    missing = sorted(names - told(peer))
    incidents = [each for each in server.get("/api/v1/incidents?limit=200") if each["state"] != "analysed"]
    deliveries = [each for each in server.get("/api/v1/deliveries?limit=200") if each["state"] != "sent"]
    histories = [server.get(f"/api/v1/incidents/{each['id']}")["timeline"] for each in incidents]
    return "\n".join(map(str, ("not told:", missing, *incidents, *deliveries, *histories, server.log()[-20000:])))


def test_restarts_of_postgresql_under_load_lose_nothing(
    peer: Any,
    postgresql: Any,
    settings: dict[str, str],
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
) -> None:
    server = make_service(**settings)
    posting = Posting(server, webhook)
    try:
        for how in ("fast", "immediate"):
            enough, refused = len(posting.accepted) + 5, len(posting.refused)
            wait(
                lambda enough=enough: posting.count()[0] >= enough, f"alerts are taken; refused: {posting.refused[-3:]}"
            )
            postgresql.stop(how=how)
            wait(lambda refused=refused: posting.count()[1] > refused, "alerts are refused while the database is away")
            postgresql.start()
        enough = len(posting.accepted) + 5
        wait(lambda: posting.count()[0] >= enough, f"alerts are taken again; refused: {posting.refused[-3:]}")
    finally:
        posting.end()
    assert {status for status, _ in posting.refused} == {503}, posting.refused
    wait(lambda: told(peer) >= posting.accepted, lambda: untold(server, peer, posting.accepted))
