import pytest

from aiops_processor.llm.verification.sentences import Role, clauses, sentences, take_apart


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Errors rose. Then they fell.", 2),
        ("It rose to 1.5 s, e.g. for /checkout. See M1.", 2),
        ("It said “Stopped. Gone.” twice.", 1),
        ("One line\nand another", 2),
        ("v1.4.3 of api.example.com failed", 1),
        ("", 0),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, count: int) -> None:
    assert len(sentences(text)) == count


def test_no_word_of_a_text_is_lost_between_sentences() -> None:
    text = "Rose at 12:00:10 UTC (M1). It was 0 before! Why? Nobody knows"
    assert " ".join(sentences(text)) == text


def test_a_sentence_is_taken_apart() -> None:
    claim = take_apart("checkout: 0 → 12.4/s at 12:00:10 UTC, “pool exhausted”, http_requests_total [M1, L2].")
    assert claim.ids == ("M1", "L2")
    assert claim.quotes == ("pool exhausted",)
    assert claim.times == ("12:00:10",)
    assert [name for name, _ in claim.names] == ["http_requests_total"]
    assert [(said.quantity.written, said.role) for said in claim.numbers] == [(0, Role.BEFORE), (12.4, Role.AFTER)]


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("rose from 20 to 97 %", [Role.BEFORE, Role.AFTER]),
        ("97 % instead of 20 %", [Role.AFTER, Role.BEFORE]),
        ("is 97 %; it was 20 % before", [Role.AFTER, Role.BEFORE]),
        ("rose by 77 points", [Role.BY]),
        ("36x more, tripled", [Role.FACTOR, Role.FACTOR]),
        ("more than twice the limit", [Role.FACTOR]),
    ],
)
def test_every_number_has_the_part_that_the_words_give_it(text: str, roles: list[Role]) -> None:
    assert [said.role for said in take_apart(text).numbers] == roles


def test_a_sentence_with_one_clause_has_no_parts() -> None:
    assert clauses("errors rose") == []
    assert clauses("errors rose, while traffic fell") == ["errors rose", "traffic fell"]
