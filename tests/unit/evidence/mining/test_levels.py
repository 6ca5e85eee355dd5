import pytest

from aiops_processor.evidence.mining import levels


@pytest.mark.parametrize(
    ("word", "level"),
    [("WARNING", "warn"), ("crit", "fatal"), ("Err", "error"), ("notice", "info"), ("finest", "trace"), ("paid", "")],
)
def test_the_many_words_for_a_level(word: str, level: str) -> None:
    assert levels.level_of(word) == level


def test_a_line_names_its_level_at_its_head() -> None:
    assert levels.level_in("payment failed: ERROR 7") == "error"
    assert levels.level_in("the log of fine words") == ""
    assert levels.level_in("x" * 100 + " error") == ""


@pytest.mark.parametrize(
    ("text", "level"), [("[core:error]", "error"), ("W", "warn"), ("<7>", ""), ("(INFO):", "info")]
)
def test_a_columns_level_is_found_among_its_marks(text: str, level: str) -> None:
    assert levels.level_of_column(text) == level
