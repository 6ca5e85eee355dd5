"""The stages of a LogQL pipeline: each looks at a record, may add labels to it, and says whether it stays."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiops_processor.demo.go_regex import compiled
from aiops_processor.demo.labels import Labels, labels_of
from aiops_processor.demo.logs.tokens import LogQLError
from aiops_processor.demo.logs.units import bytes_of, seconds_of

JSON_ERROR = "Value looks like object, but can't find closing '}' symbol"
LOGFMT = re.compile(r'([^\s="]+)(?:=("(?:\\.|[^"\\])*"|\S*))?')
JSON_PATH = re.compile(r'\[?"?([A-Za-z0-9_.\- ]+?)"?\]?(?:\.|$|(?=\[))')


@dataclass(slots=True)
class Record:
    """A line on its way through a pipeline: labels of the stream, structured metadata, and what parsers found."""

    line: str
    stream: dict[str, str]
    metadata: dict[str, str]
    parsed: dict[str, str] = field(default_factory=dict)
    value: float = 1.0

    def get(self, name: str) -> str | None:
        for labels in (self.parsed, self.metadata, self.stream):
            if name in labels:
                return labels[name]
        return None

    def extract(self, name: str, value: str) -> None:
        """A parsed label; one that the stream or the metadata has already becomes `…_extracted`."""
        name = _sanitized(name)
        taken = name in self.stream or name in self.metadata
        self.parsed.setdefault(f"{name}_extracted" if taken else name, value)

    def fail(self, kind: str, details: str) -> None:
        self.parsed["__error__"] = kind
        self.parsed["__error_details__"] = details

    def remove(self, gone: Callable[[str], bool]) -> None:
        for labels in (self.parsed, self.metadata, self.stream):
            for name in [name for name in labels if gone(name)]:
                del labels[name]

    def labels(self) -> Labels:
        """All together: what names the stream of an answer without categorised labels."""
        return labels_of({**self.stream, **self.metadata, **self.parsed})


Stage = Callable[[Record], bool]


def line_filter(operator: str, wanted: list[str]) -> Stage:
    """`|=`, `!=`, `|~`, `!~` with alternatives. Raises BadRegex, LogQLError."""
    if operator in {"|>", "!>"}:
        raise LogQLError(f"parse error : line filter {operator} is not implemented in the replay")
    if operator in {"|=", "!="}:
        tests: list[Callable[[str], object]] = [lambda line, text=text: text in line for text in wanted]
    else:
        tests = [compiled(text).search for text in wanted]
    positive = operator.startswith("|")
    return lambda record: any(bool(test(record.line)) for test in tests) == positive


def json_stage(wanted: dict[str, str]) -> Stage:
    """`| json`: every scalar of the object, nested names joined with `_`, or only the paths that are wanted."""
    paths = {name: JSON_PATH.findall(path) for name, path in wanted.items()}

    def stage(record: Record) -> bool:
        try:
            # Numbers stay as they are written: 1.50 is no 1.5.
            value = json.loads(record.line, parse_int=str, parse_float=str, parse_constant=str)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            record.fail("JSONParserErr", JSON_ERROR)
        elif paths:
            for name, path in paths.items():
                record.extract(name, _text(_at(value, path)))
        else:
            _flatten(record, "", value)
        return True

    return stage


def _flatten(record: Record, prefix: str, value: dict[str, Any]) -> None:
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, dict):
            _flatten(record, f"{name}_", inner)
        elif inner is not None and not isinstance(inner, list):
            record.extract(name, _text(inner))


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        if isinstance(value, list):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def logfmt_stage(wanted: dict[str, str]) -> Stage:
    """`| logfmt`: every `key=value`, or only the keys that are wanted."""

    def stage(record: Record) -> bool:
        found = {key: _plain(value) for key, value in LOGFMT.findall(record.line) if value}
        for name, key in wanted.items():
            record.extract(name, found.get(key, ""))
        for key, value in found.items() if not wanted else ():
            record.extract(key, value)
        return True

    return stage


def _plain(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match.group(1), match.group(1)), value[1:-1])


def drop(names: list[str]) -> Stage:
    def stage(record: Record) -> bool:
        record.remove(lambda name: name in names)
        return True

    return stage


def keep(names: list[str]) -> Stage:
    def stage(record: Record) -> bool:
        record.remove(lambda name: name not in names and not name.startswith("__error"))
        return True

    return stage


@dataclass(frozen=True, slots=True)
class Unwrap:
    """`| unwrap label` or `| unwrap duration(label)`: a label's value as the sample. A record without it drops out."""

    label: str
    conversion: str = ""

    def __call__(self, record: Record) -> bool:
        text = record.get(self.label)
        if not text:
            return False
        value = self._number(text)
        if value is None:
            record.value = 0.0
            record.fail("SampleExtractionErr", f'strconv.ParseFloat: parsing "{text}": invalid syntax')
        else:
            record.value = value
            record.remove(lambda name: name == self.label)
        return True

    def _number(self, text: str) -> float | None:
        if self.conversion == "bytes":
            return bytes_of(text)
        if self.conversion:
            return seconds_of(text)
        try:
            return float(text)
        except ValueError:
            return None


def _sanitized(name: str) -> str:
    """As a label name: other characters become `_`, a digit never stands first."""
    clean = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"_{clean}" if clean[:1].isdigit() else clean
