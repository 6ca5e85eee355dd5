import pytest

from aiops_processor.evidence.mining.wording import shown
from aiops_processor.evidence.mining.words import words_of


@pytest.mark.parametrize(
    "text", ["user=ann (admin) left, bye.", 'file "notes" is gone: retry', "rates {a, b} at 100%", "a [b] c"]
)
def test_a_template_is_spaced_like_a_text(text: str) -> None:
    assert shown(words_of(text)) == text.replace("100%", "<n>")


def test_nothing_is_nothing() -> None:
    assert shown(()) == ""
