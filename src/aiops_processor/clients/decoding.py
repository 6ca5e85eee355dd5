"""Bodies of Prometheus and Loki to values, decoded once and typed.

Sources: https://prometheus.io/docs/prometheus/latest/querying/api/ and
https://grafana.com/docs/loki/latest/reference/loki-http-api/.
"""

import asyncio
import re
from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from aiops_processor.clients.refusal import Source, reported
from aiops_processor.errors import SourceUnreadable
from aiops_processor.models.samples import Answer, Entry, Point, Series, Stream

T = TypeVar("T")

_IN_A_THREAD = 256 * 1024
_PLUS_INFINITY = re.compile(rb'(,\s*)"\+Inf"(?=\s*\])|("sum":\s*)"\+Inf"')
_HISTOGRAMS = "results that are native histograms are not read: only the float samples of {count} series were taken"


class Histogram(msgspec.Struct):
    """A native histogram, whose buckets are left: count and sum are counters, as `histogram_count` has them."""

    count: float
    sum: float


class Row(msgspec.Struct, rename="camel"):
    """One series of a vector (`value`) or a matrix (`values`); of native histograms `histogram` or `histograms`."""

    metric: dict[str, str]
    value: Point | None = None
    values: list[Point] = []
    histogram: tuple[float, Histogram] | None = None
    histograms: list[tuple[float, Histogram]] = []

    @property
    def counted(self) -> list[tuple[float, Histogram]]:
        """The samples that are native histograms."""
        return self.histograms if self.histogram is None else [self.histogram]


class Categories(msgspec.Struct, rename="camel"):
    """The third part of a line that was asked for with `categorize-labels`."""

    structured_metadata: dict[str, str] = {}
    parsed: dict[str, str] = {}


class Line(msgspec.Struct, array_like=True):
    """`["<nanoseconds>", "<line>"]` or `["<nanoseconds>", "<line>", {categories}]`."""

    ns: int
    line: str
    categories: Categories | None = None


class Lines(msgspec.Struct):
    """One stream of a log query."""

    stream: dict[str, str]
    values: list[Line]


class Vector(msgspec.Struct, tag_field="resultType", tag="vector"):
    result: list[Row]


class Matrix(msgspec.Struct, tag_field="resultType", tag="matrix"):
    result: list[Row]


class Scalar(msgspec.Struct, tag_field="resultType", tag="scalar"):
    result: Point


class Text(msgspec.Struct, tag_field="resultType", tag="string"):
    result: tuple[float, str]


class Streams(msgspec.Struct, tag_field="resultType", tag="streams"):
    result: list[Lines]


Result = Vector | Matrix | Scalar | Text | Streams


class Envelope(msgspec.Struct, Generic[T], rename="camel"):
    """What surrounds every answer. `is_partial` is VictoriaMetrics' way to say that some storage did not answer."""

    status: str
    data: T | UnsetType | None = UNSET
    error_type: str = ""
    error: str = ""
    warnings: list[str] | None = None
    infos: list[str] | None = None
    is_partial: bool = False


class Reader(Generic[T]):
    """Reads answers whose `data` has one shape. Raises a SourceError for every other."""

    def __init__(self, decoder: msgspec.json.Decoder[Envelope[T]]) -> None:
        self._decoder = decoder

    async def read(self, source: Source, body: bytes, missing: T | None = None) -> Answer[T]:
        """The answer in a body. `missing` is what an answer without the key `data` means, where that is legal."""
        decode = self._decode
        envelope = await asyncio.to_thread(decode, source, body) if len(body) > _IN_A_THREAD else decode(source, body)
        if envelope.status != "success":
            raise reported(source, envelope.error_type, envelope.error)
        data = missing if envelope.data is UNSET else envelope.data
        if data is None:
            raise SourceUnreadable(f"{source} answered a success without data")
        partial = ("the answer is partial: some of the storage did not answer",) if envelope.is_partial else ()
        return Answer(data, (*(envelope.warnings or ()), *partial), tuple(envelope.infos or ()), len(body))

    def _decode(self, source: Source, body: bytes) -> Envelope[T]:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._decode_repaired(source, _repaired(body))

    def _decode_repaired(self, source: Source, body: bytes) -> Envelope[T]:
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise SourceUnreadable(f"{source} answered another shape than its API: {source.says(str(error))}") from None
        except msgspec.DecodeError as error:
            raise SourceUnreadable(f"{source} answered what is not JSON: {source.says(str(error))}") from None


RESULTS = Reader[Result](msgspec.json.Decoder(Envelope[Result], strict=False))
NAMES = Reader[list[str]](msgspec.json.Decoder(Envelope[list[str]]))
LABEL_SETS = Reader[list[dict[str, str]]](msgspec.json.Decoder(Envelope[list[dict[str, str]]]))


def series(source: Source, answer: Answer[Result], scalar_unit: float = 1.0) -> Answer[list[Series]]:
    """The series of a vector, a matrix or a scalar. `scalar_unit` is how many seconds a scalar's time counts in.

    Raises SourceUnreadable for text and log lines.
    """
    match answer.data:
        case Vector(result) | Matrix(result):
            rows = result
        case Scalar((at, value)):
            rows = [Row({}, (at * scalar_unit, value))]
        case Text():
            raise SourceUnreadable(f"{source} answered a string, not numbers: the query is a string literal")
        case _:
            raise SourceUnreadable(f"{source} answered log lines, not numbers: the query is no metric query")
    found = [each for row in rows for each in _series_of(row)]
    left_out = sum(bool(row.counted) and "__name__" not in row.metric for row in rows)
    warnings = (*answer.warnings, *([_HISTOGRAMS.format(count=left_out)] if left_out else []))
    return Answer(found, warnings, answer.infos, answer.octets)


def _series_of(row: Row) -> list[Series]:
    """The row, and of a native histogram its count and its sum. What a query made of one has no name to give them."""
    own = Series(row.metric, row.values if row.value is None else [row.value])
    name = row.metric.get("__name__")
    if not row.counted or name is None:
        return [own]
    counts = [(at, each.count) for at, each in row.counted]
    sums = [(at, each.sum) for at, each in row.counted]
    parts = [
        Series({**row.metric, "__name__": f"{name}_{part}"}, points, native=True)
        for part, points in (("count", counts), ("sum", sums))
    ]
    return [own, *parts] if own.points else parts


def streams(source: Source, answer: Answer[Result]) -> Answer[list[Stream]]:
    """The streams of a log query. Raises SourceUnreadable for numbers."""
    if not isinstance(answer.data, Streams):
        raise SourceUnreadable(f"{source} answered numbers, not log lines: the query is a metric query")
    found = [Stream(row.stream, list(map(_entry, row.values))) for row in answer.data.result]
    return Answer(found, answer.warnings, answer.infos, answer.octets)


def _entry(line: Line) -> Entry:
    if line.categories is None:
        return Entry(line.ns, line.line)
    return Entry(line.ns, line.line, {**line.categories.structured_metadata, **line.categories.parsed})


def _repaired(body: bytes) -> bytes:
    """What msgspec does not read: the "+Inf" of Prometheus ("Inf" and "-Inf" it does), and a log line's broken UTF-8.

    "+Inf" is changed in the last place of an array only, where a sample has its value, and as the sum of a native
    histogram: a label `le="+Inf"` stays.
    """
    return _PLUS_INFINITY.sub(rb'\1\2"Inf"', body.decode(errors="replace").encode())
