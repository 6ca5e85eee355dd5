"""LogQL: log queries `{selector} | stages`, and metric queries over them.

A metric query is PromQL around range aggregations of log queries. Each range aggregation is taken out and parsed here,
the rest is left to the PromQL evaluator, which sees a name in its place.
Reference: https://grafana.com/docs/loki/latest/query/. What is not implemented is refused with its name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from promql_parser import parse_duration

from aiops_processor.demo.go_regex import BadRegex, compiled
from aiops_processor.demo.labels import Labels, only, value_of, without
from aiops_processor.demo.logs.cursor import Cursor
from aiops_processor.demo.logs.filters import label_filter
from aiops_processor.demo.logs.stages import Stage, Unwrap, drop, json_stage, keep, line_filter, logfmt_stage
from aiops_processor.demo.logs.store import NANOSECONDS
from aiops_processor.demo.logs.tokens import LogQLError, syntax_error, tokens, unquoted

LINE_OPERATIONS = frozenset({"count_over_time", "rate", "bytes_over_time", "bytes_rate"})
UNWRAPPED_OPERATIONS = frozenset(
    f"{name}_over_time" for name in ("sum", "avg", "min", "max", "last", "stddev", "stdvar", "quantile")
)
NOT_HERE = frozenset({"absent_over_time", "first_over_time", "rate_counter"})
RANGE_OPERATIONS = LINE_OPERATIONS | UNWRAPPED_OPERATIONS | NOT_HERE
LINE_FILTERS = frozenset({"|=", "!=", "|~", "!~", "|>", "!>"})
NO_MATCHER = (
    "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible "
    'value. For instance, app=~".*" does not meet this requirement, but app=~".+" will'
)


@dataclass(frozen=True, slots=True)
class Selector:
    """A stream selector: `names` are the labels that it speaks of."""

    tests: tuple[tuple[str, Callable[[str], bool]], ...]

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.tests))

    def matches(self, labels: Labels) -> bool:
        return all(test(value_of(labels, name)) for name, test in self.tests)


@dataclass(frozen=True, slots=True)
class LogQuery:
    selector: Selector
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class RangeAggregation:
    """`operation(query [range] offset …) by (…)`; times in nanoseconds; `quantile` is quantile_over_time's own."""

    operation: str
    query: LogQuery
    range: int
    offset: int
    unwrap: Unwrap | None
    group: Callable[[Labels], Labels]
    quantile: float | None


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """PromQL with a name for each range aggregation."""

    promql: str
    parts: dict[str, RangeAggregation] = field(default_factory=dict)


def parsed_logql(query: str) -> LogQuery | MetricQuery:
    """Raises LogQLError."""
    cursor = Cursor(tokens(query))
    if cursor.peek.kind == "end":
        raise syntax_error(cursor.peek)
    if cursor.peek.text == "{":
        parsed, ranged, _ = _log_query(cursor)
        if ranged is not None or cursor.peek.kind != "end":
            raise syntax_error(cursor.peek)
        return parsed
    return _metric_query(cursor, query)


def parsed_streams(text: str) -> Selector:
    """A bare stream selector, as `match[]` has it. Raises LogQLError."""
    cursor = Cursor(tokens(text))
    selector = _selector(cursor)
    if cursor.peek.kind != "end":
        raise syntax_error(cursor.peek)
    return selector


def _metric_query(cursor: Cursor, query: str) -> MetricQuery:
    parts: dict[str, RangeAggregation] = {}
    pieces: list[str] = []
    while cursor.peek.kind != "end":
        token = cursor.next()
        if token.kind == "word" and token.text in RANGE_OPERATIONS and cursor.peek.text == "(":
            name = f"logql_{len(parts)}"
            parts[name] = _range_aggregation(cursor, token.text)
            pieces.append(name)
        elif token.text == "{":
            raise syntax_error(token)
        else:
            pieces.append(query[token.start : token.stop])
    return MetricQuery(" ".join(pieces), parts)


def _range_aggregation(cursor: Cursor, operation: str) -> RangeAggregation:
    cursor.expect("(")
    quantile = None
    if operation == "quantile_over_time":
        quantile = float(cursor.expect_kind("number").text)
        cursor.expect(",")
    parenthesis = cursor.accept("(")
    if cursor.peek.text != "{":
        raise syntax_error(cursor.peek, "NUMBER or { or (")
    query, window, unwrap = _log_query(cursor, inside=True)
    if parenthesis:
        cursor.expect(")")
    if window is None:
        window = _range(cursor)
    offset = _duration(cursor.expect_kind("duration").text) if cursor.accept("offset") else 0
    cursor.expect(")")
    _check_operation(operation, unwrap)
    return RangeAggregation(operation, query, window, offset, unwrap, _grouping(cursor), quantile)


def _check_operation(operation: str, unwrap: Unwrap | None) -> None:
    if operation in NOT_HERE:
        raise LogQLError(f"parse error : {operation} is not implemented in the replay")
    if operation in UNWRAPPED_OPERATIONS and unwrap is None:
        raise LogQLError(f"parse error : invalid aggregation {operation} without unwrap")
    if operation in LINE_OPERATIONS - {"rate"} and unwrap is not None:
        raise LogQLError(f"parse error : invalid aggregation {operation} with unwrap")


def _grouping(cursor: Cursor) -> Callable[[Labels], Labels]:
    if cursor.peek.text not in {"by", "without"}:
        return lambda labels: labels
    choose = only if cursor.next().text == "by" else without
    names = cursor.names_in_parentheses()
    return lambda labels: choose(labels, names)


def _range(cursor: Cursor) -> int:
    if cursor.peek.kind != "range":
        raise syntax_error(cursor.peek)
    return _duration(cursor.next().text[1:-1].strip())


def _duration(text: str) -> int:
    try:
        return round(parse_duration(text).total_seconds() * NANOSECONDS)
    except ValueError:
        raise LogQLError(f'parse error : not a valid duration string: "{text}"') from None


def _log_query(cursor: Cursor, *, inside: bool = False) -> tuple[LogQuery, int | None, Unwrap | None]:
    """Selector and stages; inside a range aggregation also the `[range]`, wherever it stands, and the unwrap."""
    selector = _selector(cursor)
    stages: list[Stage] = []
    window: int | None = None
    unwrap: Unwrap | None = None
    while True:
        if inside and cursor.peek.kind == "range" and window is None:
            window = _range(cursor)
        elif cursor.peek.text in LINE_FILTERS:
            stages.append(_line_filter(cursor))
        elif cursor.accept("|"):
            if inside and cursor.accept("unwrap"):
                unwrap = _unwrap(cursor)
                stages.append(unwrap)
            else:
                stages.append(_stage(cursor))
        else:
            return LogQuery(selector, tuple(stages)), window, unwrap


def _selector(cursor: Cursor) -> Selector:
    cursor.expect("{")
    tests: list[tuple[str, Callable[[str], bool]]] = []
    demanding = False
    while not cursor.accept("}"):
        if tests:
            cursor.expect(",", "} or ,")
        name = cursor.expect_kind("word").text
        operator, value = cursor.next().text, unquoted(cursor.expect_kind("string"))
        test = string_test(operator, value, f'{name}{operator}"{value}"')
        tests.append((name, test))
        demanding = demanding or (operator in {"=", "=~"} and not test(""))
    if not demanding:
        raise LogQLError(NO_MATCHER)
    return Selector(tuple(tests))


def string_test(operator: str, value: str, stage: str) -> Callable[[str], bool]:
    """A matcher of labels: `=`, `!=`, `=~`, `!~`; expressions are anchored. Raises LogQLError."""
    if operator in {"=", "=="}:
        return lambda text: text == value
    if operator == "!=":
        return lambda text: text != value
    if operator not in {"=~", "!~"}:
        raise LogQLError(f"parse error : syntax error: unexpected {operator}")
    try:
        pattern = compiled(f"(?s){value}")
    except BadRegex as error:
        raise LogQLError(f"parse error : stage '{stage}' : {error}") from error
    return lambda text: (pattern.fullmatch(text) is not None) == (operator == "=~")


def _line_filter(cursor: Cursor) -> Stage:
    operator = cursor.next().text
    wanted = [unquoted(cursor.expect_kind("string", "STRING or ip"))]
    while cursor.accept("or"):
        wanted.append(unquoted(cursor.expect_kind("string")))
    try:
        return line_filter(operator, wanted)
    except BadRegex as error:
        raise LogQLError(f"parse error : stage '{operator} \"{wanted[0]}\"' : {error}") from error


def _stage(cursor: Cursor) -> Stage:
    if cursor.accept("json"):
        return json_stage(cursor.assignments())
    if cursor.accept("logfmt"):
        while cursor.peek.text.startswith("--"):
            cursor.next()
        return logfmt_stage(cursor.assignments())
    if cursor.accept("drop"):
        return drop(cursor.names())
    if cursor.accept("keep"):
        return keep(cursor.names())
    if cursor.peek.kind == "word" and cursor.peek.name == cursor.peek.text:
        raise LogQLError(f"parse error : stage '| {cursor.peek.text}' is not implemented in the replay")
    return label_filter(cursor, string_test)


def _unwrap(cursor: Cursor) -> Unwrap:
    name = cursor.expect_kind("word").text
    if not cursor.accept("("):
        return Unwrap(name)
    if name not in {"duration", "duration_seconds", "bytes"}:
        raise LogQLError(f"parse error : conversion {name} is not implemented in the replay")
    label = cursor.expect_kind("word").text
    cursor.expect(")")
    return Unwrap(label, name)
