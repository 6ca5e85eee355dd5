"""Bodies to values: numbers as Prometheus writes them, lines as Loki writes them, and everything that is neither."""

import json
import math
import threading

import msgspec
import pytest

from aiops_processor.clients.decoding import (
    LABEL_SETS,
    NAMES,
    RESULTS,
    Envelope,
    Reader,
    series,
    streams,
)
from aiops_processor.clients.refusal import Source
from aiops_processor.errors import SourceError, SourceRefused, SourceUnavailable, SourceUnreadable
from aiops_processor.models.samples import Answer, Series, Stream

pytestmark = pytest.mark.anyio

SOURCE = Source("prometheus", "prom:9090")


def success(kind: str, result: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


async def numbers(body: bytes) -> Answer[list[Series]]:
    return series(SOURCE, await RESULTS.read(SOURCE, body))


async def lines(body: bytes) -> Answer[list[Stream]]:
    return streams(SOURCE, await RESULTS.read(SOURCE, body))


async def test_a_vector_is_series_of_one_point() -> None:
    answer = await numbers(success("vector", [{"metric": {"job": "a"}, "value": [1.5, "2"]}]))
    assert answer.data == [Series({"job": "a"}, [(1.5, 2.0)])]


async def test_a_matrix_keeps_its_points() -> None:
    answer = await numbers(success("matrix", [{"metric": {}, "values": [[1, "2"], [2, "1e-3"]]}]))
    assert answer.data == [Series({}, [(1.0, 2.0), (2.0, 0.001)])]


async def test_a_scalar_is_one_series_without_labels() -> None:
    assert (await numbers(success("scalar", [1, "2"]))).data == [Series({}, [(1.0, 2.0)])]


@pytest.mark.parametrize("spaced", [True, False])
async def test_infinities_and_nan_are_numbers(spaced: bool) -> None:
    rows = [{"metric": {"le": "+Inf"}, "values": [[1, "+Inf"], [2, "-Inf"], [3, "NaN"], [4, "Inf"], [5, "1"]]}]
    body = success("matrix", rows)
    answer = await numbers(body if spaced else body.replace(b", ", b",").replace(b": ", b":"))
    values = [value for _, value in answer.data[0].points]
    assert values[:2] + values[3:] == [math.inf, -math.inf, math.inf, 1.0]
    assert math.isnan(values[2])
    assert answer.data[0].labels == {"le": "+Inf"}


async def test_a_label_that_looks_like_the_end_of_a_sample_is_not_changed() -> None:
    odd = 'x,"+Inf"]'
    rows = [{"metric": {"path": odd, "le": "+Inf"}, "value": [1, "+Inf"]}]
    assert (await numbers(success("vector", rows))).data == [Series({"path": odd, "le": "+Inf"}, [(1.0, math.inf)])]


async def test_warnings_and_infos_come_along() -> None:
    envelope = json.loads(success("vector", []))
    body = json.dumps({**envelope, "warnings": ["w"], "infos": ["i"], "isPartial": True}).encode()
    answer = await numbers(body)
    assert answer.warnings == ("w", "the answer is partial: some of the storage did not answer")
    assert answer.infos == ("i",)


async def test_null_warnings_are_none() -> None:
    assert (await NAMES.read(SOURCE, b'{"status":"success","data":["a"],"warnings":null}')).warnings == ()


async def test_of_native_histograms_count_and_sum_are_read_as_those_of_classic_ones() -> None:
    """As Prometheus 2.40 and later answer: docs, "HTTP API", "Native histograms"."""
    buckets = [[0, "0.5", "1", "3"], [3, "-0.001", "0.001", "1"]]
    samples = [[at, {"count": str(at), "sum": f"{at / 4}", "buckets": buckets}] for at in (10, 20)]
    metric = {"__name__": "latency_seconds", "service": "cart"}
    answer = await numbers(success("matrix", [{"metric": metric, "histograms": samples}]))
    assert answer.data == [
        Series({**metric, "__name__": "latency_seconds_count"}, [(10.0, 10.0), (20.0, 20.0)], native=True),
        Series({**metric, "__name__": "latency_seconds_sum"}, [(10.0, 2.5), (20.0, 5.0)], native=True),
    ]
    assert answer.warnings == ()
    instant = await numbers(success("vector", [{"metric": metric, "histogram": samples[0]}]))
    assert [each.points for each in instant.data] == [[(10.0, 10.0)], [(10.0, 2.5)]]


async def test_a_result_that_is_a_native_histogram_is_left_and_a_warning_says_so() -> None:
    histogram = {"count": "1", "sum": "2", "buckets": [[0, "0", "1", "1"]]}
    rows = [
        {"metric": {"a": "1"}, "values": [[1, "2"]], "histograms": [[2, histogram]]},
        {"metric": {"a": "2"}, "histograms": [[2, histogram]]},
        {"metric": {"a": "3"}, "values": [[1, "2"]]},
    ]
    answer = await numbers(success("matrix", rows))
    assert [row.points for row in answer.data] == [[(1.0, 2.0)], [], [(1.0, 2.0)]]
    assert answer.warnings == (
        "results that are native histograms are not read: only the float samples of 2 series were taken",
    )
    instant = await numbers(success("vector", [{"metric": {}, "histogram": [1, histogram]}]))
    assert (instant.data, len(instant.warnings)) == ([Series({}, [])], 1)


async def test_a_string_is_no_number() -> None:
    with pytest.raises(SourceUnreadable, match="answered a string, not numbers"):
        await numbers(success("string", [1, "a"]))


async def test_numbers_and_log_lines_are_not_taken_for_each_other() -> None:
    with pytest.raises(SourceUnreadable, match="answered log lines, not numbers"):
        await numbers(success("streams", []))
    with pytest.raises(SourceUnreadable, match="answered numbers, not log lines"):
        await lines(success("matrix", []))


async def test_lines_are_read_with_and_without_categories() -> None:
    categories = {"structuredMetadata": {"trace": "t", "x": "1"}, "parsed": {"level": "error", "x": "2"}}
    values = [["1795412327188176431", "one", categories], ["1795412327188176430", "two", {}], ["3", "three"]]
    answer = await lines(success("streams", [{"stream": {"app": "a"}, "values": values}]))
    found = [(entry.ns, entry.line, entry.metadata) for entry in answer.data[0].entries]
    assert found == [
        (1795412327188176431, "one", {"trace": "t", "level": "error", "x": "2"}),
        (1795412327188176430, "two", {}),
        (3, "three", {}),
    ]


async def test_a_line_that_is_plus_inf_stays() -> None:
    answer = await lines(success("streams", [{"stream": {}, "values": [["1", "+Inf"]]}]))
    assert answer.data[0].entries[0].line == "+Inf"


async def test_broken_utf8_in_one_line_does_not_lose_the_others() -> None:
    body = success("streams", [{"stream": {}, "values": [["1", "caf#"], ["2", "fine"]]}]).replace(b"#", b"\xe9")
    answer = await lines(body)
    assert [entry.line for entry in answer.data[0].entries] == ["caf�", "fine"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"null",
        b"[]",
        b"{}",
        b'{"status":"success"}',
        b'{"status":"success","data":null}',
        b'{"status":"success","data":[]}',
        b'{"status":"success","data":{"resultType":"vector"}}',
        b'{"status":"success","data":{"resultType":"vector","result":null}}',
        b'{"status":"success","data":{"resultType":"cake","result":[]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"abc"]}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"2"]}]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":[],"values":[[1,"2"]]}]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"',
        b'{"status":5,"data":{}}',
    ],
)
async def test_what_is_not_the_api_is_unreadable(body: bytes) -> None:
    with pytest.raises(SourceUnreadable, match=r"^prometheus at prom:9090 answered "):
        await numbers(body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"status":"error","errorType":"timeout","error":"too slow"}', SourceUnavailable),
        (b'{"status":"error","errorType":"bad_data","error":"too slow","data":null}', SourceRefused),
        (b'{"status":"error","error":"too slow"}', SourceRefused),
    ],
)
async def test_an_error_that_http_calls_a_success_is_an_error(body: bytes, kind: type[SourceError]) -> None:
    with pytest.raises(kind, match="too slow"):
        await numbers(body)


async def test_a_missing_key_is_empty_only_where_that_is_legal() -> None:
    assert (await NAMES.read(SOURCE, b'{"status":"success"}', missing=[])).data == []
    with pytest.raises(SourceUnreadable, match="without data"):
        await NAMES.read(SOURCE, b'{"status":"success","data":null}', missing=[])


async def test_names_and_label_sets_are_not_coerced() -> None:
    with pytest.raises(SourceUnreadable, match="another shape"):
        await NAMES.read(SOURCE, b'{"status":"success","data":["a",1]}')
    with pytest.raises(SourceUnreadable, match="another shape"):
        await LABEL_SETS.read(SOURCE, b'{"status":"success","data":[{"a":null}]}')


async def test_a_big_body_is_decoded_beside_the_event_loop() -> None:
    where: list[int] = []

    class Noting(msgspec.Struct):
        a: str

        def __post_init__(self) -> None:
            where.append(threading.get_ident())

    reader = Reader[Noting](msgspec.json.Decoder(Envelope[Noting]))
    await reader.read(SOURCE, b'{"status":"success","data":{"a":"b"}}')
    await reader.read(SOURCE, b'{"status":"success","data":{"a":"%s"}}' % (b"b" * 300_000))
    assert where[0] == threading.get_ident()
    assert where[1] != threading.get_ident()


async def test_a_sum_without_bounds_is_read_and_a_label_of_the_same_words_stays() -> None:
    metric = {"__name__": "x", "le": "+Inf"}
    body = success("vector", [{"metric": metric, "histogram": [1, {"count": "2", "sum": "+Inf"}]}])
    count, total = (await numbers(body)).data
    assert (count.labels["le"], total.points) == ("+Inf", [(1.0, float("inf"))])
