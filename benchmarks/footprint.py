"""What does the service cost before it does anything? Start to ready, idle memory, installed packages.

    python benchmarks/footprint.py [--json] [--runs 5]

Starts the service with a model configured (its key is never used) and sources that do not exist, in an empty folder;
and once more in the same folder, as after an update or a reboot: then no table is missing, and less is loaded.
`ready_cpu_s` is the processor time until ready, which a busy machine changes less than `ready_s`. The model's SDK is
loaded with the first question: 39 MiB more from then on.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

IDLE_SECONDS = 5


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    runs = [one_run() for _ in range(options.runs)]
    figures = {
        "ready_s": round(statistics.median(run["ready_s"] for run in runs), 2),
        "ready_cpu_s": round(statistics.median(run["ready_cpu_s"] for run in runs), 2),
        "ready_s_least": round(min(run["ready_s"] for run in runs), 2),
        "idle_memory_mib": round(statistics.median(run["idle_memory_mib"] for run in runs), 1),
        "idle_memory_again_mib": round(statistics.median(run["idle_memory_again_mib"] for run in runs), 1),
        "idle_cpu_percent": round(statistics.median(run["idle_cpu_percent"] for run in runs), 1),
        "packages": count_packages(),
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<24}{value:>8}")


def one_run() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        first, again = one_start(folder), one_start(folder)
        return {**first, "idle_memory_again_mib": again["idle_memory_mib"]}


def one_start(folder: str) -> dict[str, float]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "AIOPS_DATA_DIR": folder,
        "PROMETHEUS_URL": "http://127.0.0.1:9",
        "LOKI_URL": "http://127.0.0.1:9",
        "DEEPSEEK_API_KEY": "sk-not-used",
    }
    began = time.monotonic()
    command = [sys.executable, "-m", "aiops_processor", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(port)
        ready = time.monotonic() - began
        cpu = cpu_seconds(process.pid)
        time.sleep(IDLE_SECONDS)
        idle_cpu = (cpu_seconds(process.pid) - cpu) / IDLE_SECONDS
        return {
            "ready_s": ready,
            "ready_cpu_s": cpu,
            "idle_memory_mib": memory(process.pid),
            "idle_cpu_percent": idle_cpu * 100,
        }
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until_ready(port: int) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.01)


def memory(pid: int) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def count_packages() -> int:
    """Packages of the base install on this platform, ours included."""
    lock = Path(__file__).parent.parent / "requirements.txt"
    names = [line for line in lock.read_text().splitlines() if re.match(r"^[a-z0-9]", line)]
    return 1 + sum(not re.search(r"emscripten|== 'win32'|python_full_version < '3.11'", line) for line in names)


if __name__ == "__main__":
    main()
