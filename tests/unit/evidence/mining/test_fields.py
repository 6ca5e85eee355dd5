import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.evidence.mining import fields


def test_json_is_read_whatever_its_values_are() -> None:
    found = fields.fields_of('{"msg":"paid","n":1,"none":null,"tags":["a"],"level":"warn"}')

    assert found == {"msg": "paid", "n": "1", "none": "", "tags": "['a']", "level": "warn"}
    assert fields.level_word_of(found) == "warn"


@pytest.mark.parametrize("text", ['{"msg":"half a li', "{}x", "{not json}", "[1, 2]", '{"a": 1e', "{" * 5000])
def test_what_is_not_quite_json_is_plain_text(text: str) -> None:
    assert fields.fields_of(text) == {}


def test_logfmt_is_read_with_its_quotes() -> None:
    found = fields.fields_of(r'level=warn msg="said \"no\" twice" err=refused took=3ms')

    assert found == {"level": "warn", "msg": 'said "no" twice', "err": "refused", "took": "3ms"}


def test_a_sentence_with_an_equals_sign_is_no_logfmt() -> None:
    assert fields.fields_of("set retries=3 for user=ann") == {}


@pytest.mark.parametrize(
    ("given_fields", "message"),
    [
        ({"msg": "failed", "err": "refused"}, "failed: refused"),
        ({"message": "", "event": "failed"}, "failed"),
        ({"exception": "refused"}, "refused"),
        ({"b": "1", "a": "2"}, "a b"),
    ],
)
def test_a_structured_line_says_its_message_and_its_reason(given_fields: dict[str, str], message: str) -> None:
    assert fields.message_of(given_fields) == message


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert all(isinstance(value, str) for value in fields.fields_of(text).values())
