"""Rank the entities of incidents as in ../shared/benchmarks/rca: `python benchmarks/rca.py BUNDLES OUT.jsonl`."""

import csv
import gzip
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from aiops_processor.evidence import templates
from aiops_processor.evidence.asking.logs import LogsFound, Sample
from aiops_processor.evidence.compare import Observed, judge
from aiops_processor.evidence.rows.measure import Row
from aiops_processor.evidence.rows.rates import Array
from aiops_processor.models.evidence import Window
from aiops_processor.models.samples import Entry, Stream


def table(path: Path) -> tuple[list[str], Array, Array]:
    names, *lines = csv.reader(gzip.decompress(path.read_bytes()).decode().splitlines())
    full = sorted([[float(cell or "nan") for cell in line] for line in lines], key=lambda line: line[0])
    cells = np.array(full).reshape(-1, len(names)).T
    return names[1:], cells[0], cells[1:]


def row(name: str, entities: set[str]) -> Row:
    """`cart|p50_from_web` is a row of kind `p50` about the calls from web to cart."""
    entity, _, metric = name.partition("|")
    caller = next((each for each in entities if metric.endswith(f"_from_{each}")), None)
    kind, call = (metric.removesuffix(f"_from_{caller}"), (caller, entity)) if caller else (metric, None)
    return Row(entity, metric, kind, name, "", "", {}, call)


def logs(path: Path) -> LogsFound:
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()] if path.exists() else []
    at = np.array([datetime.fromisoformat(each["ts"]).replace(tzinfo=UTC).timestamp() for each in lines])
    usual = np.array([each.get("role") == "baseline" for each in lines], dtype=bool)
    parts = [part for part in (np.flatnonzero(usual), np.flatnonzero(~usual)) if len(part)]
    if len(parts) > 1:
        at[usual] += at[~usual].min() - at[usual].max() - 1e-3  # just before the others, whenever they were recorded
    said = [Stream({"service": x["entity"]}, [Entry(int(at[i] * 1e9), x["line"])]) for i, x in enumerate(lines)]
    found = zip(templates.read([[said[i] for i in part] for part in parts]), parts, strict=True)
    return LogsFound(tuple(Sample("", False, tuple(lines), at[i].min(), at[i].max()) for lines, i in found))


def observe(folder: Path, case: dict[str, Any]) -> tuple[Observed, Window]:
    names, times, values = table(folder / "metrics.csv.gz")
    graph, alert = folder.parent / "call_graph.json", case.get("alert", {})
    values[:, np.isin(times, case.get("contaminated_minutes", []))] = np.nan
    step = case.get("step", apart := float(np.median(np.diff(times))) if len(times) > 1 else 0.0)
    unit = 1000 ** round(np.log(apart / step) / np.log(1000)) if apart > 0 < step else 1  # perhaps milliseconds
    times, at = times / unit, float(case.get("onset", case.get("alert_start", alert.get("timestamp")))) / unit
    if (np.diff(times) <= 0).any():  # rounded until they collide: evenly around their middle
        times = times.mean() + step * (np.arange(len(times)) - (len(times) - 1) / 2)
    if (folder.parent / "normal.csv.gz").exists():
        known, minutes, usual = table(folder.parent / "normal.csv.gz")
        usual = np.vstack([usual, minutes * np.nan])[[known.index(each) if each in known else -1 for each in names]]
        values = np.hstack([usual, values])
        times = np.concatenate([min([*times, at]) - step * np.arange(len(minutes), 0, -1), times])
    rows = [row(name, {each.partition("|")[0] for each in names}) for name in names]
    pairs = case.get("call_graph") or (json.loads(graph.read_text()) if graph.exists() else [])
    calls = {(caller, callee) for caller, callee in [*pairs, *(each.call for each in rows if each.call)]}
    fired = [i for i, name in enumerate(names) if name == "|".join(alert.get(k, "") for k in ("node", "metric", "agg"))]
    said, alerting = logs(folder / "logs.ndjson.gz"), {rows[i].entity for i in fired}
    observed = Observed(rows, values, times, len(rows), said, (), fired, alerting, calls)
    start, onset, end = (datetime.fromtimestamp(each, UTC) for each in (min([*times, at]), at, max([*times, at])))
    return observed, Window(start=start, onset=onset, end=end)


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w") as out:
        for path in sorted(Path(sys.argv[1]).glob("*/*/case.json")):
            case = json.loads(path.read_text())
            found = judge(*observe(path.parent, case)).ranking
            line = {"set": case["set"], "case": case["case"], "ranking": [each.entity for each in found.entities]}
            print(json.dumps(line | {"nothing": found.nothing, "confidence": found.confidence}), file=out)
