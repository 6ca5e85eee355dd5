import pytest

from aiops_processor.evidence import templates
from aiops_processor.models.samples import Entry


def read(line: str, entity: str = "db", **metadata: str) -> templates.Line:
    return templates.read(entity, {}, Entry(0, line, metadata))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 12 ms", "took 3405 ms"),
        ("user 550e8400-e29b-41d4-a716-446655440000 gone", "user 123e4567-e89b-12d3-a456-426614174000 gone"),
        ("at 2026-01-31T12:00:00Z ok", "at 2025-12-31T23:59:59.123+01:00 ok"),
        ("from 10.0.0.1:8080", "from 192.168.1.77:443"),
        ("ptr 0xdeadbeef", "ptr 0x1"),
        ('no table "orders"', 'no table "users"'),
        ("KeyError: 'discount'", "KeyError: 'price'"),
        ("worker-7 done", "worker-12 done"),
    ],
)
def test_what_varies_is_masked(one: str, other: str) -> None:
    assert templates.template_of(one) == templates.template_of(other)


def test_what_says_something_is_kept() -> None:
    assert templates.template_of("connection refused by db") == "connection refused by db"
    assert templates.template_of("can't connect, won't retry") == "can't connect, won't retry"


def test_json_lines_are_read_by_their_message_and_reason() -> None:
    line = read(
        '{"ts": "2026-01-31T12:00:00Z", "level": "ERROR", "msg": "query failed", "error": "timeout after 30 s"}'
    )

    assert (line.level, line.template) == ("error", "query failed: timeout after <n> s")


def test_logfmt_lines_are_read_by_their_message() -> None:
    line = read('time=2026-01-31 level=warning msg="slow query" duration=3s')

    assert (line.level, line.template) == ("warn", "slow query")


def test_plain_lines_say_their_level_in_words() -> None:
    assert read("2026-01-31 12:00:00,123 CRITICAL [main] out of memory").level == "fatal"
    assert read("all is well").level == ""


def test_the_stores_own_level_counts_more_than_words() -> None:
    assert read("error count is 0", detected_level="info").level == "info"


def test_half_a_json_line_is_a_plain_line() -> None:
    assert read('{"msg": "cut o').template == '{<text>: "cut o'


def test_a_new_error_line_is_more_surprising_than_more_traffic() -> None:
    before = [read("request done in 5 ms")] * 1000
    after = [read("request done in 5 ms")] * 100 + [read("ERROR pool exhausted")] * 10

    first, second = templates.compare(before, after, 900, 90)

    assert first.template == "ERROR pool exhausted"
    assert first.score > 6
    assert second.score == 0


def test_a_line_that_vanished_counts_too() -> None:
    (change,) = templates.compare([read("heartbeat")] * 900, [], 900, 60)

    assert change.score > 6
    assert (change.before, change.after) == (900, 0)


def test_one_first_line_alone_is_not_unusual_unless_it_is_fatal() -> None:
    (error,) = templates.compare([], [read("ERROR once")], 900, 30)
    (fatal,) = templates.compare([], [read("FATAL out of memory")], 900, 30)

    assert error.score < 6 < fatal.score


def test_without_time_on_both_sides_nothing_is_compared() -> None:
    assert templates.compare([], [read("ERROR x")] * 9, 0, 30) == []
