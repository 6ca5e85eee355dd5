"""A recorded incident: every webhook, sample and log line of some minutes, read from a folder.

| file | content |
|---|---|
| `info.json` | versions, start and end (Unix seconds), scrape interval |
| `series.jsonl.gz` | `{"metric": {labels}, "values": [[seconds, "value"], …]}` a line, at the scrape interval |
| `logs.jsonl.gz` | `{"ts_ns", "labels", "metadata", "line"}` a line |
| `rules.json`, `metadata.json` | answers of `/api/v1/rules` and `/api/v1/metadata` |
| `webhooks.jsonl` | `{"received_at", "headers", "body"}` a line, as Alertmanager posted it |
| `truth.json` | optional: what was broken, and when |
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from aiops_processor.demo.labels import Labels
from aiops_processor.errors import ConfigError

MILLISECONDS = 1000

T = TypeVar("T")


def bundled() -> Path:
    """The folder of the recording that ships with the package."""
    return Path(__file__).parent / "recordings" / "errors-payments"


class Info(msgspec.Struct, frozen=True):
    """What `info.json` must say; times are Unix seconds, the interval is seconds."""

    start: float
    end: float
    scrape_interval: float
    prometheus: str = "2.42"
    alertmanager: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: labels sorted by name, times in milliseconds (rising), values beside them.

    Series of one scrape share one array of times, so that a search in it is done once for all of them.
    """

    labels: Labels
    times: NDArray[np.int64]
    values: NDArray[np.float64]


class LogEntry(msgspec.Struct, frozen=True):
    """One log line, its time in nanoseconds since 1970, its stream's labels and its structured metadata."""

    ns: int = msgspec.field(name="ts_ns")
    labels: dict[str, str]
    line: str
    metadata: dict[str, str] = {}


class Webhook(msgspec.Struct, frozen=True):
    """One post of Alertmanager: when it came (Unix seconds), with which headers and which body."""

    received_at: float
    headers: dict[str, str]
    body: dict[str, Any]

    def content(self) -> bytes:
        """The bytes that Alertmanager sent: Go's encoder puts no spaces, escapes `<>&` and ends with a newline."""
        text = json.dumps(self.body, separators=(",", ":"), ensure_ascii=False)
        for character in "<>&\u2028\u2029":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return text.encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole incident in memory. `start` and `end` are Unix seconds."""

    info: Info
    series: tuple[Series, ...]
    logs: tuple[LogEntry, ...]
    webhooks: tuple[Webhook, ...]
    rules: Mapping[str, Any]
    metadata: Mapping[str, Any]
    truth: Mapping[str, Any] | None = None

    @property
    def start(self) -> float:
        return self.info.start

    @property
    def end(self) -> float:
        return self.info.end

    @classmethod
    def load(cls, folder: Path) -> "Recording":
        """Read a folder of the format above. Raises ConfigError, which names the file and what is wrong with it."""
        if not folder.is_dir():
            raise ConfigError(f"recording {folder}: no such folder")
        truth = folder / "truth.json"
        return cls(
            info=_read(folder / "info.json", Info),
            series=tuple(_series(folder / "series.jsonl.gz")),
            logs=tuple(sorted(_lines(folder / "logs.jsonl.gz", LogEntry), key=lambda entry: entry.ns)),
            webhooks=tuple(sorted(_lines(folder / "webhooks.jsonl", Webhook), key=lambda hook: hook.received_at)),
            rules=_answer(folder / "rules.json"),
            metadata=_answer(folder / "metadata.json"),
            truth=_read(truth, dict[str, Any]) if truth.exists() else None,
        )


class _Row(msgspec.Struct, Generic[T]):
    metric: dict[str, str]
    values: list[tuple[float, T]]


class _Answer(msgspec.Struct):
    data: dict[str, Any]


def _answer(path: Path) -> dict[str, Any]:
    return _read(path, _Answer).data


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"recording {path}: {_reason(error)}") from error


def _lines(path: Path, kind: type[T]) -> Iterator[T]:
    decoder = msgspec.json.Decoder(kind, strict=False)
    return _decoded(path, decoder.decode)


def _decoded(path: Path, decode: Callable[[bytes], T]) -> Iterator[T]:
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                number += 1
                if not line.isspace():
                    yield decode(line)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"recording {path}: {_reason(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"recording {path}, line {number}: {_reason(error)}") from error


def _series(path: Path) -> Iterator[Series]:
    fast = msgspec.json.Decoder(_Row[float], strict=False)
    slow = msgspec.json.Decoder(_Row[str])
    shared: dict[bytes, NDArray[np.int64]] = {}

    def decode(line: bytes) -> Series:
        try:
            row = fast.decode(line)
        except msgspec.ValidationError:  # NaN and +Inf, which JSON numbers cannot spell
            exact = slow.decode(line)
            row = _Row(exact.metric, [(time, float(value)) for time, value in exact.values])
        samples = np.array(row.values, dtype=np.float64).reshape(-1, 2)
        times = np.rint(samples[:, 0] * MILLISECONDS).astype(np.int64)
        values = samples[:, 1].copy()
        if np.any(np.diff(times) <= 0):
            order = np.unique(times, return_index=True)[1]
            times, values = times[order], values[order]
        return Series(tuple(sorted(row.metric.items())), shared.setdefault(times.tobytes(), times), values)

    return _decoded(path, decode)


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
