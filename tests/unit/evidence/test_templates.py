import pytest

from aiops_processor.evidence import templates
from aiops_processor.models.samples import Entry, Stream

SECOND = 1_000_000_000


def stream(*lines: str, apart: float = 1.0, **labels: str) -> Stream:
    return Stream(labels, [Entry(int(number * apart * SECOND), line) for number, line in enumerate(lines)])


def read(line: str, **metadata: str) -> templates.Line:
    (found,) = templates.read([[Stream({"service": "db"}, [Entry(0, line, metadata)])]])
    return found[0]


def test_the_stores_own_level_counts_more_than_words() -> None:
    assert read("error count is 0", detected_level="info").level == "info"
    assert read("error count is 0").level == "error"


def test_lines_before_and_after_have_the_same_templates() -> None:
    before, after = templates.read([[stream("took 5 ms", service="db")], [stream("took 3405 ms", service="db")]])

    assert before[0].template == after[0].template == "took <n>"


def test_a_word_is_a_value_for_the_entity_whose_lines_say_so() -> None:
    people = ("ann", "bob", "cid", "dan", "eve", "fay")
    logins = stream(*(f"session of user {name} has ended" for name in people), service="auth")
    one = stream("session of user ann has ended", service="shop")

    (lines,) = templates.read([[logins, one]])

    assert {(line.entity, line.template) for line in lines} == {
        ("auth", "session of user <*> has ended"),
        ("shop", "session of user ann has ended"),
    }


def test_a_stack_trace_is_one_line_even_when_two_answers_hold_its_parts() -> None:
    head = "2026-01-31 12:00:00 ERROR request failed"
    trace = [Entry(1, "java.lang.IllegalStateException: empty"), Entry(2, "\tat shop.Cart.pay(Cart.java:12)")]
    labels = {"service": "cart"}
    quiet = [Entry(at * SECOND, f"2026-01-31 12:00:0{at} INFO paid") for at in range(1, 4)]

    (lines,) = templates.read([[Stream(labels, [Entry(0, head), trace[0]]), Stream(labels, [trace[1], *quiet])]])

    assert [line.entry.line.count("\n") for line in lines if "Cart.java" in line.entry.line] == [1]
    assert sum("paid" in line.entry.line for line in lines) == 3


def test_an_indented_line_that_comes_later_stands_for_itself() -> None:
    lines = ("2026-01-31 12:00:00 ERROR failed", "  at shop.pay(Cart.java:1)")

    (near,), (far,) = (templates.read([[stream(*lines, apart=apart, service="cart")]]) for apart in (0.5, 5.0))

    assert (len(near), len(far)) == (1, 2)


def test_a_line_in_two_answers_is_read_once_and_in_order_of_time() -> None:
    newest_first = Stream({"service": "db"}, [Entry(2, "second"), Entry(1, "first")])

    (lines,) = templates.read([[newest_first, newest_first]])

    assert [line.entry.line for line in lines] == ["first", "second"]


def test_a_new_error_line_is_more_surprising_than_more_traffic() -> None:
    before = [read("request done in 5 ms")] * 1000
    after = [read("request done in 5 ms")] * 100 + [read("ERROR pool exhausted")] * 10

    first, second = templates.compare(before, after, 900, 90)

    assert first.template == "pool exhausted"
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


@pytest.mark.parametrize(("before", "after"), [(0, 1), (0, 15), (1, 25)])
def test_what_rose_within_what_is_usual_is_no_fall(before: int, after: int) -> None:
    assert templates.surprise(before, after, ratio=20) == 0
