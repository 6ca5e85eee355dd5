import pytest

from aiops_processor.llm.verification.spelt import in_figures, number_of


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("eighty-one", 81),
        ("twenty five", 25),
        ("two hundred and fifty", 250),
        ("dozen", 12),
        ("two dozen", 24),
        ("three thousand", 3000),
        ("two hundred thousand", 200_000),
        ("five", 5),
        ("5", 5),
        ("0.5", 0.5),
    ],
)
def test_a_number_in_words_has_its_size(words: str, number: float) -> None:
    assert number_of(words) == number


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("Eighty-one percent of the calls", "81 percent of the calls"),
        ("a hundred and sixty-four lines", "a 164 lines"),
        ("just under four requests a minute", "just under 4 requests a minute"),
        ("three of the errors", "3 of the errors"),
    ],
)
def test_numbers_in_words_become_figures(text: str, figures: str) -> None:
    assert in_figures(text) == figures


@pytest.mark.parametrize("text", ["two of the services", "five or again", "twenty-five-fold", "two fifths", "once"])
def test_what_counts_no_things_stays_in_words(text: str) -> None:
    assert in_figures(text) == text
