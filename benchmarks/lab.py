"""Does the evidence say what was broken, live? The lab's shop, real Prometheus and Alertmanager, one fault at a time.

    python benchmarks/lab.py [--lab FOLDER] [--faults latency:db,down:payments] [--quiet 75] [--settle 10] [--json]

Each fault gets a lab and a service of its own, on free ports and in a temporary folder: started, left alone for
`--quiet` seconds, broken, watched until the first analysis, and ended. Loki is the small one of `aiops demo`, which
takes what the shop pushes. `line` is the place of the first line of evidence about the broken service; `seconds`
go from the injection to the finished analysis. With `--mend` the fault is taken away again after that, and the end of
the incident waited for; `--set` gives the service channels to tell of it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from aiops_processor.clock import SystemClock
from aiops_processor.demo.loki_api import loki_app
from aiops_processor.demo.serve import serve

T = TypeVar("T")

FAULTS = "latency:db,errors:payments,leak:catalog,pool:db,crash:checkout,down:payments,baddeploy:checkout"
BESIDE = Path(__file__).resolve().parents[2] / "shared" / "lab"
PORTS = ("9090", "9093", "9100", "9200", "9201", "9202", "9203", "9204", "9205", "8000", "3100")
"""Where the lab's files say that its programs listen; the last two are ours and Loki's."""
TOP = 5
MOST_SECONDS = 300.0


@dataclass(frozen=True)
class How:
    """Where the lab is, how long it is left alone, the settings of the service, and whether what broke is mended."""

    source: Path
    quiet: float
    settings: dict[str, str]
    mend: bool


@dataclass(frozen=True)
class Result:
    """What became of one fault. `line` is None where none of the lines is about the broken service."""

    fault: str
    service: str
    line: int | None
    entities: list[str]
    lines: list[str]
    alerts: int
    queries: int
    gaps: list[str]
    seconds: float


@dataclass(frozen=True)
class Lab:
    """A copy of the lab with ports of its own."""

    folder: Path
    ports: dict[str, int]

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}"

    def run(self, script: str) -> None:
        environment = {**os.environ, "LAB_RUN": str(self.folder / "run"), "PYTHON": sys.executable}
        environment |= {"LAB_LOKI": self.url("3100"), "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        with (self.folder / f"{script}.out").open("a") as output:
            subprocess.run(["bash", script], cwd=self.folder, env=environment, stdout=output, stderr=output, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", type=Path, default=BESIDE)
    parser.add_argument("--faults", default=FAULTS)
    parser.add_argument("--quiet", type=float, default=75)
    parser.add_argument("--settle", type=float, default=10, help="AIOPS_SETTLE_SECONDS of the service")
    parser.add_argument(
        "--at-once", type=int, default=1, help="labs side by side; they take each other's processor time"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one more of its settings")
    parser.add_argument("--mend", action="store_true", help="and wait until the end is told")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    more = dict(each.split("=", 1) for each in options.set)
    how = How(options.lab, options.quiet, {"AIOPS_SETTLE_SECONDS": str(options.settle), **more}, options.mend)
    with ThreadPoolExecutor(options.at_once) as places:
        begun = [places.submit(broken, how, *pair.split(":")) for pair in options.faults.split(",")]
        found = [each.result() for each in begun]
    print(json.dumps([asdict(each) for each in found], indent=2) if options.json else table(found))


def table(found: list[Result]) -> str:
    rows = ["fault      service   line  seconds  alerts  queries  entities"]
    for each in found:
        rows.append(
            f"{each.fault:<10} {each.service:<9} {each.line or '-':>4}  {each.seconds:7.1f}  {each.alerts:6}  "
            f"{each.queries:7}  {', '.join(each.entities[:4])}"
        )
        rows += [f"  {number}. {line}" for number, line in enumerate(each.lines, 1)]
        rows += [f"  gap: {gap}" for gap in each.gaps]
    right = sum(each.line is not None and each.line <= TOP for each in found)
    return "\n".join([*rows, f"{right} of {len(found)} named in the first {TOP} lines"])


def broken(how: How, fault: str, service: str) -> Result:
    """One fault in a lab of its own, and what the first analysis says of it."""
    with running(how) as lab:
        eventually(lambda: scraped(lab), "Prometheus has scraped the shop", 180)
        time.sleep(how.quiet)
        began = time.monotonic()
        inject(lab, fault, service)
        detail = eventually(lambda: analysed(lab), f"an analysis of {fault} {service}", MOST_SECONDS)
        found = result(fault, service, detail, time.monotonic() - began)
        if how.mend:
            inject(lab, "clear", service)
            eventually(lambda: over(lab), f"the end of {fault} {service}", MOST_SECONDS)
        return found


def inject(lab: Lab, fault: str, service: str) -> None:
    parameters = {"fault": fault, "service": service}
    httpx2.get(f"{lab.url('9200')}/inject", params=parameters, timeout=20).raise_for_status()


def result(fault: str, service: str, detail: dict[str, Any], seconds: float) -> Result:
    findings = detail["evidence"]["findings"]
    places = [number for number, each in enumerate(findings, 1) if each["entity"] == service]
    return Result(
        fault=fault,
        service=service,
        line=places[0] if places else None,
        entities=list(dict.fromkeys(each["entity"] for each in findings)),
        lines=[f"{each['entity']}: {each['statement']}"[:200] for each in findings[:TOP]],
        alerts=len(detail["episodes"]),
        queries=len(detail["evidence"]["reads"]),
        gaps=[f"{gap['source']}: {gap['reason']}" for gap in detail["evidence"]["gaps"]],
        seconds=round(seconds, 1),
    )


def scraped(lab: Lab) -> bool:
    answer = ask(f"{lab.url('9090')}/api/v1/query?query=sum(up{{job='shop'}})")
    return answer is not None and answer["data"]["result"] and answer["data"]["result"][0]["value"][1] == "5"


def analysed(lab: Lab) -> dict[str, Any] | None:
    """The oldest incident, once it has an analysis."""
    listed = ask(f"{lab.url('8000')}/api/v1/incidents") or []
    details = [ask(f"{lab.url('8000')}/api/v1/incidents/{each['id']}") for each in listed[-1:]]
    return next((each for each in details if each and each["analysis"]), None)


def over(lab: Lab) -> bool:
    """Whether every incident has ended, and all is told."""
    incidents = ask(f"{lab.url('8000')}/api/v1/incidents") or []
    waits = (ask(f"{lab.url('8000')}/queue/status") or {}).get("queue_size")
    return waits == 0 and bool(incidents) and all(each["resolved_at"] for each in incidents)


def ask(url: str) -> Any:
    """What is answered, None where nobody answers yet."""
    try:
        return httpx2.get(url, timeout=10).raise_for_status().json()
    except httpx2.HTTPError:
        return None


def eventually(look: Callable[[], T | None], what: str, seconds: float) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise SystemExit(f"not within {seconds:g} s: {what}")


@contextlib.contextmanager
def running(how: How) -> Iterator[Lab]:
    """A lab with the product behind it, all of which ends with the block."""
    with tempfile.TemporaryDirectory(prefix="aiops-lab-") as folder, contextlib.ExitStack() as stack:
        lab = copied(how.source, Path(folder) / "lab")
        stack.enter_context(small_loki(lab.ports["3100"]))
        stack.enter_context(product(lab, how.settings))
        stack.callback(lab.run, "down.sh")
        lab.run("up.sh")
        yield lab


def copied(source: Path, folder: Path) -> Lab:
    shutil.copytree(source, folder)
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    for path in (each for each in folder.rglob("*") if each.is_file()):
        path.chmod(0o755)
        text = path.read_text()
        path.write_text(re.sub(rf"\b({'|'.join(PORTS)})\b", lambda found: str(ports[found[1]]), text))
    return Lab(folder, ports)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def small_loki(port: int) -> Iterator[None]:
    ready, ended = threading.Event(), threading.Event()

    async def run() -> None:
        async with serve(loki_app([], SystemClock()), port):
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        if not ready.wait(20):
            raise SystemExit("the small Loki did not start")
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def product(lab: Lab, settings: dict[str, str]) -> Iterator[None]:
    """The service as people run it, with the lab's sources and no model."""
    environment = {
        "PATH": os.environ["PATH"],
        "AIOPS_DATA_DIR": str(lab.folder / "data"),
        "PROMETHEUS_URL": lab.url("9090"),
        "LOKI_URL": lab.url("3100"),
        "ALERTMANAGER_URL": lab.url("9093"),
        **settings,
    }
    command = [sys.executable, "-m", "aiops_processor", "serve", "--port", str(lab.ports["8000"])]
    with (lab.folder / "service.out").open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=lab.folder)
    try:
        eventually(lambda: ask(f"{lab.url('8000')}/health/live"), "the service answers", 180)
        yield
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
