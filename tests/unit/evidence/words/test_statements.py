import pytest

from aiops_processor.evidence.words.statements import message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"ts": "12:00", "level": "error", "msg": "pool exhausted"}', "pool exhausted"),
        ('{"msg": "charge failed: TLS expired", "error": "TLS expired"}', "charge failed: TLS expired"),
        ('{"msg": "charge failed", "error": "TLS expired"}', "charge failed: TLS expired"),
        ('level=error msg="pool exhausted" n=3', "pool exhausted"),
        ('{"msg": "boom"}\n  at a.b(c.java:1)', "boom"),
        ("ERROR pool exhausted", ""),
        ('{"cut": "in the', ""),
        ("", ""),
    ],
)
def test_a_structured_line_says_its_message_once_and_words_are_left_as_they_are(line: str, said: str) -> None:
    assert message(line) == said
