"""The machine's clock is set forward and back under the real process, while alerts come.

What steps do to each part of the service is in tests/integration/services/test_clock_steps.py.
"""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

# The variant for threads: the other reads the changed file in several threads at once, into the same place.
PRELOADED = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

# libfaketime 0.9.10 breaks clock_nanosleep on the monotonic clock (EINVAL), and with it time.sleep: this only waits.
SLEEP = """
import select
import time

time.sleep = lambda seconds: select.select((), (), (), seconds)
"""


class Posting:
    """Posts an alert of a new service, every half second."""

    def __init__(self, service: Any, webhook: Callable[..., Any]) -> None:
        self.accepted: set[str] = set()
        self.error: BaseException | None = None
        self._service, self._webhook = service, webhook
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def taken(self) -> int:
        """How many. Raises what ended the posting, if anything did."""
        if self.error:
            raise self.error
        return len(self.accepted)

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._over.wait(0.4):
                self._post(f"Alert{len(self.accepted)}")
        except BaseException as error:  # noqa: BLE001 - a thread that dies silently would tell nothing
            self.error = error

    def _post(self, name: str) -> None:
        body = self._webhook(name, group=f"of {name}")
        body["alerts"][0]["labels"]["service"] = name
        status, answer = self._service.post("/webhook/alerts", body)
        assert status == 200, answer
        self.accepted.add(name)


@pytest.mark.skipif(PRELOADED is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_steps_of_the_clock_lose_nothing_and_do_nothing_twice(
    database: str,
    request: pytest.FixtureRequest,
    peer: Any,
    make_service: Callable[..., Any],
    webhook: Callable[..., Any],
    wait: Callable[..., Any],
    tmp_path: Path,
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    (tmp_path / "sitecustomize.py").write_text(SLEEP)
    store = {"DATABASE_URL": request.getfixturevalue("postgresql").empty_database()} if database == "postgresql" else {}
    service = make_service(
        **store,
        PYTHONPATH=str(tmp_path),
        LD_PRELOAD=str(PRELOADED),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_CACHE_DURATION="1",  # seconds: without it the file would be read at every look at the clock
        FAKETIME_DONT_FAKE_MONOTONIC="1",
        # Else libfaketime 0.9.10 ends timed waits on the monotonic clock at once: threads that wait for the interpreter
        # take it from each other without pause, and the process hardly moves.
        FAKETIME_FORCE_MONOTONIC_FIX="0",
        PROMETHEUS_URL=peer.url,
        LLM_BASE_URL=f"{peer.url}/llm",
        DEEPSEEK_API_KEY="sk-test",
        GENERIC_WEBHOOK_URL=f"{peer.url}/hook",
        AIOPS_SETTLE_SECONDS="2",
    )
    peer.statuses["/hook"] = 503  # so that messages wait for their next try, which is a time of the old clock
    posting = Posting(service, webhook)
    try:
        wait(lambda: peer.asked("/hook") > 3 and posting.taken() > 5, "alerts come, and messages wait")
        for hours in (1, -1):
            set_clock(clock, f"{hours:+}h")
            wait(partial(stepped, service, timedelta(hours=hours)), f"the step is seen: {hours:+} h")
            before = posting.taken()
            wait(partial(more_than, posting, before + 3), f"alerts come after the step: {hours:+} h")
    finally:
        posting.end()
    peer.requests = [(path, body) for path, body in list(peer.requests) if path != "/hook"]  # those were refused
    peer.statuses.clear()
    wait(lambda: service.get("/queue/status")["queue_size"] == 0, lambda: f"all is done\n{service.log()[-5000:]}")
    assert posting.error is None
    incidents = service.get("/api/v1/incidents?limit=200")
    assert {incident["state"] for incident in incidents} == {"analysed"}
    assert len(incidents) == len(posting.accepted)
    assert {incident["generation"] for incident in incidents} == {1}, "nothing is analysed twice"
    for event in ("opened", "analysed"):
        names = [alert["labels"]["alertname"] for message in peer.told(event) for alert in message["alerts"]]
        assert sorted(names) == sorted(posting.accepted), f"each is told once: {event}"


def stepped(service: Any, by: timedelta) -> bool:
    """Whether an incident was opened on a clock that is so far from ours."""
    now = datetime.now(UTC)
    opened = [datetime.fromisoformat(each["opened_at"]) for each in service.get("/api/v1/incidents?limit=200")]
    return any(abs(at - now - by) < timedelta(minutes=30) for at in opened)


def more_than(posting: Posting, count: int) -> bool:
    return posting.taken() > count


def set_clock(file: Path, step: str) -> None:
    """At once: whoever reads the file meanwhile must not find half of it."""
    new = file.with_suffix(".new")
    new.write_text(step)
    os.replace(new, file)
