"""Matchers are read as Alertmanager reads them, and a regular expression cannot stall us."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_processor.errors import QueryError
from aiops_processor.query.matchers import Matcher, fit, parse, parse_all

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "name", "operator", "value"),
    [
        ('severity="critical"', "severity", "=", "critical"),
        ("severity=critical", "severity", "=", "critical"),
        ('{severity != "info"}', "severity", "!=", "info"),
        ('severity=~"critical|page",', "severity", "=~", "critical|page"),
        ('  severity  !~  "a b"  ', "severity", "!~", "a b"),
        (r'path="C:\\temp"', "path", "=", r"C:\temp"),
        (r'said="\"hi\"\n"', "said", "=", '"hi"\n'),
        ('a=""', "a", "=", ""),
        # Only the newer syntax knows names and bare values like these.
        ('"über name"="x"', "über name", "=", "x"),
        ("naïve=🙂", "naïve", "=", "🙂"),
        (r'"a\u00e9"="\x41"', "aé", "=", "A"),
        # Only the classic one reads these.
        ("a=", "a", "=", ""),
        ('{a="b"', "a", "=", "b"),
        ("a=b c", "a", "=", "b c"),
        (r"version=~\d+", "version", "=~", r"\d+"),
        ("a==b", "a", "=", "=b"),
        # Both read these, differently: the classic meaning stays.
        (r'a="\u00e9"', "a", "=", r"\u00e9"),
        (r'a="\t"', "a", "=", r"\t"),
    ],
)
def test_both_syntaxes_are_read(text: str, name: str, operator: str, value: str) -> None:
    (found,) = parse(text)
    assert (found.name, found.operator, found.value) == (name, operator, value)


def test_a_list_is_split_outside_of_quotes() -> None:
    text = r'{quote="She said: \"Hi, ladies!\"", b!="c", }'
    assert [str(each) for each in parse(text)] == [r'quote="She said: \"Hi, ladies!\""', 'b!="c"']
    assert parse("a=1,b=2") == parse_all(["a=1", "b=2"])


@pytest.mark.parametrize("text", ["", "{}", "  "])
def test_no_matcher_fits_everything(text: str) -> None:
    assert parse(text) == ()
    assert fit(parse(text), {"any": "thing"})


@pytest.mark.parametrize(
    "text",
    [
        "severity",
        "=x",
        'a="b',
        'a=b"c"',
        "a b=c",
        ",",
        "a=b,,c=d",
        '""="x"',
        '{"a"="b"',
        "{{a=b}}",
        "a\n",
        'a="b" c="d"',
    ],
)
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        parse(text)


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?=look)", r"(a)\1", "a{1000}{1000}{1000}"])
def test_what_is_no_regular_expression_is_refused_with_its_text(pattern: str) -> None:
    with pytest.raises(QueryError, match="is no regular expression"):
        parse(f"a=~{pattern}")


def test_a_label_that_is_missing_counts_as_empty() -> None:
    assert parse('a=""')[0].fits({})
    assert parse('a!="x"')[0].fits({})
    assert parse('a!~".+"')[0].fits({"b": "c"})
    assert not parse('a=~".+"')[0].fits({})


def test_a_regular_expression_must_match_the_whole_value() -> None:
    (found,) = parse('a=~"crit|page"')
    assert [found.fits({"a": value}) for value in ("crit", "page", "critical", "xpage", "page\n")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert parse("a=~(?i)EU.*")[0].fits({"a": "europe"})


def test_a_hostile_value_takes_no_time() -> None:
    (found,) = parse('a=~"(a+)+(a|aa)*b"')
    began = time.process_time()
    assert not found.fits({"a": "a" * 50_000})
    assert time.process_time() - began < 0.5


@given(NAMES, st.sampled_from(["=", "!="]), VALUES)
def test_a_matcher_written_out_is_read_again(name: str, operator: str, value: str) -> None:
    matcher = Matcher(name, operator, value)  # pyrefly: ignore[bad-argument-type]
    assert parse(str(matcher)) == (matcher,)


@given(VALUES.map(lambda text: text or "x"))
def test_a_name_of_any_letters_is_read_again(name: str) -> None:
    matcher = Matcher(name, "=", "v")
    assert parse(str(matcher)) == (matcher,)


@given(VALUES, VALUES)
def test_each_operator_is_the_opposite_of_another(value: str, found: str) -> None:
    labels = {"a": found}
    assert Matcher("a", "=", value).fits(labels) is (value == found)
    assert Matcher("a", "!=", value).fits(labels) is (value != found)
    escaped = "".join(f"\\x{{{ord(char):x}}}" for char in value)
    assert Matcher("a", "=~", escaped).fits(labels) is (value == found)
    assert Matcher("a", "!~", escaped).fits(labels) is (value != found)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except QueryError:
        return
    assert all(each.name for each in found)
