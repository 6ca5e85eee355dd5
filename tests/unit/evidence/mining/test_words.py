import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.evidence.mining.words import has_meaning, is_masked, words_of


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("took 5 ms and 3.4s of 20%", "took <n> and <n> of <n>"),
        ("GET /api/v1/users/7?x=1 done", "GET <path> done"),
        ("see https://shop.example/a?b=1 now", "see <path> now"),
        (r"C:\data\x.db is gone", "<path> is gone"),
        ("id 550e8400-e29b-41d4-a716-446655440000 done", "id <n> done"),
        ("commit 3f2a9bc1 of 0xdeadbeef", "commit <n> of <n>"),
        ("from 10.0.0.7:3311 to 10.0.0.0/8", "from <n> to <n>"),
        ("due 2026-01-31T12:00:00Z or 12:00:01", "due <time> or <time>"),
        ("shards [1, 2, 3] moved", "shards [ <n> ] moved"),
        ("user= left", "user = <> left"),
        ("worker-12 ended", "worker<n> ended"),
        ("face added to decade", "face added to decade"),
    ],
)
def test_values_are_masked_by_their_form(message: str, words: str) -> None:
    assert " ".join(words_of(message)) == words


def test_a_value_that_is_left_out_is_a_value() -> None:
    assert words_of("user=ann open=") == ("user", "=", "ann", "open", "=", "<>")


def test_marks_and_masks_have_no_meaning() -> None:
    assert [has_meaning(word) for word in ("paid", ":", "<n>", "a", "42")] == [True, False, False, False, False]
    assert is_masked("worker<n>")
    assert not is_masked("worker")


def test_of_a_long_message_only_the_first_words_count() -> None:
    assert len(words_of("word " * 1000, most=10)) == 10


@given(st.text())
def test_any_text_has_words(text: str) -> None:
    assert all(words_of(text))


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_do_not_matter(one: int, other: int) -> None:
    assert words_of(f"sold {one} of them") == words_of(f"sold {other} of them")
