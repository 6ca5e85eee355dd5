import tracemalloc
from collections.abc import Callable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_processor.evidence.mining.miner import OTHER, Bounds, Miner, mine
from aiops_processor.evidence.mining.wording import shown

Written = Callable[[str], list[str]]
HEAD = "2026-01-31 12:00:{s:02d},123 {l} [main] o.a.z.Server - {m}"
TRACE = [
    "java.lang.IllegalStateException: empty",
    "\tat shop.Cart.pay(Cart.java:12)",
    "\tat shop.Cart.run(Cart.java:9)",
]


def test_headers_do_not_make_templates(written: Written, messages: tuple[str, ...]) -> None:
    assert len(set(mine(written(HEAD)))) == len(messages)
    assert set(mine(written(HEAD))) == set(mine(written("{m}")))


def test_json_logfmt_and_plain_lines_say_the_same() -> None:
    said = ["paid 12 coins", '{"level":"info","msg":"paid 7 coins"}', 'level=info msg="paid 9 coins"']

    assert set(mine(said)) == {"paid <n> coins"}


def test_a_stack_trace_stays_with_its_exception(written: Written) -> None:
    lines = written(HEAD)
    whole = [*lines[:30], "2026-01-31 12:00:30,123 ERROR [main] o.a.z.Server - payment failed", *TRACE, *lines[30:]]

    found = mine(whole)

    assert found[30:34] == ["payment failed", *["java.lang.IllegalStateException: empty"] * 3]
    assert [each.continues for each in Miner().read(whole)][30:35] == [False, False, True, True, False]


def test_the_level_is_the_headers_then_the_messages(written: Written) -> None:
    found = list(Miner().read(written(HEAD)))

    assert [each.level for each in found[:4]] == ["info", "warn", "info", "error"]
    assert [each.level for each in Miner().read(["payment failed with error 7"])] == ["error"]


def test_lines_are_read_as_they_come() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield f"paid {taken} coins"

    reads = Miner(Bounds(learning=10)).read(endless())
    first = [next(reads).kind for _ in range(50)]

    assert set(first) == {0}
    assert taken <= 51


def test_memory_is_bounded_however_many_kinds_there_are() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    odd = (f"{letters[i % 26]}{letters[i // 26 % 26]}{letters[i // 676 % 26]} said {i}" for i in range(17_000))
    miner = Miner(Bounds(learning=100, kinds=200, known=300))
    tracemalloc.start()
    numbers = {each.kind for each in miner.read(odd)}
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(numbers) <= 201
    assert len(miner.templates()) <= 201
    assert most < 3_000_000


def test_what_comes_after_the_bound_gets_the_template_that_it_fits() -> None:
    people = [f"session of user {name} has ended" for name in ("ann", "bob", "cid", "dan", "eve", "fay")]
    miner = Miner(Bounds(kinds=6))
    kinds = [each.kind for each in miner.read([*people, people[0].replace("ann", "gus"), "never seen before"])]
    templates = miner.templates()

    assert templates[kinds[6]] == "session of user <*> has ended"
    assert templates[kinds[7]] == shown(OTHER)


def test_of_a_very_long_line_only_the_head_is_looked_at() -> None:
    long = "paid 7 coins " + "x" * 10_000_000

    assert len(mine([long])[0]) < 3_000


LINES = st.lists(st.sampled_from(("paid 1 coins", "paid 22 coins", "user ann left", "user bob left", "", "  at x(y)")))


@settings(max_examples=50)
@given(LINES)
def test_the_order_of_lines_and_how_often_they_come_do_not_matter(lines: list[str]) -> None:
    once = dict(zip(lines, mine(lines), strict=True))

    assert dict(zip(lines[::-1] * 2, mine(lines[::-1] * 2), strict=True)) == once


@given(st.lists(st.text()))
def test_every_line_gets_a_template_whatever_it_holds(lines: list[str]) -> None:
    assert len(mine(lines)) == len(lines)
