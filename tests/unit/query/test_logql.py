"""LogQL texts: no value can change the query."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.errors import QueryError
from aiops_processor.query import logql

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
VALUES = st.one_of(st.sampled_from(['"} or {a=~".+"', "a\nb", "\\", '\\"', "\x00", "`", "é😀", "{}|="]), st.text())
LABELS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4).filter(lambda labels: any(labels.values()))

TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<word>[a-zA-Z_][a-zA-Z0-9_]*)|(?P<sign>[|]~|[{}(),=\[\]]))'
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}


def tokens(text: str) -> list[str]:
    """LogQL as Loki's lexer reads it, strings unquoted and marked with a leading `s:`."""
    found, at = [], 0
    while at < len(text):
        token = TOKEN.match(text, at)
        assert token is not None, text[at:]
        found.append(f"s:{unquoted(token['string'])}" if token["string"] else token["word"] or token["sign"])
        at = token.end()
    return found


def unquoted(literal: str) -> str:
    """Go's strconv.Unquote, as far as our literals go; any other escape fails."""
    assert not re.search(r"[\x00-\x1f]", literal)

    def character(match: re.Match[str]) -> str:
        return chr(int(match[1][1:], 16)) if match[1].startswith("x") else ESCAPES[match[1]]

    return re.sub(r"\\(x[0-9a-f]{2}|.)", character, literal[1:-1])


@given(LABELS)
def test_a_selector_has_exactly_the_matchers_that_were_given(labels: Mapping[str, str]) -> None:
    expected = [token for name, value in labels.items() for token in (name, "=", f"s:{value}", ",")]
    assert tokens(logql.selector(labels)) == ["{", *expected[:-1], "}"]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_a_line_filter_is_one_string(words: list[str]) -> None:
    sign, regex = tokens(logql.contains_any(words))
    assert sign == "|~"
    assert all(re.search(regex.removeprefix("s:"), word) for word in words)


@given(st.text(), st.text())
def test_an_escaped_text_matches_itself_alone(text: str, other: str) -> None:
    pattern = re.compile(logql.re2_escape(text))
    assert pattern.fullmatch(text)
    assert (pattern.fullmatch(other) is not None) == (other == text)


def test_only_what_re2_knows_as_special_is_escaped() -> None:
    assert logql.re2_escape("a b-c#d&e~f/é") == "a b-c#d&e~f/é"
    assert logql.re2_escape(r"\.+*?()|[]{}^$") == r"\\\.\+\*\?\(\)\|\[\]\{\}\^\$"


def test_a_selector_is_written_plainly() -> None:
    assert logql.selector({"app": "a", "env": ""}) == '{app="a", env=""}'


@pytest.mark.parametrize("labels", [{}, {"a": ""}])
def test_a_selector_of_everything_is_refused_as_loki_does(labels: Mapping[str, str]) -> None:
    with pytest.raises(QueryError, match="needs a label with a value"):
        logql.selector(labels)


@pytest.mark.parametrize("name", ["", "a.b", "1a", 'a="b",c', "é", "a\n"])
def test_what_is_no_label_name_is_refused(name: str) -> None:
    with pytest.raises(QueryError, match="is no label name"):
        logql.selector({name: "a"})
    with pytest.raises(QueryError, match="is no label name"):
        logql.count_over_time('{a="b"}', 60, [name])


def test_a_line_filter_ignores_case_unless_told() -> None:
    assert logql.contains_any(["error", "a.b"]) == r'|~ "(?i)(error|a\\.b)"'
    assert logql.contains_any(["error"], ignore_case=False) == '|~ "(error)"'


@pytest.mark.parametrize("words", [[], [""]])
def test_a_line_filter_without_a_word_is_refused(words: list[str]) -> None:
    with pytest.raises(QueryError, match="needs a word"):
        logql.contains_any(words)


def test_an_empty_word_among_others_does_not_let_every_line_through() -> None:
    assert logql.contains_any(["", "error"]) == '|~ "(?i)(error)"'


def test_lines_are_counted_per_window_and_label() -> None:
    assert logql.count_over_time('{a="b"}', 60) == 'sum(count_over_time({a="b"} [60s]))'
    assert logql.count_over_time('{a="b"} |= "x"', 1.5, ["level", "app"]) == (
        'sum by (level, app) (count_over_time({a="b"} |= "x" [1500ms]))'
    )


@pytest.mark.parametrize("seconds", [0, -1, 0.0001])
def test_a_window_of_no_length_is_refused(seconds: float) -> None:
    with pytest.raises(QueryError, match="longer than 0 seconds"):
        logql.count_over_time('{a="b"}', seconds)
