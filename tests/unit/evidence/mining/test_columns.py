import pytest

from aiops_processor.evidence.mining.columns import Look, columns


def looks(line: str) -> list[str]:
    return [column.look.value for column in columns(line, 12)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026-01-31 12:00:00,123 INFO [main] a.b.C - ok", ["time", "level", "bracket", "name", "mark", "word"]),
        ("Jan 31 12:00:00 web1 sshd[7]: ok", ["time", "word", "process", "word"]),
        ("I0131 12:00:00.1 7 a.go:12] ok", ["one-letter level", "time", "number", "name", "word"]),
        ("[warn] [31/Jan/2026:12:00:00 +0000] ok", ["level", "time", "word"]),
        ("1769860800.123 cart: ok", ["time", "tag", "word"]),
    ],
)
def test_columns_are_told_by_their_form(line: str, expected: list[str]) -> None:
    assert looks(line) == expected


def test_a_sentence_that_begins_with_error_has_no_level() -> None:
    assert looks("Error opening file")[0] == Look.WORD.value
    assert looks("ERROR opening file")[0] == Look.LEVEL.value


def test_only_so_many_columns_are_looked_at() -> None:
    assert len(list(columns("a " * 500, 12))) == 12


def test_a_line_ends_its_columns_where_they_end() -> None:
    first, second = list(columns("cart:  paid", 12))

    assert (first.end, first.gap, second.text) == (5, 2, "paid")
