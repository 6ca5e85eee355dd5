"""The commands of docs/how-to/backup.md on a running service with work under way, and another on what they restore."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "backup.md"


@dataclass(frozen=True)
class Place:
    """A database, another one of the same kind, and the page's commands for that kind."""

    here: dict[str, str]
    elsewhere: dict[str, str]
    back_up: str
    restore: str
    environment: dict[str, str]

    def run(self, command: str) -> None:
        programs = {"PATH": f"{Path(sys.executable).parent}:{self.environment['PATH']}"}
        done = subprocess.run(
            ["sh", "-eu", "-c", command], env={**self.environment, **programs}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    blocks = [part.split("```")[0] for part in PAGE.read_text(encoding="utf-8").split("```sh\n")[1:]]
    environment = {"PATH": os.environ["PATH"], "BACKUP": str(tmp_path / "backup")}
    if request.param == "sqlite":
        back_up, restore = blocks[:2]
        here, there = ({"AIOPS_DATA_DIR": str(tmp_path / name)} for name in ("data", "restored"))
        restore = restore.replace("$AIOPS_DATA_DIR", there["AIOPS_DATA_DIR"])
        return Place(here, there, back_up, restore, {**environment, **here})
    server = request.getfixturevalue("postgresql")
    here, there = {"DATABASE_URL": server.database()}, {"DATABASE_URL": server.empty_database()}
    programs = {"PATH": f"{server.programs}:{environment['PATH']}", "RESTORED_URL": there["DATABASE_URL"]}
    return Place(here, there, blocks[2], blocks[3], {**environment, **here, **programs})


@pytest.fixture
def settings(peer: Any) -> dict[str, str]:
    return {
        "PROMETHEUS_URL": peer.url,
        "LLM_BASE_URL": f"{peer.url}/llm",
        "DEEPSEEK_API_KEY": "sk-test",
        "GENERIC_WEBHOOK_URL": f"{peer.url}/hook",
    }


@pytest.fixture
def alert(webhook: Callable[..., Any]) -> Callable[[str], dict[str, Any]]:
    """A webhook with one alert that is an incident of its own."""

    def make(name: str) -> dict[str, Any]:
        hook = webhook(name, group=f"of {name}")
        hook["alerts"][0]["labels"]["service"] = f"service-of-{name}"
        return hook

    return make


def told(peer: Any, event: str = "analysed") -> set[str]:
    return {each["labels"]["alertname"] for message in peer.told(event) for each in message["alerts"]}


def lose(service: Any, peer: Any) -> None:
    """The machine is gone, and whatever made the work wait."""
    service.kill()
    shutil.rmtree(service.folder / "data", ignore_errors=True)
    peer.delays.clear()
    peer.statuses.clear()
    peer.requests.clear()


def test_a_restored_service_goes_on_where_the_backup_found_it(
    place: Place,
    settings: dict[str, str],
    peer: Any,
    make_service: Callable[..., Any],
    alert: Callable[[str], dict[str, Any]],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings, **place.here)
    mixed = alert("Done")
    mixed["alerts"].append({"status": "firing", "labels": {}, "startsAt": "yesterday"})
    assert service.post("/webhook/alerts", mixed)[1]["rejected"]
    wait(lambda: told(peer) == {"Done"}, "the first is analysed and told")
    peer.delays["/llm"], peer.statuses["/hook"] = 120, 503
    names = {f"Interrupted{number}" for number in range(5)}
    for name in names:
        assert service.post("/webhook/alerts", alert(name))[0] == 200
    wait(lambda: peer.asked("/llm") == 1 + 5, "the model is asked about all")
    wait(lambda: told(peer, "opened") >= names, "their first messages are tried, and not taken")

    place.run(place.back_up)
    kept = service.get("/api/v1/dead-letters")
    lose(service, peer)
    place.run(place.restore)
    restored = make_service(**settings, **place.elsewhere)

    wait(lambda: told(peer) == names, f"what was interrupted is analysed and told\n{restored.log()[-3000:]}")
    wait(lambda: told(peer, "opened") == names, "and what waited is told")
    gathered = [path for path, body in peer.requests if path.startswith("/api/v1/query") and b"ALERTS" not in body]
    assert (gathered, peer.asked("/llm")) == ([], 5), "it went on after its last finished step"
    assert {incident["state"] for incident in restored.get("/api/v1/incidents")} == {"analysed"}
    assert len(restored.get("/api/v1/incidents")) == 6
    assert restored.get("/api/v1/dead-letters") == kept
    assert len(kept) == 1


def test_a_backup_under_load_loses_nothing_that_was_taken_before_it(
    place: Place,
    settings: dict[str, str],
    peer: Any,
    make_service: Callable[..., Any],
    alert: Callable[[str], dict[str, Any]],
    wait: Callable[..., Any],
) -> None:
    service = make_service(**settings, **place.here)
    accepted: list[str] = []
    over = threading.Event()

    def post() -> None:
        while not over.wait(0.1):
            name = f"Alert{len(accepted)}"
            if service.post("/webhook/alerts", alert(name))[0] == 200:
                accepted.append(name)

    posting = threading.Thread(target=post)
    posting.start()
    wait(lambda: len(told(peer)) >= 5, "alerts are taken, analysed and told")
    before = set(accepted)
    place.run(place.back_up)
    wait(lambda: len(accepted) >= len(before) + 5, "the service did not stop for it")
    over.set()
    posting.join()
    heard = told(peer)
    lose(service, peer)
    place.run(place.restore)
    restored = make_service(**settings, **place.elsewhere)

    def unfinished() -> list[str]:
        incidents = restored.get("/api/v1/incidents?limit=200")
        return [incident["state"] for incident in incidents if incident["state"] != "analysed"]

    wait(lambda: not unfinished(), f"everything that was begun is ended\n{restored.log()[-3000:]}")
    wait(lambda: restored.get("/queue/status")["queue_size"] == 0, "nothing is left to do")
    assert heard | told(peer) >= before
    titles = {incident["title"] for incident in restored.get("/api/v1/incidents?limit=200")}
    assert all(any(name in title for title in titles) for name in before)


def test_an_older_file_beside_younger_workflows_is_analysed_again(
    settings: dict[str, str],
    peer: Any,
    make_service: Callable[..., Any],
    alert: Callable[[str], dict[str, Any]],
    wait: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """The workflows say that the analysis is done, and its result is not there."""
    service = make_service(**settings)
    peer.delays["/llm"] = 120
    assert service.post("/webhook/alerts", alert("A"))[0] == 200
    wait(lambda: peer.asked("/llm"), "the model is asked")
    backup = [sys.executable, "-m", "aiops_processor", "backup", str(tmp_path / "backup")]
    environment = {"PATH": os.environ["PATH"], "AIOPS_DATA_DIR": str(tmp_path / "data")}
    assert subprocess.run(backup, env=environment, capture_output=True).returncode == 0
    peer.delays.clear()
    wait(lambda: told(peer), "the analysis is told")
    service.kill()
    peer.requests.clear()
    for old in (tmp_path / "data").glob("aiops.sqlite*"):
        old.unlink()
    shutil.copy(tmp_path / "backup" / "aiops.sqlite", tmp_path / "data")
    service.start()

    def state() -> str:
        return service.get("/api/v1/incidents")[0]["state"]

    wait(lambda: state() == "analysed", f"the analysis is made again\n{service.log()}")  # told two minutes later
