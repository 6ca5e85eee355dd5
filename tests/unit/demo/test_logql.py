import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aiops_processor.demo.evaluation.vectors import Vector
from aiops_processor.demo.logql import LogQuery, MetricQuery, parsed_logql
from aiops_processor.demo.logs.queries import metric_value, newest_lines
from aiops_processor.demo.logs.store import NANOSECONDS, LogStore
from aiops_processor.demo.logs.tokens import LogQLError
from aiops_processor.demo.recording import LogEntry

LINES = [
    (1, "api", {"level": "error", "status": 500, "took": "1.5s", "user": {"id": 7}, "tags": ["x"], "none": None}),
    (2, "api", {"level": "info", "status": 200, "took": "20ms", "ok": True}),
    (3, "db", 'level=warn msg="slow \\"query\\"" took=700ms rows=0'),
    (4, "api", "plain text, ERROR 42"),
]


@pytest.fixture
def store(at: Callable[[float], Any]) -> LogStore:
    entries = [
        LogEntry(
            ns=second * NANOSECONDS,
            labels={"app": app, "pod": f"{app}-1"},
            line=line if isinstance(line, str) else json.dumps(line),
            metadata={"trace_id": f"t{second}"},
        )
        for second, app, line in LINES
    ]
    return LogStore(at(100), entries)


def seconds_found(store: LogStore, query: str) -> list[int]:
    parsed = parsed_logql(query)
    assert isinstance(parsed, LogQuery)
    return [one.ns // NANOSECONDS for one in newest_lines(store, parsed, 0, 10 * NANOSECONDS, 100, forward=True)]


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ('{app="api"}', [1, 2, 4]),
        ('{app!="api",pod=~".+"}', [3]),
        ('{app=~"a.*|x"}', [1, 2, 4]),
        ('{app=~".+", pod!~"api.*"}', [3]),
        ('{app="api"} |= "error"', [1]),
        ('{app="api"} |= "error" or "plain"', [1, 4]),
        ('{app="api"} != "error"', [2, 4]),
        ('{app="api"} |~ "(?i)error"', [1, 4]),
        ('{app="api"} !~ "(?i)error" |= "info"', [2]),
        ("{app=`api`} |~ `\\d{2}$`", [4]),
        ('{app="api"} | json | level="error"', [1]),
        ('{app="api"} | json | status >= 500', [1, 4]),  # a line without JSON has an error, and stays
        ('{app="api"} | json | __error__="" | status >= 200', [1, 2]),
        ('{app="api"} | json | took > 1s', [1, 4]),
        ('{app="api"} | json | user_id = 7', [1, 4]),
        ('{app="api"} | json | status > 100 and (level="info" or took > 1s)', [1, 2, 4]),
        ('{app="api"} | trace_id > 5', [1, 2, 4]),  # no number: marked with an error
        ('{app="api"} | nosuch > 5', []),
        ('{app="api"} | json | level=~"err.*", status=500', [1]),
        ('{app="api"} | json | ok="true"', [2]),
        ('{app="api"} | json id="user.id" | id="7"', [1]),
        ('{app="api"} | json first="tags[0]" | first="x"', [1]),
        ('{app="db"} | logfmt | msg=`slow "query"`', [3]),
        ('{app="db"} | logfmt | rows < 1', [3]),
        ('{app="db"} | logfmt w="level" | w="warn"', [3]),
        ('{app=~".+"} | trace_id="t2"', [2]),
        ('{app=~".+"} | trace_id!="t2" | app="api"', [1, 4]),
        ('{app="api"} | nosuch=""', [1, 2, 4]),
        ('{app="api"} # a comment', [1, 2, 4]),
    ],
)
def test_a_log_query_finds_the_lines_that_pass(store: LogStore, query: str, seconds: list[int]) -> None:
    assert seconds_found(store, query) == seconds


def test_a_parsed_label_does_not_hide_one_of_the_stream(store: LogStore) -> None:
    store.push((("app", "x"),), NANOSECONDS, '{"app": "other", "a-b": {"1": 2}}', ())
    parsed = parsed_logql('{app="x"} | json')
    assert isinstance(parsed, LogQuery)
    (found,) = newest_lines(store, parsed, 0, 10 * NANOSECONDS, 1, forward=True)
    assert found.record.parsed == {"app_extracted": "other", "a_b_1": "2"}


def test_drop_and_keep_remove_labels(store: LogStore) -> None:
    for stage, left in {"drop pod, trace_id": {"app": "db"}, "keep pod": {"pod": "db-1"}}.items():
        parsed = parsed_logql(f'{{app="db"}} | {stage}')
        assert isinstance(parsed, LogQuery)
        (found,) = newest_lines(store, parsed, 0, 10 * NANOSECONDS, 9, forward=True)
        assert dict(found.record.labels()) == left


def metric(store: LogStore, query: str, second: int = 10) -> dict[str, float]:
    parsed = parsed_logql(query)
    assert isinstance(parsed, MetricQuery)
    value = metric_value(store, parsed, np.array([second * NANOSECONDS]))
    assert isinstance(value, Vector)
    rows = zip(value.labels, value.values[:, 0], strict=True)
    return {",".join(text for _, text in labels): float(number) for labels, number in rows}


@pytest.mark.parametrize(
    ("query", "result"),
    [
        ('sum by (app) (count_over_time({app=~".+"}[10s]))', {"api": 3, "db": 1}),
        ('sum(count_over_time({app=~".+"}[10s])) by (app)', {"api": 3, "db": 1}),
        ('sum by (app) (count_over_time({app=~".+"}[9s]))', {"api": 2, "db": 1}),  # 1 s is on the open border
        ('count_over_time({app="db"}[10s])', {"db,db-1,t3": 1}),
        ('sum without (pod, trace_id) (rate({app="api"} |= "o" [10s]))', {"api": 0.2}),
        ('sum(bytes_over_time({app="db"}[10s]))', {"": len(str(LINES[2][2]))}),
        ('sum(bytes_rate({app="db"}[10s]))', {"": len(str(LINES[2][2])) / 10}),
        ('topk(1, sum by (app) (count_over_time({app=~".+"}[10s])))', {"api": 3}),
        ('sum(count_over_time({app="api"}[10s])) / sum(count_over_time({app=~".+"}[10s]))', {"": 0.75}),
        ('sum by (app) (count_over_time({app=~".+"}[10s])) > 1', {"api": 3}),
        ('max(max_over_time({app="api"} | json | unwrap status [10s]))', {"": 500}),
        (
            'sum by (app) (sum_over_time({app="api"} | json | unwrap duration(took) | __error__="" [10s]))',
            {"api": 1.52},
        ),
        ('quantile_over_time(0.5, {app="api"} | json | unwrap status [10s]) by (app)', {"api": 350}),
        ('sum(count_over_time({app="api"}[2s] offset 5s))', {"": 1}),
        ('sum(count_over_time({app="nosuch"}[10s]))', {}),
    ],
)
def test_a_metric_query_counts_lines(store: LogStore, query: str, result: dict[str, float]) -> None:
    assert metric(store, query) == pytest.approx(result)


def test_a_line_that_cannot_be_measured_ends_a_metric_query(store: LogStore) -> None:
    with pytest.raises(LogQLError, match=r"pipeline error: 'SampleExtractionErr' for series: '\{__error__="):
        metric(store, 'sum(sum_over_time({app="api"} | json | unwrap level [10s]))')


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "parse error : syntax error: unexpected $end"),
        ('{app="x"', "parse error at line 1, col 9: syntax error: unexpected $end, expecting } or ,"),
        ('{app="x"}\n |= 5', "parse error at line 2, col 5: syntax error: unexpected NUMBER, expecting STRING or ip"),
        ("{}", "parse error : queries require at least one regexp or equality matcher"),
        ('{app=~".*"}', "parse error : queries require at least one regexp or equality matcher"),
        ('{app="x"} |~ "(["', "parse error : stage '|~ \"([\"' : error parsing regexp: missing closing ]: `[`"),
        ('rate({app="x"})', "parse error at line 1, col 15: syntax error: unexpected )"),
        (
            "rate(m[5m])",
            "parse error at line 1, col 6: syntax error: unexpected IDENTIFIER, expecting NUMBER or { or (",
        ),
        ('sum_over_time({app="x"}[1m])', "parse error : invalid aggregation sum_over_time without unwrap"),
        ('{app="x"} | line_format "a"', "parse error : stage '| line_format' is not implemented in the replay"),
        ('{app="x"} |> "<_> a"', "parse error : line filter |> is not implemented in the replay"),
        ('absent_over_time({app="x"}[1m])', "parse error : absent_over_time is not implemented in the replay"),
        ('{app="x"} @', "parse error at line 1, col 11: syntax error: unexpected '@'"),
        ('{app="x"} | json | status > "a" > 1', "parse error"),
    ],
)
def test_what_does_not_parse_is_said_in_lokis_words(query: str, message: str) -> None:
    with pytest.raises(LogQLError) as error:
        parsed_logql(query)
    assert str(error.value).startswith(message)
