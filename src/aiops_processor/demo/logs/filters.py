"""LogQL label filters: `| level="error" and (status >= 500 or duration > 1s)`."""

import operator
from collections.abc import Callable

from aiops_processor.demo.logs.cursor import Cursor
from aiops_processor.demo.logs.stages import Record, Stage
from aiops_processor.demo.logs.tokens import syntax_error, unquoted
from aiops_processor.demo.logs.units import bytes_of, seconds_of

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
StringTest = Callable[[str, str, str], Callable[[str], bool]]
Reader = Callable[[str], float | None]


def label_filter(cursor: Cursor, string_test: StringTest) -> Stage:
    """`or` binds less than `and`, which `,` and a blank also mean. `string_test`: operator, value, stage → matcher."""
    stage = _all_of(cursor, string_test)
    while cursor.accept("or"):
        stage = _either(stage, _all_of(cursor, string_test))
    return stage


def _all_of(cursor: Cursor, string_test: StringTest) -> Stage:
    stage = _one(cursor, string_test)
    while cursor.accept("and") or cursor.accept(",") or _starts_filter(cursor):
        stage = _both(stage, _one(cursor, string_test))
    return stage


def _starts_filter(cursor: Cursor) -> bool:
    return cursor.peek.text == "(" or (cursor.peek.kind == "word" and cursor.after.text in {*COMPARISONS, "=~", "!~"})


def _either(left: Stage, right: Stage) -> Stage:
    return lambda record: left(record) or right(record)


def _both(left: Stage, right: Stage) -> Stage:
    return lambda record: left(record) and right(record)


def _one(cursor: Cursor, string_test: StringTest) -> Stage:
    if cursor.accept("("):
        stage = label_filter(cursor, string_test)
        cursor.expect(")")
        return stage
    name = cursor.expect_kind("word").text
    sign, token = cursor.next(), cursor.next()
    if token.kind == "string":
        value = unquoted(token)
        test = string_test(sign.text, value, f'| {name}{sign.text}"{value}"')
        return lambda record: test(record.get(name) or "")
    readers: dict[str, Reader] = {"number": _number, "duration": seconds_of, "bytes": bytes_of}
    if sign.text not in COMPARISONS:
        raise syntax_error(sign)
    if token.kind not in readers:
        raise syntax_error(token)
    return _numeric(name, COMPARISONS[sign.text], readers[token.kind], token.text)


def _numeric(name: str, compare: Callable[[float, float], bool], read: Reader, literal: str) -> Stage:
    """A line with an error stays, and so does, marked, one whose label is no number: people are to see it."""
    wanted = read(literal) or 0.0

    def stage(record: Record) -> bool:
        if "__error__" in record.parsed:
            return True
        text = record.get(name)
        if text is None:
            return False
        value = read(text)
        if value is None:
            record.fail("LabelFilterErr", f'strconv.ParseFloat: parsing "{text}": invalid syntax')
            return True
        return compare(value, wanted)

    return stage


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
