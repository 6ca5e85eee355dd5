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
from aiops_processor.evidence.compare import Observed, judge
from aiops_processor.evidence.logs import LogsFound, Sample
from aiops_processor.evidence.measure import Row
from aiops_processor.evidence.rates import Array
from aiops_processor.models.evidence import Window
from aiops_processor.models.samples import Entry, Stream


def table(path: Path) -> tuple[list[str], Array, Array]:
    header, *lines = csv.reader(gzip.decompress(path.read_bytes()).decode().splitlines())
    cells = np.array([[float(cell or "nan") for cell in line] for line in lines]).T
    return header[1:], cells[0], cells[1:]


def row(name: str, entities: set[str]) -> Row:
    """`cart|p50_from_web` is a row of kind `p50` about the calls from web to cart."""
    entity, metric = name.split("|", 1)
    caller = next((each for each in entities if metric.endswith(f"_from_{each}")), None)
    kind = metric.removesuffix(f"_from_{caller}") if caller else metric
    return Row(entity, metric, kind, name, "", "", {}, (caller, entity) if caller else None)


def logs(path: Path) -> LogsFound:
    """Lines of the baseline count as just before the others, wherever they were recorded."""
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()] if path.exists() else []
    at = np.array([datetime.fromisoformat(f"{each['ts'][:23].rstrip('Z')}+00:00").timestamp() for each in lines])
    usual = np.array([each["role"] == "baseline" for each in lines], dtype=bool)
    if usual.any() and not usual.all():
        at[usual] += at[~usual].min() - at[usual].max() - 1e-3
    parts = [part for part in (np.flatnonzero(usual), np.flatnonzero(~usual)) if len(part)]
    said = [Stream({"service": x["entity"]}, [Entry(int(at[i] * 1e9), x["line"])]) for i, x in enumerate(lines)]
    read = templates.read([[said[i] for i in part] for part in parts])
    seen = zip(read, (at[part] for part in parts), strict=True)
    return LogsFound(tuple(Sample("", False, tuple(found), when.min(), when.max()) for found, when in seen))


def observe(folder: Path, case: dict[str, Any]) -> tuple[Observed, Window]:
    names, times, values = table(folder / "metrics.csv.gz")
    values[:, np.isin(times, case.get("contaminated_minutes", []))] = np.nan
    if (np.diff(times) <= 0).any():  # rounded until they collide: evenly around their middle
        times = times.mean() + case["step"] * (np.arange(len(times)) - (len(times) - 1) / 2)
    if (folder.parent / "normal.csv.gz").exists():
        known, minutes, usual = table(folder.parent / "normal.csv.gz")
        usual = np.vstack([usual[known.index(name)] if name in known else usual[0] * np.nan for name in names])
        values = np.hstack([usual, values])
        times = np.concatenate([times[0] - case["step"] * np.arange(len(minutes), 0, -1), times])
    graph, alert = folder.parent / "call_graph.json", case.get("alert", {})
    pairs = case.get("call_graph") or (json.loads(graph.read_text()) if graph.exists() else [])
    rows = [row(name, {each.split("|")[0] for each in names}) for name in names]
    calls = {(caller, callee) for caller, callee in pairs} | {each.call for each in rows if each.call}
    fired = [i for i, name in enumerate(names) if name == "|".join(alert.get(k, "") for k in ("node", "metric", "agg"))]
    at = case.get("onset", case.get("alert_start", alert.get("timestamp")))
    start, onset, end = (datetime.fromtimestamp(float(each), UTC) for each in (times[0], at, times[-1]))
    alerting, found = {rows[i].entity for i in fired}, logs(folder / "logs.ndjson.gz")
    observed = Observed(rows, values, times, len(rows), found, (), fired, alerting, calls)
    return observed, Window(start=start, onset=onset, end=end)


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w") as out:
        for path in sorted(Path(sys.argv[1]).glob("*/*/case.json")):
            case = json.loads(path.read_text())
            found = judge(*observe(path.parent, case)).ranking
            line = {key: case[key] for key in ("set", "case")} | {"ranking": [each.entity for each in found.entities]}
            out.write(json.dumps(line | {"nothing": found.nothing, "confidence": found.confidence}) + "\n")
