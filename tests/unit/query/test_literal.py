"""String literals: nothing in a value ends its literal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promql_parser import StringLiteral

from aiops_processor.errors import QueryError
from aiops_processor.query import promql
from aiops_processor.query.literal import is_label_name, quote


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a\nb\r\tc", '"a\\nb\\r\\tc"'),
        ("\x00\x1f\x7f", '"\\x00\\x1f\\x7f"'),
        ("é😀'`", '"é😀\'`"'),
    ],
)
def test_quotes_backslashes_and_control_characters_are_escaped(value: str, literal: str) -> None:
    assert quote(value) == literal


@given(st.text())
def test_any_text_is_read_back_as_it_was(value: str) -> None:
    node = promql.parse(quote(value))
    assert isinstance(node, StringLiteral)
    assert node.val == value


def test_lone_surrogates_are_refused_because_no_server_can_be_sent_one() -> None:
    with pytest.raises(QueryError, match="not valid Unicode"):
        quote("a\ud800b")


@pytest.mark.parametrize(
    ("name", "plain"),
    [("a", True), ("_a1", True), ("1a", False), ("a.b", False), ("", False), ("a\n", False), ("é", False)],
)
def test_a_label_name_without_quotes_is_letters_digits_and_underscores(name: str, plain: bool) -> None:
    assert is_label_name(name) is plain
