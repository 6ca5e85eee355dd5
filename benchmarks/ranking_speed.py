"""How long does the arithmetic of evidence take? Processor time, made-up numbers, the median of some runs.

    python benchmarks/ranking_speed.py [--json] [--series 1000] [--points 120]

`onset` seeks when it began, `shifts` says how each row moved (for the report), `ranking` puts the entities in order and
replays quiet times for the verdict.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aiops_processor.evidence import onset, ranking

RUNS = 7
ENTITIES = 50
KINDS = ("cpu_usage", "memory_bytes", "request_duration_seconds", "http_requests", "errors_total")
STEP = 15.0


@dataclass(frozen=True)
class Row:
    entity: str
    kind: str


def milliseconds(work: Callable[[], object]) -> float:
    work()  # numpy's first call of everything is slow
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return round(1000 * statistics.median(taken), 1)


def measure(series: int, points: int) -> dict[str, float]:
    rows = [Row(f"service-{i % ENTITIES}", f"{KINDS[i % len(KINDS)]}_{i // (5 * ENTITIES)}") for i in range(series)]
    values = np.random.default_rng(1).normal(10, 1, (series, points))
    values[: series // 50, int(points * 0.8) :] += 10
    values[:, ::17] = np.nan
    times = np.arange(1, points + 1, dtype=np.float64) * np.float64(STEP)
    alert = times[int(points * 0.85)]
    before = times <= times[int(points * 0.8)]
    kinds = [row.kind for row in rows]
    found = {
        "onset": milliseconds(lambda: onset.find(values, times, times[points // 3], alert)),
        "shifts": milliseconds(lambda: ranking.shifts(values, times, float(times[before][-1]), kinds)),
        "ranking": milliseconds(lambda: ranking.rank(rows, values, before)),
    }
    return found | {"onset and ranking": round(found["onset"] + found["shifts"] + found["ranking"], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--points", type=int, default=120)
    args = parser.parse_args()
    found = measure(args.series, args.points)
    if args.json:
        print(json.dumps({f"{name.replace(' ', '_')}_ms": value for name, value in found.items()}))
        return
    print(f"{args.series} series of {args.points} points")
    for name, value in found.items():
        print(f"{name:20} {value:8.1f} ms")


if __name__ == "__main__":
    main()
